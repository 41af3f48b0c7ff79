"""Kinds of tests: what each of them gets, and what skipped ones cost."""

from support.database_servers import MariaServer, PostgresServer
from support.django_case import DjangoCase, IMPORTS, SQLITE_FILE, \
    SQLITE_MEMORY
from system.test_django_isolation import MIGRATED, RUNNER, UNORDERED

# Each has everything skipped, and would say so if its fixture ran.
SKIPPED = """
class Loud:
    @classmethod
    def setUpClass(cls):
        print("a fixture ran")
        super().setUpClass()

class EachMethod(Loud, LiveServerTestCase):
    @unittest.skip("this")
    def test_1(self): pass
    @skipUnlessDBFeature("no_such_feature")
    def test_2(self): pass
    @override_settings(DEBUG=True)
    @skipIfDBFeature("supports_transactions")
    def test_3(self): pass

@unittest.skip("whole")
class Whole(Loud, LiveServerTestCase):
    def test_1(self): pass

@skipUnlessDBFeature("no_such_feature")
class Feature(Loud, LiveServerTestCase):
    def test_1(self): pass

@skipUnlessAnyDBFeature("no_such_feature", "nor_this")
class Any(Loud, TestCase):
    def test_1(self): pass

class Inherits(Feature):
    def test_2(self): pass

class Zero(SimpleTestCase):
    def test_1(self):
        print(sorted(n for n in os.listdir(".") if "sqlite3" in n))
"""

# Everything that Django's classes can be told.
FEATURES = """
from django.conf import settings
from django.test.testcases import SerializeMixin

class Fixtures(TestCase):
    fixtures = ["some"]
    def test_1(self):
        self.assertEqual(Item.objects.get(pk=40).name, "from a fixture")
    def test_2(self):
        Item.objects.get(pk=40).delete()

class FlushedFixtures(TransactionTestCase):
    fixtures = ["some"]
    def test_1(self):
        self.assertEqual(Item.objects.get(pk=40).name, "from a fixture")
    def test_2(self):
        Item.objects.get(pk=40).delete()

class Rollback(TransactionTestCase):
    serialized_rollback = True
    def test_1(self):
        Item.objects.get(name="migrated").delete()
    def test_2(self):
        Item.objects.get(name="migrated").delete()

class Available(TransactionTestCase):
    available_apps = ["shop"]
    def test_1(self):
        from django.apps import apps
        self.assertFalse(apps.is_installed("django.contrib.auth"))
        Item.objects.create(name="a")
    def test_2(self):
        self.assertFalse(Item.objects.filter(name="a").exists())

class Sequences(TransactionTestCase):
    reset_sequences = True
    def test_1(self):
        # The first on its database finds what was migrated, and MariaDB
        # counts on from the rows that are there.
        first = 1
        if Item.objects.exists() and connections["default"].vendor == "mysql":
            first = 2
        Item.objects.all().delete()
        self.assertEqual(Item.objects.create(name="a").pk, first)
    def test_2(self):
        self.test_1()

class Both(TestCase):
    databases = {"default", "other"}
    def test_1(self):
        Item.objects.using("other").create(name="a")
        self.assertEqual(Item.objects.using("other").count(), 2)
    def test_2(self):
        self.assertEqual(Item.objects.using("other").count(), 1)
        self.assertEqual(Item.objects.count(), 1)

class Other(TransactionTestCase):
    databases = {"other"}
    def test_1(self):
        Item.objects.using("other").create(name="a")
    def test_default_is_forbidden(self):
        with self.assertRaises(AssertionError):
            Item.objects.count()

class All(TestCase):
    databases = "__all__"
    def test_1(self):
        for alias in connections:
            self.assertTrue(Item.objects.using(alias).exists())

class Mirror(TransactionTestCase):
    databases = {"default", "replica"}
    def test_1(self):
        Item.objects.create(name="written")
        self.assertTrue(Item.objects.using("replica").filter(
            name="written").exists())

class Data(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.item = Item.objects.create(name="mine")
    def test_1(self):
        self.item.name = "other"
        self.item.save()
    def test_2(self):
        self.assertEqual(self.item.name, "mine")
        self.item.refresh_from_db()
        self.assertEqual(self.item.name, "mine")

@override_settings(SITE="of the class")
class Settings(SimpleTestCase):
    def test_1(self):
        self.assertEqual(settings.SITE, "of the class")
    @override_settings(SITE="of the method")
    def test_2(self):
        self.assertEqual(settings.SITE, "of the method")
    def test_3(self):
        with self.settings(SITE="here"):
            self.assertEqual(settings.SITE, "here")

class SettingsAfter(SimpleTestCase):
    def test_1(self):
        self.assertFalse(hasattr(settings, "SITE"))

class OneAtATime(SerializeMixin, TestCase):
    lockfile = __file__
    def test_1(self):
        held = os.open("serial.lock", os.O_CREAT | os.O_EXCL)
        os.close(held)
        os.unlink("serial.lock")

class OneAtATimeToo(OneAtATime):
    pass

class Committed(TestCase):
    def test_1(self):
        from django.db import transaction
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            transaction.on_commit(lambda: Item.objects.create(name="late"))
        self.assertEqual(len(callbacks), 1)
        self.assertTrue(Item.objects.filter(name="late").exists())

class SkipsItself(TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("no weather")
    def test_1(self): pass

class SkippedTest(Exception):
    pass

class SkipsAsOthersDo(TestCase):
    @classmethod
    def setUpTestData(cls):
        raise SkippedTest("no weather, either")
    def test_1(self): pass

class SkipsOne(TestCase):
    def test_1(self):
        raise SkippedTest("only this")
    def test_2(self):
        pass
"""
SKIPS = ("SkipsItself.test_1", "SkipsAsOthersDo.test_1", "SkipsOne.test_1")

