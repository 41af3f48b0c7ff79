"""Test databases on real servers: names, clones, and that none is left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

from support import django_env
from support.database_servers import MariaServer, PostgresServer

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
PYTHON = os.path.join(os.path.dirname(TESTS), "python")
PATIENCE = 120

MODELS = """
from django.db import models

class Item(models.Model):
    name = models.CharField(max_length=80)
"""

MIGRATION = """
from django.db import migrations, models

def fill(apps, editor):
    Item = apps.get_model("shop", "Item")
    Item.objects.using(editor.connection.alias).create(name="first")

class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Item", [
            ("id", models.BigAutoField(primary_key=True, serialize=False)),
            ("name", models.CharField(max_length=80))]),
        migrations.RunPython(fill, migrations.RunPython.noop)]
"""

FAILING = """
from django.db import migrations

def fail(apps, editor):
    {body}

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(fail)]
"""

SCENE = """
from support.database_scene import *
"""


class Scenes(unittest.TestCase):
    """Plays scenes in a folder with the app `shop`, with a record of its
    own. Nothing may be left afterwards, in the record or on the server."""

    django = "5.2"
    server = None

    def setUp(self):
        self.python = django_env.python(self.django)
        self.folder = tempfile.mkdtemp(prefix="mule-scene-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.state = os.path.join(self.folder, "state")
        self.write("shop/__init__.py", "")
        self.write("shop/models.py", MODELS)
        self.write("shop/migrations/__init__.py", "")
        self.write("shop/migrations/0001_initial.py", MIGRATION)
        self.addCleanup(self.look_for_databases)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def look_for_databases(self):
        """Those that a test means to stay it removes itself."""
        self.assertEqual(self.databases(), [], "databases were left")
        self.assertEqual(self.recorded(), [], "a record was left")

    def recorded(self):
        home = os.path.join(self.state, "databases")
        if not os.path.isdir(home):
            return []
        return sorted(name for name in os.listdir(home)
                      if not name.endswith((".lock", ".prepared")))

    def databases(self):
        return self.server.databases() if self.server else []

    def settings(self, **more):
        """DATABASES for one alias."""
        return {"default": self.server.settings("shop", **more)}

    def start(self, code, databases=None, env=None, apps=("shop",)):
        code = SCENE + "configure(%r, apps=%r)\n" % (
            databases or self.settings(), tuple(apps)) \
            + textwrap.dedent(code)
        environ = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MULE", "PG", "BUILD_ID"))}
        environ.update(PYTHONPATH=PYTHON + os.pathsep + TESTS,
                       MULE_STATE=self.state, PYTHONDONTWRITEBYTECODE="1")
        environ.update(env or {})
        return subprocess.Popen(
            [self.python, os.path.join(TESTS, "support", "database_scene.py"),
             code], cwd=self.folder, env=environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process, status=0):
        out, err = process.communicate(timeout=PATIENCE)
        if status is not None:
            self.assertEqual(process.returncode, status, out + err)
        return [json.loads(line) for line in out.splitlines()]

    def play(self, code, status=0, **more):
        """What a scene tells; one thing by itself, more as a list."""
        told = self.finish(self.start(code, **more), status)
        return told[0] if len(told) == 1 else told


class EveryEngine:
    """What holds wherever databases are. Mixed into the classes below."""

    in_memory = False

    def test_a_slot_has_what_the_template_has(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    add("mine")
                    return names()
                tell(build.worker(0, work))
                tell(build.worker(1, work))
            """), [["first", "mine"], ["first", "mine"]])

    def test_a_dirty_clone_is_made_anew_only_where_it_matters(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    add("mine")
                    databases.used(["default"], True)
                    databases.make_sound(["default"])
                    kept = names()
                    databases.used(["default"], False)
                    databases.make_clean(["default"])
                    return [kept, names()]
                tell(build.worker(0, work))
            """), [["first", "mine"], ["first"]])

    def test_a_clean_clone_is_not_made_again(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    add("mine")
                    databases.used(["default"], False)
                    databases.make_clean(["default"])
                    return names()
                tell(build.worker(0, work))
            """), ["first", "mine"])

    def test_numbers_begin_again_with_a_new_clone(self):
        first, second = self.play("""
            with Build() as build:
                def work(databases):
                    numbers = []
                    for _ in range(2):
                        databases.make_clean(["default"])
                        numbers.append(add("mine"))
                        databases.used(["default"], True)
                    return numbers
                for number in build.worker(0, work):
                    tell(number)
            """)
        self.assertEqual(first, second)

    def test_tables_that_a_test_dropped_come_back(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_sound(["default"])
                    sql("DROP TABLE shop_item")
                    databases.used(["default"], True)
                    databases.make_sound(["default"])
                    return names()
                tell(build.worker(0, work))
            """), ["first"])

    def test_a_table_that_a_test_added_goes(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_sound(["default"])
                    sql("CREATE TABLE more (id integer)")
                    databases.used(["default"], True)
                    databases.make_sound(["default"])
                    from django.db import connection
                    return "more" in connection.introspection.table_names()
                tell(build.worker(0, work))
            """), False)

    def test_a_transaction_that_a_test_left_open_is_over(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    from django.db import connection, transaction
                    found = []
                    databases.make_clean(["default"])
                    transaction.atomic().__enter__()
                    add("mine")
                    databases.used(["default"], False)
                    databases.make_clean(["default"])
                    found.append(names())
                    transaction.set_autocommit(False)
                    add("mine")
                    databases.used(["default"], False)
                    databases.make_clean(["default"])
                    found.append(names())
                    found.append(connection.in_atomic_block)
                    sql("BEGIN")
                    add("mine")
                    databases.used(["default"], True)
                    databases.make_clean(["default"])
                    found.append(names())
                    return found
                tell(build.worker(0, work))
            """), [["first"], ["first"], False, ["first"]])

    def test_a_worker_that_was_killed_leaves_nothing_to_the_next(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    from django.db import transaction
                    databases.make_clean(["default"])
                    add("mine")
                    with transaction.atomic():
                        add("locked")
                        die()
                def after(databases):
                    databases.make_clean(["default"])
                    return names()
                tell(build.worker(0, work))
                tell(build.worker(0, after))
            """), [{"signal": signal.SIGKILL}, ["first"]])

    def test_each_process_of_a_job_has_connections_of_its_own(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    found = []
                    for name in ("one", "two"):
                        databases.before_fork()
                        pid = os.fork()
                        if pid == 0:
                            databases.reconnect()
                            add(name)
                            os._exit(0)
                        found.append(os.waitpid(pid, 0)[1])
                        databases.used(["default"], name == "two")
                        if name == "one":
                            found.append(len(names()))
                    databases.make_clean(["default"])
                    return found + [names()]
                tell(build.worker(0, work))
            """), [0, 1 if self.in_memory else 2, 0, ["first"]])

    def test_who_used_a_database_is_known(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    names()
                    databases.opened()
                    found = [bool(databases.opened())]
                    add("mine")
                    found.append(bool(databases.opened()))
                    return found + [bool(databases.opened())]
                tell(build.worker(0, work))
            """), [False, True, False])

    def test_what_serialized_rollback_needs_is_in_workers(self):
        self.assertEqual(self.play("""
            with Build(serialized=["default"]) as build:
                def work(databases):
                    from django.db import connection
                    databases.make_clean(["default"])
                    return json.loads(connection._test_serialized_contents
                                      )[-1]["fields"]
                tell(build.worker(0, work))
            """), {"name": "first"})

    def test_dropping_twice_is_dropping_once(self):
        self.assertEqual(self.play("""
            with Build() as build:
                build.worker(0, lambda d: d.make_clean(["default"]))
            tell(build.left)
            tell(build.databases.drop(build.runner, print))
            """), [[], []])

    def test_a_worker_that_is_no_fork_has_clones_too(self):
        self.write("other.py", """
import sys
from support.database_scene import *
configure(%r)
from mule.contrib.django.databases import Databases
databases = Databases("b1")
databases.attach(7)
databases.make_clean(["default"])
add("mine")
from django.db import connection
found = [names(), connection.settings_dict["NAME"]]
databases.used(["default"], True)
databases.make_clean(["default"])
tell(found + [names(), len(json.loads(connection._test_serialized_contents))])
""" % self.settings())
        found = self.play("""
            import subprocess
            with Build(serialized=["default"]) as build:
                tell(json.loads(subprocess.run(
                    [sys.executable, "other.py"], check=True,
                    stdout=subprocess.PIPE).stdout))
            tell(build.left)
            """)
        self.assertEqual(found[1], [])
        items, name, after, count = found[0]
        self.assertEqual((items, after), (["first", "mine"], ["first"]))
        if not self.in_memory:
            self.assertIn("_b1_7", name)
        self.assertGreater(count, 0)

    def test_what_a_killed_owner_left_is_removed_by_its_build(self):
        self.play("""
            build = Build("dead").__enter__()
            build.worker(0, lambda d: d.make_clean(["default"]))
            die()
            """, status=-signal.SIGKILL)
        self.assertNotEqual(self.recorded(), [])
        self.assertEqual(self.play("""
            from mule.contrib.django.databases import Databases
            tell(Databases("other").drop_left("other"))
            tell(Databases("dead").drop_left("dead"))
            """), [[], []])

    def test_what_a_killed_owner_left_is_removed_by_the_next_run(self):
        self.play("""
            build = Build("dead").__enter__()
            build.worker(0, lambda d: d.make_clean(["default"]))
            die()
            """, status=-signal.SIGKILL)
        self.assertEqual(self.play("""
            with Build("next") as build:
                tell([name for name in os.listdir(os.environ["MULE_STATE"]
                      + "/databases") if name.startswith("dead")])
            """), [])

    def test_ctrl_c_in_the_middle_of_migrations_leaves_nothing(self):
        self.write("shop/migrations/0002_ctrl_c.py", FAILING.format(
            body="import os, signal; os.kill(os.getpid(), signal.SIGINT)"))
        self.assertEqual(self.play("""
            try:
                with Build():
                    tell("made")
            except KeyboardInterrupt:
                tell("interrupted")
            """), "interrupted")

    def test_a_migration_that_fails_is_named(self):
        self.write("shop/migrations/0002_bad.py", FAILING.format(
            body="raise ValueError('a bad day')"))
        found = self.play("""
            tell(attempt(lambda: Build().__enter__()))
            """)
        self.assertEqual(found["reason"], "the migration shop.0002_bad "
                         "fails: ValueError: a bad day")
        self.assertIn("shop/migrations/0002_bad.py:5", found["hint"])


