"""`manage.py mule --distributed`: Django's tests on a fleet.

Workers boot the project themselves and make their databases on the server
that its settings name; here all of them name the same one.
"""

import os
import signal
import unittest

from support.database_servers import PostgresServer
from support.django_case import IMPORTS, DjangoCase
from support.fleet_case import FleetCase

# Says in which database it runs, and leaves something there.
WHERE = """
class Kept(%s):
    def test_it(self):
        print(os.environ["MULE_SLOT"], connection.settings_dict["NAME"])
        self.assertEqual(Item.objects.count(), 0)
        Item.objects.create(name="one")
"""
WAITS = """
class Waits(TestCase):
    def test_wait(self):
        Item.objects.create(name="one")
        with open(os.environ["READY"], "w") as file:
            file.write("%d\\n" % os.getpid())
        os.read(os.open(os.environ["GO"], os.O_RDONLY), 3)
"""


class DjangoFleetCase(FleetCase, DjangoCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = PostgresServer.start()
        cls.addClassCleanup(cls.server.stop)

    def kept(self):
        return [*super().kept(), *self.server_pids()]

    def server_pids(self):
        return [self.server.process.pid]

    def setUp(self):
        super().setUp()
        self.assertEqual(self.server.databases(), [])
        # Workers find the interpreter as they would elsewhere.
        self.environment["MULE_PYTHON"] = self.python
        self.database = self.server.settings("site")

    def _close_all(self):
        super()._close_all()
        self.assertEqual(self.server.databases(), [], "databases were left")

    def write_tests(self, *texts, **more):
        self.project({f"shop/tests/test_{number}.py": IMPORTS + text
                      for number, text in enumerate(texts)},
                     databases=self.database, **more)

    def distributed(self, *args, **more):
        return self.django_test(*self._words(args), **more)

    def start_distributed(self, *args, **more):
        return self.start_django(*self._words(args), **more)


class Fleet(DjangoFleetCase):

    def test_each_slot_of_the_build_has_a_database_of_its_own(self):
        # Ten classes that would see each other's rows.
        self.write_tests(*[WHERE % "TransactionTestCase" for _ in range(10)])
        self.start_worker(name="one", slots=2)
        self.start_worker(name="two", slots=2)
        result = self.distributed()
        self.assertEqual(result.count("passed"), 10)
        places = {}
        for id, event in result.finished.items():
            slot, name = result.output_of(id).split()
            self.assertEqual(slot, str(event["slot"]))
            self.assertIn(self.builds[0], name)
            places.setdefault(name, set()).add(slot)
        for name, slots in places.items():
            self.assertEqual(len(slots), 1, f"{name} was shared")

    def test_states_are_those_of_one_machine(self):
        self.write_tests("""
class Mixed(TestCase):
    databases = {"default"}
    @classmethod
    def setUpTestData(cls):
        Item.objects.create(name="data")
    def test_data(self):
        self.assertEqual(Item.objects.count(), 1)
    def test_wrong(self):
        self.assertEqual(Item.objects.count(), 2)
    def test_crash(self):
        os.kill(os.getpid(), 11)
    @unittest.skip("not today")
    def test_skipped(self):
        pass
class Live(LiveServerTestCase):
    def test_it(self):
        from urllib.error import HTTPError
        from urllib.request import urlopen
        with self.assertRaises(HTTPError):
            urlopen(self.live_server_url + "/nothing")
""")
        here = self.django_test("-j2", status=1)
        self.start_worker(slots=2)
        there = self.distributed(status=1)
        self.assertEqual(there.states, here.states)
        self.assertEqual(there.count("crashed"), 1)

    def test_labels_tags_and_patterns_mean_the_same_there(self):
        self.write_tests("""
class One(TestCase):
    @tag("slow")
    def test_slow(self):
        pass
    def test_fast(self):
        pass
class Two(TestCase):
    def test_it(self):
        pass
""")
        self.start_worker()
        result = self.distributed("shop.One", "--exclude-tag", "slow")
        self.assertStates(result, {"shop.tests.test_0.One.test_fast":
                                   "passed"})
        result = self.distributed("-k", "Two", "--shuffle", "7")
        self.assertStates(result, {"shop.tests.test_0.Two.test_it":
                                   "passed"})

    def test_failfast_ends_what_runs_elsewhere(self):
        self.write_tests(WAITS, """
class Wrong(TestCase):
    def test_it(self):
        self.fail("wrong")
""")
        ready, go = self.fifo("ready"), self.fifo("go")
        self.environment.update(READY=ready.path, GO=go.path)
        self.start_worker(name="one", slots=2)
        result = self.distributed("--failfast", status=1)
        self.assertEqual(result.count("failed"), 1)
        self.assertEqual(result.count("passed"), 0)

    def test_databases_go_with_a_build_that_is_interrupted(self):
        self.write_tests(WAITS)
        ready, go = self.fifo("ready"), self.fifo("go")
        self.environment.update(READY=ready.path, GO=go.path)
        self.start_worker()
        program = self.start_distributed()
        ready.line(program)
        self.assertNotEqual(self.server.databases(), [])
        program.signal(signal.SIGINT)
        self.result_of(program, check=False)
        self.assertEqual(self.stop_worker(), 0)
        self.assertEqual(self.server.databases(), [])

    def test_a_worker_that_was_killed_drops_its_databases_when_it_is_back(self):
        self.write_tests(WAITS)
        ready, go = self.fifo("ready"), self.fifo("go")
        self.environment.update(READY=ready.path, GO=go.path)
        self.start_worker()
        program = self.start_distributed()
        ready.line(program)
        left = self.server.databases()
        self.assertNotEqual(left, [])
        os.kill(self.workers.pop("one").pid, signal.SIGKILL)
        self.start_worker()
        # The test is given out again, to a new database.
        ready.line(program)
        self.assertEqual(set(left) & set(self.server.databases()), set())
        go.write()
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)
        # Not counted where the build had not heard that it ran.
        self.assertLessEqual(result.tally["retried"], 1)

    def test_no_database_is_made_where_the_build_was_started(self):
        self.write_tests(WHERE % "TestCase")
        self.start_worker(env={"MULE_STATE": self.path("..", "there")})
        program = self.start_distributed()
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)
        self.assertFalse(os.path.isdir(os.path.join(self.state, "databases")))