FIXTURE = '[{"model": "shop.item", "pk": 40, "fields": ' \
    '{"name": "from a fixture", "parent": null}}]'


class Skipping(DjangoCase):

    def test_what_is_skipped_runs_no_fixture_and_needs_no_database(self):
        self.write(SKIPPED, databases=SQLITE_FILE)
        for words in (["-j1"], ["-j1", "--isolation", "class"],
                      ["-j1", "--start", "spawn"]):
            with self.subTest(words=words):
                result = self.django_test(*words)
                self.assertShort(
                    result, EachMethod="skipped", Whole="skipped",
                    Feature="skipped", Any="skipped", Inherits="skipped",
                    Zero="passed")
                for id in result.states:
                    self.assertNotIn("fixture", result.output_of(id))
                there = result.output_of("shop.tests.test_it.Zero.test_1")
                self.assertEqual(there.count("sqlite3"), 1, there)
                self.assertSays(result.text, "(skipped=8)",
                                "Database doesn't support feature(s): "
                                "no_such_feature")

    def test_one_that_is_not_skipped_has_the_fixtures_of_its_class(self):
        self.write("""
class A(LiveServerTestCase):
    @unittest.skip("this")
    def test_1(self): pass
    @skipUnlessDBFeature("no_such_feature")
    def test_2(self): pass
    def test_3(self):
        self.assertTrue(self.live_server_url)
""")
        result = self.django_test()
        self.assertShort(result, A__test_1="skipped", A__test_2="skipped",
                         A__test_3="passed")


class Features(DjangoCase):

    def features(self, default, other, *words):
        self.project({
            "shop/tests/test_it.py": IMPORTS + FEATURES,
            "shop/fixtures/some.json": FIXTURE,
            "shop/migrations/0002_add.py": MIGRATED},
            {"default": default, "other": other,
             "replica": {**default, "TEST": {"MIRROR": "default"}}})
        result = self.django_test("-j2", *words)
        self.assertEqual(len(result.states), 29)
        for name, state in self.short(result).items():
            self.assertEqual(
                state, "skipped" if name in SKIPS else "passed", name)

    def test_all_that_classes_can_be_told_is_obeyed_in_memory(self):
        for words in ((), ("--isolation", "class"), ("--isolation", "test")):
            with self.subTest(words=words):
                self.features(SQLITE_MEMORY, SQLITE_MEMORY, *words)

    def test_all_that_classes_can_be_told_is_obeyed_on_servers(self):
        with PostgresServer.start() as first, MariaServer.start() as second:
            self.features(first.settings("shop"), second.settings("shop"))
            self.features(second.settings("shop"), first.settings("shop"),
                          "--isolation", "class")
            self.assertEqual(first.databases(), [])
            self.assertEqual(second.databases(), [])


class FeaturesOld(Features):
    django = "4.2"
    test_all_that_classes_can_be_told_is_obeyed_on_servers = None


# All kinds are one to it, but it wants an order.
ALL_IN_ONE = RUNNER.replace("= ()", "= (object,)")