class InMemory(EveryEngine, Scenes):
    in_memory = True

    def settings(self, **more):
        return {"default": {"ENGINE": "django.db.backends.sqlite3",
                            "NAME": ":memory:", **more}}

    def test_it_needs_no_place_for_a_record(self):
        blocked = self.write("file", "")
        self.assertEqual(self.play("""
            with Build() as build:
                tell(build.worker(0, lambda d: (
                    d.make_clean(["default"]), names())[1]))
            """, env={"MULE_STATE": blocked}), ["first"])


class InMemory42(InMemory):
    django = "4.2"


class OnDisk(EveryEngine, Scenes):
    """SQLite in files."""

    def settings(self, **more):
        return {"default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(self.folder, "shop.sqlite3"),
            "TEST": {"NAME": os.path.join(self.folder, "shop.sqlite3")},
            **more}}

    def databases(self):
        return sorted(name for name in os.listdir(self.folder)
                      if "sqlite3" in name)

    def test_a_file_keeps_its_folder_and_its_ending(self):
        self.assertEqual(self.play("""
            with Build("k3v9x2") as build:
                build.worker(4, lambda d: d.make_clean(["default"]))
                tell(sorted(n for n in os.listdir(".") if "sqlite3" in n
                            and "_m" not in n))
            """), ["test_shop_k3v9x2_4.sqlite3"])

    def test_a_file_in_wal_mode_is_copied_whole(self):
        self.write("shop/migrations/0002_wal.py", """
from django.db import migrations
class Migration(migrations.Migration):
    atomic = False
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunSQL("PRAGMA journal_mode = WAL")]
""")
        self.assertEqual(self.play("""
            import sqlite3
            with Build() as build:
                path = build.databases._targets[0].template
                other = sqlite3.connect(path)  # somebody has it open
                other.execute("INSERT INTO shop_item (name) VALUES ('wal')")
                other.commit()
                assert os.path.exists(path + "-wal")
                tell(build.worker(0, lambda d: (
                    d.make_clean(["default"]), add("x"), names())[2]))
                die_of = other.close()
            """), ["first", "wal", "x"])

    def test_a_name_may_be_a_uri(self):
        path = os.path.join(self.folder, "a b.sqlite3")
        settings = self.settings(OPTIONS={"uri": True}, TEST={
            "NAME": "file:%s?cache=private" % path.replace(" ", "%20")})
        self.assertEqual(self.play("""
            with Build() as build:
                tell(build.worker(0, lambda d: (
                    d.make_clean(["default"]), names())[1]))
                tell(len([n for n in os.listdir(".") if "a b" in n]))
            """, databases=settings), [["first"], 2])

    def test_no_room_on_the_disk_is_said_and_leaves_nothing(self):
        found = self.play("""
            import resource, signal
            with Build() as build:
                size = os.path.getsize(build.databases._targets[0].template)
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                def work(databases):
                    resource.setrlimit(resource.RLIMIT_FSIZE,
                                       (size // 2, size))
                    return attempt(
                        lambda: databases.make_clean(["default"]))
                tell(build.worker(0, work))
                tell([n for n in os.listdir(".") if n.endswith("_0.sqlite3")])
            """)
        self.assertIn("File too large", found[0]["reason"])
        self.assertEqual(found[1], [])