class Prepared(DjangoFleetCase):
    """A workspace whose setup makes the database that is cloned."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.drop_kept)

    def drop_kept(self):
        for name in self.server.databases():
            self.server.sql(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _look_for_databases(self):
        pass  # they are to stay

    def workspace_that_bootstraps(self):
        self.suite({"mule.yaml": "workspaces:\n  ci:\n    setup: "
                    f"{self.python} manage.py mule --bootstrap\n"})
        self.write_tests(WHERE % "TestCase", settings="""
MIGRATION_MODULES = {"shop": os.environ.get("SHOP", "shop.migrations")}
""")

    def test_workers_clone_what_their_setup_has_made(self):
        self.workspace_that_bootstraps()
        self.start_worker(slots=1)
        result = self.distributed("--workspace", "ci")
        self.assertEqual(result.count("passed"), 1)
        self.assertEqual(self.server.databases(), ["test_site"])
        # The template was not made a second time: nothing else migrated.
        self.assertNotIn(f"test_site_{self.builds[0]}",
                         self.server.databases())

    def test_auto_bootstrap_makes_its_own(self):
        self.workspace_that_bootstraps()
        self.start_worker(slots=1)
        result = self.distributed("--workspace", "ci", "--auto-bootstrap")
        self.assertEqual(result.count("passed"), 1)
        name = result.output_of("shop.tests.test_0.Kept.test_it").split()[1]
        self.assertIn(self.builds[0], name)


class Unfit(DjangoFleetCase):

    def test_a_worker_without_a_server_says_so_and_the_build_too(self):
        self.write_tests(WHERE % "TestCase")
        self.suite({"site_/settings.py": self.read("site_", "settings.py")
                    + "if 'NO_SERVER' in os.environ:\n"
                      "    DATABASES['default']['PORT'] = '1'\n"})
        self.start_worker(env={"NO_SERVER": "1"})
        result = self.distributed("--wait", "3s", status=3)
        self.assertSays(result.text, "127.0.0.1:1")

    def test_another_worker_does_its_work(self):
        self.write_tests(*[WHERE % "TestCase" for _ in range(4)])
        self.suite({"site_/settings.py": self.read("site_", "settings.py")
                    + "if 'NO_SERVER' in os.environ:\n"
                      "    DATABASES['default']['PORT'] = '1'\n"})
        self.start_worker(name="bad", env={"NO_SERVER": "1"})
        self.start_worker(name="good")
        result = self.distributed()
        self.assertEqual(result.count("passed"), 4)
        self.assertSays(result.text, "127.0.0.1:1")


class Stock(DjangoFleetCase):
    """The same behind a Python worker of Celery."""

    def test_a_python_worker_serves_django(self):
        self.write_tests(WHERE % "TestCase", WHERE % "TransactionTestCase")
        self.start_worker(kind="stock", slots=2)
        result = self.distributed()
        self.assertEqual(result.count("passed"), 2)


if __name__ == "__main__":
    unittest.main()