class Order(DjangoCase):
    """What was collected in the order of names, whatever the kind."""

    CLASSES = """
class A(unittest.TestCase):
    def test_1(self): pass
class B(TransactionTestCase):
    def test_1(self): pass
class C(TransactionTestCase):
    serialized_rollback = True
    def test_1(self): pass
class D(SimpleTestCase):
    def test_1(self): pass
class E(TestCase):
    def test_1(self): pass
class F(SimpleTestCase):
    databases = {"default"}
    def test_1(self): pass
"""

    def order(self, databases, *words, runner=ALL_IN_ONE):
        self.project({
            "site_/runner.py": runner,
            "shop/tests/test_it.py": IMPORTS + self.CLASSES},
            databases, UNORDERED)
        result = self.django_test("-j1", "--no-store", *words)
        self.assertEqual(set(result.states.values()), {"passed"})
        return "".join(name[0] for name in self.short(result))

    def test_kinds_have_their_turn_where_a_clone_is_dear(self):
        with PostgresServer.start() as server:
            databases = server.settings("shop")
            self.assertEqual(self.order(databases), "DECABF")
            self.assertEqual(self.order(databases, "--order", "given"),
                             "ABCDEF")
            self.assertEqual(self.order(databases, runner=RUNNER), "ABCDEF")

    def test_they_have_none_where_it_is_cheap(self):
        self.assertEqual(self.order(SQLITE_FILE), "ABCDEF")


class Dirt(DjangoCase):
    """In the order of their names, whatever their kind."""

    def play(self, text, databases, *words):
        self.project({
            "site_/runner.py": RUNNER,
            "shop/migrations/0002_add.py": MIGRATED,
            "shop/tests/test_it.py": IMPORTS + text}, databases, UNORDERED)
        return self.django_test("-j1", "--order", "given", *words)

    def places(self, result):
        """Where the database of each class was, as its test printed it."""
        return {name.partition(".")[0]: result.output_of(
            "shop.tests.test_it." + name) for name in self.short(result)}

    def test_a_clone_is_made_anew_where_it_may_be_dirty_and_only_there(self):
        text = """
class Says:
    def say(self):
        connection.ensure_connection()
        print(os.stat(connection.settings_dict["NAME"]).st_ctime_ns)
class A(Says, TestCase):
    def test_1(self):
        self.assertEqual(Item.objects.get().name, "migrated")
        Item.objects.create(name="a")
        self.say()
class B(TestCase):
    test_1 = A.test_1
    say = Says.say
class C(Says, TransactionTestCase):
    def test_1(self):
        Item.objects.create(name="a")
        self.say()
class D(Says, TransactionTestCase):
    def test_1(self):
        self.assertEqual(Item.objects.count(), 0)
        self.say()
class E(B): pass
class F(unittest.TestCase):
    def test_1(self): pass
class G(B): pass
class H(unittest.TestCase):
    def test_1(self):
        Item.objects.all().delete()
class I(B): pass
class J(SimpleTestCase):
    databases = {"default"}
    def test_1(self):
        Item.objects.all().delete()
class K(B): pass
"""
        text = text.replace("st_ctime_ns", "st_ino")
        for words in ((), ("--isolation", "class")):
            with self.subTest(words=words):
                where = self.places(self.play(text, SQLITE_FILE, *words))
                self.assertEqual(where["A"], where["B"])
                self.assertEqual(where["C"], where["D"])
                self.assertEqual(where["E"], where["G"])

    def test_in_memory_the_next_class_finds_it_as_it_was_made(self):
        text = """
class A(TestCase):
    def test_1(self):
        self.assertEqual(Item.objects.get().name, "migrated")
        self.assertEqual(Item.objects.create(name="a").name, "a")
class B(TransactionTestCase):
    def test_1(self):
        Item.objects.all().delete()
class C(A): pass
class D(unittest.TestCase):
    def test_1(self):
        Item.objects.create(name="b")
class E(A): pass
"""
        for words in ((), ("--isolation", "class"), ("--isolation", "test")):
            with self.subTest(words=words):
                self.play(text, SQLITE_MEMORY, *words)


class Live(DjangoCase):

    def test_each_slot_has_servers_on_ports_of_their_own(self):
        meeting = self.fifo("meeting")
        self.write("""
class Meets(LiveServerTestCase):
    __test__ = False
    def meet(self):
        from urllib import error, request
        try:
            request.urlopen(self.live_server_url + "/none")
        except error.HTTPError as answer:
            answer.close()
        with open(os.environ["MEETING"], "w") as file:
            file.write(self.live_server_url + "\\n")
        # Both are there at the same time.
        with open(os.environ["MEETING"] + "." + type(self).__name__) as file:
            self.assertEqual(file.readline(), "go\\n")
class A(Meets):
    def test_1(self):
        Item.objects.create(name="a")
        self.meet()
        self.assertEqual(Item.objects.count(), 1)
class B(Meets):
    test_1 = A.test_1
""")
        goes = [self.fifo("meeting.A"), self.fifo("meeting.B")]
        program = self.start_django("-j2", env={"MEETING": meeting.path})
        urls = {meeting.line(program), meeting.line(program)}
        for go in goes:
            go.write()
        result = self.result_of(program)
        self.assertEqual(result.status, 0, program.describe())
        self.assertEqual(len(urls), 2, urls)