class OnServer(EveryEngine):
    """PostgreSQL and MariaDB."""

    kind = None

    @classmethod
    def setUpClass(cls):
        cls.server = cls.kind.start()
        cls.addClassCleanup(cls.server.stop)

    def test_names_hold_prefix_build_and_slot(self):
        found = self.play("""
            with Build("k3v9x2", prefix="mine") as build:
                build.worker(4, lambda d: d.make_clean(["default"]))
                from django.db import connections
                connection = connections["default"]
                tell([connection.settings_dict["NAME"]])
                tell(build.databases._targets[0].server.there(connection, [
                    "mine_shop_k3v9x2_4"]) == {"mine_shop_k3v9x2_4"})
            """)
        self.assertRegex(found[0][0], "^mine_shop_k3v9x2_m[0-9a-f]{6}$")
        self.assertEqual(found[1], True)

    def test_builds_of_one_id_do_not_collide(self):
        self.assertEqual(self.play("""
            with Build("same") as one:
                from django.db import connection
                first = connection.settings_dict["NAME"]
                tell(one.worker(0, lambda d: (
                    d.make_clean(["default"]), names())[1]))
                import subprocess
                tell(subprocess.run([sys.executable, "other.py"]).returncode)
                tell(one.worker(1, lambda d: (
                    d.make_clean(["default"]), names())[1]))
            """ if self.write("other.py", SCENE + """
configure(%r)
with Build("same") as build:
    build.worker(5, lambda d: d.make_clean(["default"]))
""" % self.settings()) else ""), [["first"], 0, ["first"]])

    def test_odd_names_are_as_good_as_others(self):
        for name in ('shop "of" `mine`', "Shop Größe ❤", "shop's %s",
                     "s" * 60, "é" * 40):
            with self.subTest(name):
                settings = {"default": self.server.settings(
                    "shop", TEST={"NAME": name})}
                self.assertEqual(self.play("""
                    with Build("k3v9x2") as build:
                        tell(build.worker(12, lambda d: (
                            d.make_clean(["default"]), names())[1]))
                    """, databases=settings), ["first"])

    def test_aliases_that_share_a_database_and_mirrors(self):
        own = self.server.settings
        found = self.play("""
            class Routes:
                def allow_migrate(self, db, app_label, **hints):
                    return None
            with Build(aliases=["default", "twin", "other"]) as build:
                def work(databases):
                    databases.make_clean(["twin", "mirror", "other"])
                    add("mine", "default")
                    add("theirs", "other")
                    found = [names("twin"), names("mirror"), names("other")]
                    databases.used(["mirror"], True)
                    databases.make_clean(["default"])
                    return found + [names("mirror"), names("other")]
                tell(build.worker(0, work))
                tell(len(build.databases._targets))
            """, databases={
                "default": own("shop"), "twin": own("shop"),
                "mirror": own("elsewhere", TEST={"MIRROR": "default"}),
                "other": own("other", TEST={"DEPENDENCIES": ["default"]})})
        mine, theirs = ["first", "mine"], ["first", "theirs"]
        self.assertEqual(found, [[mine, mine, theirs, ["first"], theirs], 2])

    def test_two_databases_that_would_have_one_name_stay_two(self):
        own = self.server.settings
        self.assertEqual(self.play("""
            with Build(aliases=["default", "other"]) as build:
                def work(databases):
                    databases.make_clean(["default", "other"])
                    add("mine")
                    return [names(), names("other")]
                tell(build.worker(0, work))
            """, databases={"default": own("shop"),
                            "other": own("test_shop")}),
            [["first", "mine"], ["first"]])

    def test_connections_that_persist_do_no_harm(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    add("mine")
                    databases.used(["default"], True)
                    databases.make_clean(["default"])
                    return names()
                tell(build.worker(0, work))
            """, databases=self.settings(
                CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)), ["first"])

    def test_a_test_that_kills_its_connection_costs_nobody_else(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    try:
                        sql(%r)
                    except Exception as error:
                        found = [isinstance(error, Exception)]
                    databases.used(["default"], False)
                    databases.make_clean(["default"])
                    return names()
                tell(build.worker(0, work))
            """ % self.suicide), ["first"])

    def test_who_still_holds_a_database_is_ended(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    names()
                    sys.stdin.close()
                    TOLD.write("ready\\n") if False else None
                    os.kill(os.getppid(), signal.SIGUSR1)
                    while True:
                        signal.pause()
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
                pid, read = build.begin(0, work)
                signal.sigwait([signal.SIGUSR1])
            tell(build.left)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            """), [])

    def test_a_database_that_a_test_dropped_is_no_error(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    from django.db import connections
                    target = databases._targets[0]
                    assert target.server.drop(connections["default"],
                                              [target.clone]) == []
                build.worker(0, work)
                def after(databases):
                    databases.make_clean(["default"])
                    return names()
                tell(build.worker(0, after))
            tell(build.left)
            """), [["first"], []])

    def test_a_runner_that_forgets_to_tear_down_leaves_nothing(self):
        self.assertEqual(self.play("""
            from django.test.runner import DiscoverRunner
            class Forgetful(DiscoverRunner):
                def teardown_databases(self, old_config, **kwargs):
                    raise RuntimeError("not today")
            with Build(runner=Forgetful(verbosity=0)) as build:
                pass
            tell(build.left)
            """), [])

    def test_foreign_databases_are_never_touched(self):
        self.server.sql("CREATE DATABASE test_shop_dead_1")
        self.play("""
            build = Build("dead").__enter__()
            build.worker(0, lambda d: d.make_clean(["default"]))
            die()
            """, status=-signal.SIGKILL)
        self.play('with Build("next"): pass\ntell(1)')
        self.assertEqual(self.server.databases(), ["test_shop_dead_1"])
        self.server.sql("DROP DATABASE test_shop_dead_1")

    def test_no_server_is_said_with_its_place(self):
        settings = self.settings()
        settings["default"]["PORT"] = "1"
        found = self.play("tell(attempt(lambda: Build().__enter__()))",
                          databases=settings)
        self.assertIn("no database server at 127.0.0.1:1:", found["reason"])
        self.assertIn("start it", found["hint"])

    def test_who_may_not_create_is_told_what_grants_it(self):
        self.server.sql(self.poor)
        settings = self.settings()
        settings["default"]["USER"] = "poor"
        found = self.play("tell(attempt(lambda: Build().__enter__()))",
                          databases=settings)
        self.assertIn("poor has no right to do that", found["reason"])
        self.assertIn(self.grant, found["hint"])

    def test_a_wrong_password_is_said(self):
        self.server.sql(self.locked)
        settings = self.settings()
        settings["default"].update(USER="locked", PASSWORD="wrong")
        found = self.play("tell(attempt(lambda: Build().__enter__()))",
                          databases=settings)
        self.assertIn("does not let locked in", found["reason"])
        self.assertIn("PASSWORD", found["hint"])

    def test_what_cannot_be_dropped_is_said_and_stays_recorded(self):
        self.play("""
            build = Build("dead").__enter__()
            die()
            """, status=-signal.SIGKILL)
        self.server.sql(self.weak)
        settings = self.settings()
        settings["default"]["USER"] = "weak"
        settings["default"]["TEST"] = {"NAME": "weak_shop"}
        said = self.play("""
            with Build("next", prefix="weak") as build:
                tell(build.said)
            """, databases=settings)
        self.assertIn("which another run left, cannot be dropped", said[0])
        self.assertNotEqual(self.recorded(), [])
        self.play('with Build("last"): tell(1)')

    # Kept.

    def keep(self, more="", **words):
        return self.play("""
            with Build("%s", keep=True) as build:
                def work(databases):
                    databases.make_clean(["default"])
                    found = [names(), sql(IDENTITY)]
                    %s
                    return found
                tell(build.worker(0, work))
            """.replace("IDENTITY", repr(self.identity)) % (
                words.pop("build", "b1"), more), **words)

    def forget_kept(self):
        for name in self.server.databases():
            self.server.sql("DROP DATABASE " + name)

    def test_kept_clones_are_used_again(self):
        self.addCleanup(self.look_for_databases)
        self.addCleanup(self.forget_kept)
        first = self.keep("add('mine')")  # not said to be dirty
        self.assertEqual(self.server.databases(),
                         ["test_shop", "test_shop_0"])
        second = self.keep(build="b2")
        self.assertEqual(second, [["first", "mine"], first[1]])
        # What a test may have changed is made anew.
        self.keep("add('more'); databases.used(['default'], True)")
        third = self.keep()
        self.assertEqual(third[0], ["first"])
        # So is what a worker was killed over.
        self.keep("databases.make_sound(['default']); add('x'); die()")
        self.assertEqual(self.keep()[0], ["first"])
        # And all, if there is a new migration.
        self.keep("add('mine')")
        self.write("shop/migrations/0002_more.py", """
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunSQL(
        "INSERT INTO shop_item (name) VALUES ('second')")]
""")
        self.assertEqual(self.keep()[0], ["first", "second"])
        self.assertEqual(self.recorded(), [])

    def test_who_wants_what_is_kept_by_another_waits(self):
        self.addCleanup(self.forget_kept)
        holder = self.start("""
            with Build("holder", keep=True) as build:
                tell("has it")
                signal.sigwait([signal.SIGTERM])
            """.replace("with", "signal.pthread_sigmask(signal.SIG_BLOCK, "
                        "[signal.SIGTERM])\n            with", 1))
        self.assertEqual(holder.stdout.readline(), '"has it"\n')
        for state in (None, os.path.join(self.folder, "state2")):
            # By the file, and, from another machine, by the server.
            waiting = self.start("""
                with Build("waiting", keep=True, say=tell) as build:
                    tell("has it")
                """, env={"MULE_STATE": state} if state else None)
            line = waiting.stdout.readline()
            self.assertIn("waiting for ", line)
            self.assertIn(", which uses test_shop", line)
            if state is None:
                self.assertIn("mule holder", line)
                waiting.kill()
                waiting.communicate()
        holder.send_signal(signal.SIGTERM)
        self.finish(holder)
        self.assertEqual(self.finish(waiting)[-1], "has it")

    def test_a_setup_script_may_prepare_the_template(self):
        self.addCleanup(self.forget_kept)
        env = {"BUILD_ID": "k3v9x2"}
        self.play("""
            with Build("", keep=True, bootstrap=True) as build:
                pass
            tell(1)
            """, env=env)
        self.assertEqual(self.server.databases(), ["test_shop"])
        self.assertEqual(self.play("""
            with Build("k3v9x2", serialized=["default"]) as build:
                tell(build.databases._targets[0].template)
                def work(databases):
                    databases.make_clean(["default"])
                    from django.db import connection
                    return [names(), connection.settings_dict["NAME"],
                            "first" in connection._test_serialized_contents]
                tell(build.worker(0, work))
            tell(build.left)
            """), ["test_shop", [["first"], "test_shop_k3v9x2_0", True], []])
        # Another build does not take it, nor one that says --auto-bootstrap.
        for words in ('"other"', '"k3v9x2", bootstrap=True'):
            self.assertNotEqual(self.play("""
                with Build(%s) as build:
                    tell(build.databases._targets[0].template)
                """ % words), "test_shop")
        self.assertEqual(self.server.databases(), ["test_shop"])


