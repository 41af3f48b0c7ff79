"""What tests do to their process and their database costs them alone."""

from support.database_servers import MariaServer, PostgresServer
from support.django_case import DjangoCase, IMPORTS, SQLITE_FILE, \
    SQLITE_MEMORY

# Jobs come in the order of modules and classes, whatever their kind.
UNORDERED = """
TEST_RUNNER = "site_.runner.Runner"
"""
RUNNER = """
from django.test.runner import DiscoverRunner
class Runner(DiscoverRunner):
    reorder_by = ()
"""

MIGRATED = """
from django.db import migrations

def add(apps, editor):
    apps.get_model("shop", "Item").objects.using(
        editor.connection.alias).create(name="migrated")

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
"""

# After each misfortune: all is as it was made, and can be used.
SOUND = """
class {name}_then(TestCase):
    databases = "__all__"
    def test_1(self):
        for alias in connections:
            items = Item.objects.using(alias)
            self.assertEqual([i.name for i in items.all()], ["migrated"])
            items.create(name="more")
        self.assertEqual(os.getcwd(), {folder!r})
        print("heard")
"""

MISFORTUNES = {
    "closes": """
class {name}(TestCase):
    def test_1(self):
        Item.objects.create(name="a")
        os.closerange(3, 4096)
""",
    "closes_low": """
class {name}(TestCase):
    def test_1(self):
        os.closerange(0, 3)
""",
    "forks": """
class {name}(TestCase):
    def test_1(self):
        Item.objects.create(name="a")
        pid = os.fork()
        if pid == 0:
            connection.close()
            os._exit(3)
        self.assertEqual(os.waitstatus_to_exitcode(
            os.waitpid(pid, 0)[1]), 3)
    def test_2_returns_from_it(self):
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
""",
    "threads": """
class {name}(TransactionTestCase):
    def test_1(self):
        import threading
        there = threading.Event()
        def stay():
            connection.ensure_connection()
            there.set()
            threading.Event().wait()
        threading.Thread(target=stay, daemon=True).start()
        there.wait(20)
""",
    "moves": """
class {name}(TestCase):
    def test_1(self):
        os.chdir("/")
""",
    "patches": """
class {name}(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from django import db
        db.connection = db.connections = db.transaction = None
    def test_1(self):
        pass
""",
    "replaces": """
class {name}(unittest.TestCase):
    def test_1(self):
        del connections["default"]
        connections["default"].ensure_connection()
""",
    "drops": """
class {name}(TransactionTestCase):
    def test_1(self):
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE shop_item")
""",
    "empties": """
class {name}(TransactionTestCase):
    def test_1(self):
        Item.objects.all().delete()
""",
    "writes": """
class {name}(unittest.TestCase):
    def test_1(self):
        Item.objects.create(name="left")
""",
    "writes_again": """
class {name}(unittest.TestCase):
    def test_1(self):
        Item.objects.create(name="left")
""",
    "opens_a_transaction": """
class {name}(unittest.TestCase):
    def test_1(self):
        from django.db import transaction
        transaction.atomic().__enter__()
        Item.objects.create(name="left")
""",
    "turns_autocommit_off": """
class {name}(TransactionTestCase):
    def test_1(self):
        connection.set_autocommit(False)
        Item.objects.create(name="left")
""",
    "crashes": """
class {name}(TestCase):
    @classmethod
    def setUpTestData(cls):
        Item.objects.create(name="left")
        os.abort()
    def test_1(self):
        pass
""",
    "ends": """
class {name}(TestCase):
    def test_1(self):
        Item.objects.create(name="left")
        os._exit(0)
    def test_2(self):
        pass
""",
    "exits": """
class {name}(TestCase):
    databases = {{"default"}}
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        Item.objects.create(name="left")
        sys.exit(1)
    def test_1(self):
        pass
""",
    "exits_simple": """
class {name}(SimpleTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        sys.exit(1)
    def test_1(self):
        pass
""",
    "exits_in_its_data": """
class {name}(TestCase):
    @classmethod
    def setUpTestData(cls):
        Item.objects.create(name="left")
        sys.exit(1)
    def test_1(self):
        pass
""",
    "closes_its_connection": """
class {name}(TestCase):
    def test_1(self):
        connection.connection.close()
""",
}

