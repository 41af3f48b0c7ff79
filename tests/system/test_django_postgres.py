"""Test databases on real servers: names, rights, locks, and PostgreSQL's."""

import os
import signal
import unittest

from support import django_env
from support.database_servers import PostgresServer
from support.scene_case import SCENE, SceneCase
from system.test_django_databases import EveryEngine


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

    def test_a_clone_of_another_build_of_this_id_is_left_alone(self):
        self.write("other.py", SCENE + """
configure(%r)
with Build("same") as build:
    try:
        build.worker(0, lambda d: d.make_clean(["default"]))
    except RuntimeError as problem:
        tell(str(problem))
""" % self.settings())
        found = self.play("""
            with Build("same") as one:
                def work(databases):
                    databases.make_clean(["default"])
                    add("mine")
                    import subprocess
                    other = subprocess.run([sys.executable, "other.py"],
                                           stdout=subprocess.PIPE)
                    databases.used(["default"], True)
                    return [other.stdout.decode(), names()]
                tell(one.worker(0, work))
                # A worker that comes after it may replace its own.
                tell(one.worker(0, lambda d: (
                    d.make_clean(["default"]), names())[1]))
            """)
        self.assertIn("there is a database test_shop_same_0 already",
                      found[0][0])
        self.assertEqual(found[0][1], ["first", "mine"])
        self.assertEqual(found[1], ["first"])

    def test_a_runner_that_makes_none_costs_the_project_nothing(self):
        """Its own database is cloned; nobody in it is disturbed."""
        self.server.sql("CREATE DATABASE shop")
        self.addCleanup(self.server.sql, "DROP DATABASE shop")
        for keep in (False, True):
            found = self.play("""
                from django.test.runner import DiscoverRunner
                class Lazy(DiscoverRunner):
                    def setup_databases(self, **kwargs):
                        return []
                from mule.contrib.django import servers
                closed = []
                for name in ("empty", "write_stamp"):
                    for cls in (servers.PostgreSQL, servers.MySQL):
                        setattr(cls, name, lambda self, wrapper, *words,
                                was=getattr(cls, name), name=name: (
                            closed.append([name, *map(str, words)]),
                            was(self, wrapper, *words))[1])
                with Build(runner=Lazy(verbosity=0), keep=KEEP) as build:
                    tell([target.ours for target in build.databases._targets])
                    tell([target.stamp
                          for target in build.databases._targets])
                tell(closed)
                """.replace("KEEP", repr(keep)))
            self.assertEqual(found, [[False], [None], []])
        self.assertEqual(self.server.databases(), ["shop"])

    def test_the_projects_own_database_is_never_kept_as_a_template(self):
        """Its name may begin with the prefix, or be it."""
        for home, prefix, kept in (("test_shop", "test", "test_test_shop"),
                                   ("shop", "shop", "shop_shop")):
            settings = {"default": self.server.settings(home)}
            self.server.sql("CREATE DATABASE " + home)
            self.play("""
                with Build("b1", keep=True, prefix=%r):
                    from django.db import connection
                    tell(connection.settings_dict["TEST"]["NAME"])
                """ % prefix, databases=settings)
            self.assertEqual(sorted(self.server.databases()),
                             sorted([home, kept]))
            for name in (home, kept):
                self.server.sql("DROP DATABASE " + name)

    def test_another_user_of_the_server_may_drop_it_too(self):
        self.server.sql(self.poor)
        own = self.server.settings
        self.assertEqual(self.play("""
            with Build(aliases=["default"]) as build:
                build.worker(0, lambda d: d.make_clean(["default"]))
            tell(build.left)
            """, databases={
                "archive": {**own("shop"), "USER": "poor",
                            "TEST": {"MIRROR": "default"}},
                "default": own("shop")}), [])

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


class OnPostgres(OnServer, SceneCase):
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

    def test_what_is_created_for_a_dead_worker_is_awaited_and_dropped(self):
        self.assertEqual(self.play("""
            import threading, time
            from django.db import connections
            def another():
                made = connections["default"].copy("another")
                made.settings_dict = {**made.settings_dict,
                                      "NAME": "postgres"}
                return made
            def until(what):
                with another().cursor() as cursor:
                    end = time.monotonic() + 60
                    while True:
                        cursor.execute(what)
                        if cursor.fetchone()[0]:
                            return
                        assert time.monotonic() < end, what
            build = Build().__enter__()
            held = another()
            with held.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("LOCK TABLE pg_database IN SHARE MODE")
            pid, read = build.begin(0, lambda d: d.make_clean(["default"]))
            until("SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE"
                  " 'CREATE DATABASE %' AND wait_event_type = 'Lock'")
            os.kill(pid, signal.SIGKILL)
            build.finish((pid, read))
            held.inc_thread_sharing()
            def let_go():
                try:
                    until("SELECT count(*) > 0 FROM pg_locks WHERE "
                          "locktype = 'advisory' AND NOT granted")
                finally:
                    held.connection.rollback()
            thread = threading.Thread(target=let_go)
            thread.start()
            build.__exit__()
            thread.join()
            tell(build.left)
            """), [])

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

    def test_the_older_driver_will_do(self):
        self.python = django_env.python("psycopg2")
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    from django.db import transaction
                    databases.make_clean(["default"])
                    transaction.atomic().__enter__()
                    add("one")
                    databases.used(["default"], False)
                    databases.make_clean(["default"])
                    found = [names()]
                    sql("BEGIN")
                    add("two")
                    databases.used(["default"], True)
                    databases.make_clean(["default"])
                    found.append(names())
                    try:
                        sql("SELECT pg_terminate_backend(pg_backend_pid())")
                    except Exception:
                        databases.used(["default"], True)
                    databases.make_clean(["default"])
                    return found + [names()]
                tell(build.worker(0, work))
            tell(build.left)
            """), [[["first"]] * 3, []])
        settings = self.settings(PORT="1")
        self.assertIn("no database server at 127.0.0.1:1", self.play(
            "tell(attempt(lambda: Build().__enter__()))",
            databases=settings)["reason"])

    def test_a_pool_of_connections_does_no_harm(self):
        self.python = django_env.python("pool")
        self.assertEqual(self.play("""
            with Build() as build:
                def work(databases):
                    found = []
                    for name in ("one", "two"):
                        databases.make_clean(["default"])
                        add(name)
                        databases.used(["default"], True)
                        databases.before_fork()
                        pid = os.fork()
                        if pid == 0:
                            databases.reconnect()
                            add("more")
                            os._exit(0)
                        found.append(os.waitpid(pid, 0)[1])
                        found.append(names())
                    return found
                tell(build.worker(0, work))
            tell(build.left)
            """, databases=self.settings(OPTIONS={"pool": True})),
            [[0, ["first", "more", "one"], 0, ["first", "more", "two"]], []])

    def test_migrations_may_be_left_out(self):
        self.assertEqual(self.play("""
            with Build() as build:
                tell(build.worker(0, lambda d: (
                    d.make_clean(["default"]), names())[1]))
            """, databases=self.settings(TEST={"MIGRATE": False})), [])


class OnPostgres42(EveryEngine, SceneCase):
    django = "4.2"

    @classmethod
    def setUpClass(cls):
        cls.server = PostgresServer.start()
        cls.addClassCleanup(cls.server.stop)


if __name__ == "__main__":
    unittest.main()