class OnPostgres(OnServer, Scenes):
    kind = PostgresServer
    suicide = "SELECT pg_terminate_backend(pg_backend_pid())"
    identity = ("SELECT oid::int FROM pg_database"
                " WHERE datname = current_database()")
    poor = ("DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN")
    locked = ("DROP ROLE IF EXISTS locked;"
              " CREATE ROLE locked LOGIN PASSWORD 'right'")
    weak = ("CREATE ROLE weak LOGIN CREATEDB")
    grant = 'ALTER ROLE "poor" CREATEDB'

    def test_somebody_in_the_template_is_no_obstacle(self):
        self.assertEqual(self.play("""
            import subprocess
            with Build() as build:
                from django.db import connection
                connection.ensure_connection()  # in the template
                tell(build.worker(0, lambda d: (
                    d.make_clean(["default"]), names())[1]))
            """), ["first"])

    def test_a_socket_is_as_good_as_a_port(self):
        settings = self.settings(HOST=self.server.socket_path)
        self.assertEqual(self.play("""
            with Build() as build:
                tell(build.worker(0, lambda d: (
                    d.make_clean(["default"]), names())[1]))
            """, databases=settings), ["first"])

    def test_the_template_of_the_settings_is_used(self):
        self.server.sql("CREATE DATABASE model")
        self.server.sql("CREATE TABLE extra (id integer)", "model")
        self.assertEqual(self.play("""
            with Build() as build:
                tell(build.worker(0, lambda d: (
                    d.make_clean(["default"]), sql("SELECT * FROM extra"))[1]))
            """, databases=self.settings(TEST={
                "TEMPLATE": "model", "CHARSET": "UTF8"})), [])
        self.server.sql("DROP DATABASE model")

    def test_migrations_may_be_left_out(self):
        self.assertEqual(self.play("""
            with Build() as build:
                tell(build.worker(0, lambda d: (
                    d.make_clean(["default"]), names())[1]))
            """, databases=self.settings(TEST={"MIGRATE": False})), [])