# What ends the session from outside.
KILLED = {
    "kills": """
class {name}(TestCase):
    def test_1(self):
        Item.objects.create(name="left")
        with connection.cursor() as cursor:
            cursor.execute({statement!r})
""",
    "kills_in_its_data": """
class {name}(TestCase):
    @classmethod
    def setUpTestData(cls):
        with connection.cursor() as cursor:
            cursor.execute({statement!r})
    def test_1(self):
        pass
""",
}

# How tests end that do not simply pass.
ENDS = {
    "crashes.test_1": "not run", "ends.test_1": "crashed",
    "ends.test_2": "passed", "exits.test_1": "not run",
    "exits_simple.test_1": "not run",
    "exits_in_its_data.test_1": "not run"}
# Where what they do keeps Django itself from going on.
MAY_FAIL = ("closes", "closes_its_connection", "drops", "patches",
            "turns_autocommit_off", "opens_a_transaction", "kills",
            "kills_in_its_data", "replaces", "threads")


class Isolation(DjangoCase):

    def play(self, databases, misfortunes, *words, statement=None):
        files = {"site_/runner.py": RUNNER,
                 "shop/migrations/0002_add.py": MIGRATED}
        for number, (name, text) in enumerate(sorted(misfortunes.items())):
            files["shop/tests/test_%02d_%s.py" % (number, name)] = IMPORTS + (
                text + SOUND).format(name=name, folder=self.folder,
                                     statement=statement)
        self.project(files, databases, UNORDERED)
        result = self.django_test("-j1", *words, status=None)
        self.assertIn(result.status, (0, 1), result.text)
        found = {id.partition("_")[2].partition(".")[2]: state
                 for id, state in result.states.items() if "tests.test_" in id
                 and id.startswith("shop.")}
        for name in misfortunes:
            self.assertEqual(found.pop(name + "_then.test_1"), "passed",
                             "after %s\n%s" % (name, result.text))
        for name, state in found.items():
            if name.partition(".")[0] not in MAY_FAIL:
                self.assertEqual(state, ENDS.get(name, "passed"),
                                 "%s\n%s" % (name, result.text))
        return result

    def test_a_misfortune_costs_its_class_in_memory(self):
        self.play(SQLITE_MEMORY, MISFORTUNES)

    def test_a_misfortune_costs_its_class_in_a_file(self):
        self.play(SQLITE_FILE, MISFORTUNES)

    def test_a_misfortune_costs_its_class_under_isolation_by_class(self):
        self.play({"default": SQLITE_FILE, "other": SQLITE_MEMORY},
                  MISFORTUNES, "--isolation", "class")

    def test_a_misfortune_costs_its_class_on_postgresql(self):
        with PostgresServer.start() as server:
            self.play(server.settings("shop"), {**MISFORTUNES, **KILLED},
                      statement="SELECT pg_terminate_backend("
                                "pg_backend_pid())")
            self.assertEqual(server.databases(), [])

    def test_a_misfortune_costs_its_class_on_mariadb(self):
        with MariaServer.start() as server:
            self.play(server.settings("shop"), {**MISFORTUNES, **KILLED},
                      statement="KILL CONNECTION_ID()")
            self.assertEqual(server.databases(), [])

    def test_a_class_that_hangs_in_its_data_is_ended_with_a_stack(self):
        self.project({"shop/tests/test_it.py": IMPORTS + """
class A(TestCase):
    @classmethod
    def setUpTestData(cls):
        Item.objects.create(name="left")
        cls.wait_for_godot()
    @classmethod
    def wait_for_godot(cls):
        import threading
        threading.Event().wait()
    def test_1(self): pass
class B(TestCase):
    def test_1(self):
        self.assertEqual(Item.objects.count(), 0)
"""}, SQLITE_FILE)
        result = self.django_test("-j1", "--timeout", "2", status=1)
        self.assertShort(result, A="not run", B="passed")
        self.assertSays(result.text, "wait_for_godot", "setUpTestData")

    def test_each_job_under_isolation_by_class_has_its_own_connection(self):
        with PostgresServer.start() as server:
            self.project({"shop/tests/test_it.py": IMPORTS + """
class Own(unittest.TestCase):
    def test_1(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            print(cursor.fetchone()[0])
class A(Own): pass
class B(Own): pass
class C(TestCase):
    test_1 = Own.test_1
"""}, server.settings("shop"))
            result = self.django_test("-j1", "--isolation", "class",
                                      "--start", "fork")
            pids = [result.output_of(id) for id in result.states]
            self.assertEqual(len(set(pids)), 4, pids)
