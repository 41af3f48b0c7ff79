"""Test databases: what holds for every engine, and SQLite's.

test_django_postgres.py and test_django_mariadb.py have the rest.
"""

import os
import signal
import unittest

from support.scene_case import SCENE, SceneCase

FAILING = """
from django.db import migrations

def fail(apps, editor):
    {body}

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(fail)]
"""


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


class InMemory(EveryEngine, SceneCase):
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


class OnDisk(EveryEngine, SceneCase):
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

    def test_a_lock_that_cannot_be_written_is_said(self):
        found = self.play("""
            os.environ["MULE_STATE"] = "/dev/null/state"
            tell(attempt(lambda: Build(keep=True).__enter__()))
            """)
        self.assertIn("cannot write down", found["reason"])
        self.assertIn("MULE_STATE", found["hint"])

    def test_the_projects_own_file_is_never_kept_as_a_template(self):
        found = self.play("""
            open("test_own.db", "w").close()
            tell(attempt(lambda: Build(keep=True).__enter__()))
            tell(os.stat("test_own.db").st_size)
            """, databases={"default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": "test_own.db", "TEST": {"NAME": "test_own.db"}}})
        self.assertIn("which is the project's own", found[0]["reason"])
        self.assertIn("--db-prefix", found[0]["hint"])
        self.assertEqual(found[1], 0)

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

    def test_kept_files_are_kept_and_clones_are_copied_anew(self):
        for build in ("b1", "b2"):
            self.assertEqual(self.play("""
                with Build(%r, keep=True) as build:
                    def work(databases):
                        databases.make_clean(["default"])
                        add("mine")
                        return names()
                    tell(build.worker(0, work))
                """ % build), ["first", "mine"])
            self.assertEqual(self.databases(), [
                "test_shop.sqlite3", "test_shop_0.sqlite3"])
        for name in self.databases():
            os.remove(os.path.join(self.folder, name))

    def test_an_engine_that_clones_itself_is_asked_to(self):
        self.write("own/__init__.py", "")
        self.write("own/base.py", """
from django.db.backends.sqlite3 import base, creation

class DatabaseCreation(creation.DatabaseCreation):
    def _clone_test_db(self, suffix, verbosity, keepdb=False):
        super()._clone_test_db(suffix, verbosity, keepdb)
        open("cloned", "a").write(suffix + "\\n")

class DatabaseWrapper(base.DatabaseWrapper):
    creation_class = DatabaseCreation
""")
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    databases.make_clean(["default"])
                    add("mine")
                    databases.used(["default"], True)
                    databases.make_clean(["default"])
                    return names()
                tell(build.worker(3, work))
            tell(build.left)
            tell(open("cloned").read())
            """, databases=self.settings(ENGINE="own")),
            [["first"], [], "3\n3\n"])

    def test_an_engine_that_cannot_clone_is_told_of(self):
        self.write("own/__init__.py", "")
        self.write("own/base.py", """
from django.db.backends.base.creation import BaseDatabaseCreation
from django.db.backends.sqlite3 import base, creation

class DatabaseCreation(creation.DatabaseCreation):
    def _clone_test_db(self, suffix, verbosity, keepdb=False):
        BaseDatabaseCreation._clone_test_db(self, suffix, verbosity, keepdb)

class DatabaseWrapper(base.DatabaseWrapper):
    creation_class = DatabaseCreation
""")
        found = self.play("""
            with Build() as build:
                tell(build.worker(3, lambda d: attempt(
                    lambda: d.make_clean(["default"]))))
            """, databases=self.settings(ENGINE="own"))
        self.assertIn("cannot be cloned", found["reason"])
        self.assertIn("manage.py test", found["hint"])

    def test_a_driver_that_is_missing_is_said_with_what_installs_it(self):
        for name in ("MySQLdb", "psycopg", "psycopg2"):
            self.write(name + ".py", "raise ImportError('it is not here')")
        for engine, wanted in (("mysql", "pip install mysqlclient"),
                               ("postgresql", "pip install 'psycopg")):
            # That of `default` is missed earlier, by models.
            other = {"ENGINE": "django.db.backends." + engine, "NAME": "x"}
            self.assertIn(wanted, self.play("""
                tell(attempt(lambda: Build(
                    aliases=["default", "other"]).__enter__()))
                """, databases={**self.settings(), "other": other})["hint"])

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

if __name__ == "__main__":
    unittest.main()