class OnPostgres42(OnPostgres):
    django = "4.2"


class OnMaria(OnServer, Scenes):
    kind = MariaServer
    suicide = "KILL CONNECTION_ID()"
    identity = ("SELECT CAST(MIN(create_time) AS CHAR) FROM"
                " information_schema.tables WHERE table_schema = database()"
                " AND table_name = 'shop_item'")
    poor = ("CREATE USER IF NOT EXISTS poor@'%';"
            "CREATE USER IF NOT EXISTS poor@localhost")
    locked = ("CREATE USER IF NOT EXISTS locked@'%' IDENTIFIED BY 'right';"
              "CREATE USER IF NOT EXISTS"
              " locked@localhost IDENTIFIED BY 'right'")
    weak = (r"CREATE USER weak@'%'; CREATE USER weak@localhost;"
            r"GRANT ALL ON `weak\_%`.* TO weak@'%';"
            r"GRANT ALL ON `weak\_%`.* TO weak@localhost;")
    grant = r"GRANT ALL PRIVILEGES ON `test\_%`.* TO 'poor'@"

    def test_a_missing_program_is_named(self):
        found = self.play("""
            with Build() as build:
                tell(build.worker(0, lambda d: attempt(
                    lambda: d.make_clean(["default"]))))
            """, env={"PATH": "/nonexistent"})
        self.assertIn("mysqldump is not found", found["reason"])
        self.assertIn("mariadb-client", found["hint"])

    def test_a_clone_that_fails_half_way_is_dropped(self):
        bin = os.path.join(self.folder, "bin")
        for name, text in (
                ("mysql", "head -c 100 > /dev/null; echo 'ERROR 1114 (HY000) "
                 "at line 7: The table is full' >&2; exit 1"),
                ("mysqldump", "echo 'CREATE TABLE t (id int);'; "
                 "echo 'mysqldump: Error 2013: Lost connection' >&2; exit 3")):
            with self.subTest(name):
                shutil.rmtree(bin, ignore_errors=True)
                os.chmod(self.write("bin/" + name, "#!/bin/sh\n" + text),
                         0o755)
                found = self.play("""
                    with Build() as build:
                        tell(build.worker(0, lambda d: attempt(
                            lambda: d.make_clean(["default"]))))
                        from django.db import connections
                        tell(sorted(build.databases._targets[0].server.there(
                            connections["default"], ["test_shop_b1_0"])))
                    """, env={"PATH": bin + ":" + os.environ["PATH"]})
                self.assertIn("no space is left" if name == "mysql"
                              else "Lost connection", found[0]["reason"])
                self.assertEqual(found[1], [])

    def test_what_a_test_case_did_to_tables_is_seen(self):
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    sql("DROP TABLE shop_item")  # commits
                    databases.used(["default"], False)
                    databases.make_clean(["default"])
                    return names()
                tell(build.worker(0, work))
            """), ["first"])

    def test_routines_and_triggers_are_cloned(self):
        self.write("shop/migrations/0002_more.py", '''
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RunSQL("CREATE TRIGGER t BEFORE INSERT ON shop_item"
                          " FOR EACH ROW SET NEW.name = UPPER(NEW.name)"),
        migrations.RunSQL("CREATE FUNCTION f() RETURNS INT RETURN 7")]
''')
        self.assertEqual(self.play("""
            with Build() as build:
                tell(build.worker(0, lambda d: (
                    d.make_clean(["default"]), add("mine"), names(),
                    sql("SELECT f()"))[2:]))
            """), [["MINE", "first"], [[7]]])


if __name__ == "__main__":
    unittest.main()
