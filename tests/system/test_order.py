"""In which order jobs start, and what they share."""

from support.fleet_case import FleetCase
from support.mule_case import MuleCase

# B takes long: it starts a program. C fails.
MIXED = """
    import subprocess, sys, unittest
    class A(unittest.TestCase):
        def test_it(self): pass
    class B(unittest.TestCase):
        def test_it(self):
            subprocess.run([sys.executable, "-c", "print(1)"], check=True,
                           stdout=subprocess.DEVNULL)
    class C(unittest.TestCase):
        def test_it(self): self.fail("always")
    """
MANY = "import unittest\n" + "".join(
    "class T%02d(unittest.TestCase):\n    def test_it(self): pass\n" % number
    for number in range(12))
# Each of them has the file for itself while it runs, or fails.
SHARING = """
    import fcntl, os, subprocess, sys, unittest
    FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "held")
    class Holds:
        def test_it(self):
            with open(FILE, "a") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                subprocess.run([sys.executable, "-c", "pass"], check=True)
    class A(Holds, unittest.TestCase): pass
    class B(Holds, unittest.TestCase): pass
    class C(Holds, unittest.TestCase): pass
    class D(Holds, unittest.TestCase): pass
    class Free(unittest.TestCase):
        def test_it(self): pass
    """


def started(result):
    return [event["name"].partition(".")[2]
            for event in result.all("job_started")]


def most_at_once(result, names):
    """How many jobs of these ran at the same time."""
    running = most = 0
    for event in result.events:
        if event["event"] == "job_started" and event["name"] in names:
            running += 1
            most = max(most, running)
        elif event["event"] == "job_finished" and event["name"] in names:
            running -= 1
    return most


class Order(MuleCase):

    def test_a_class_whose_fixture_failed_comes_first(self):
        self.suite({"test_it.py": MIXED.replace("self.fail", "print") + """
    class D(unittest.TestCase):
        @classmethod
        def setUpClass(cls): raise OSError("no database")
        def test_it(self): pass
    """})
        self.mule_test(status=1)
        self.assertEqual(self.order(status=1)[0], "D")

    def order(self, *args, **more):
        return started(self.mule_test("-j1", *args, **more))

    def test_what_failed_goes_first_then_what_takes_longest(self):
        self.suite({"test_mixed.py": MIXED})
        self.assertEqual(self.order(status=1), ["A", "B", "C"])
        result = self.mule_test("-j1", status=1)
        self.assertEqual(started(result)[:2], ["C", "B"])
        expected = {event["name"]: event["expect_us"]
                    for event in result.all("job_started")}
        self.assertGreater(expected["test_mixed.B"], expected["test_mixed.A"])
        self.assertEqual(result.all("collected")[0]["order"], "history")
        self.assertEqual(self.order("--order", "given", status=1),
                         ["A", "B", "C"])

    def test_a_new_job_takes_as_long_as_its_like(self):
        self.suite({"test_mixed.py": MIXED})
        self.mule_test("-j1", status=1)
        self.suite({"test_mixed.py": MIXED + """
    class New(unittest.TestCase):
        def test_it(self): pass
    """})
        result = self.mule_test("-j1", status=1)
        expected = {event["name"]: event.get("expect_us", 0)
                    for event in result.all("job_started")}
        self.assertGreater(expected["test_mixed.New"], 0)
        self.assertLess(expected["test_mixed.New"],
                        expected["test_mixed.B"])

    def test_what_is_declared_counts_until_more_is_known(self):
        self.suite({"test_many.py": MANY, "mule.yaml": """
            overrides:
              - {match: "*.T05", expect: 20s}
              - {match: "*.T09", expect: 30s}
              - {match: "*.T05", expect: 40s}
            """})
        result = self.mule_test("-j1")
        self.assertEqual(started(result)[:3], ["T09", "T05", "T00"])
        self.assertEqual(result.all("job_started")[0]["expect_us"], 30000000)
        again = self.mule_test("-j1").all("job_started")
        self.assertLess(max(event["expect_us"] for event in again), 20000000)

    def test_neighbours_that_hardly_differ_stay_neighbours(self):
        self.suite({"test_many.py": MANY, "mule.yaml": """
            overrides:
              - {match: "*.T03", expect: 20ms}
              - {match: "*.T07", expect: 60ms}
              - {match: "*.T09", expect: 30s}
            """})
        found = self.order()
        self.assertEqual(found, ["T09"] + [
            name for name in sorted(found) if name != "T09"])

    def test_a_seed_is_an_order(self):
        self.suite({"test_many.py": MANY})
        given = self.order("--order=given")
        result = self.mule_test("-j1", "--shuffle")
        seed = result.all("collected")[0]["seed"]
        shuffled = started(result)
        self.assertCountEqual(shuffled, given)
        self.assertSays(result.text, "order of --shuffle " + seed)
        self.assertEqual(self.order("--shuffle", seed), shuffled)
        self.assertEqual(self.order("--shuffle=" + seed), shuffled)
        self.assertNotEqual(
            self.order("--shuffle", str(int(seed) ^ 1)), shuffled)
        some = self.order("--shuffle", seed, "--exclude", "T0[0-5]")
        self.assertEqual(some, [name for name in shuffled if name in some])
        self.assertEqual(len(some), 6)

    def test_the_seed_stands_in_the_reports(self):
        self.suite({"test_many.py": MANY})
        self.mule_test("--shuffle", "17", "--xunit-output", "all.xml")
        properties = {
            each.get("name"): each.get("value")
            for each in self.xml("all.xml").iter("property")}
        self.assertEqual(properties["seed"], "17")

    def test_mistakes_are_named(self):
        self.suite({"test_many.py": MANY})
        self.assertMistake(
            self.mule("test", "--shuffle=x"),
            '--shuffle: "x" is not a number from 0 to 2^64 - 1')
        self.assertMistake(
            self.mule("test", "--order=x"),
            '--order: "x" is not one of history, given or random')


class Resources(MuleCase):

    def resources(self, text):
        self.suite({"test_sharing.py": SHARING, "mule.yaml": text})

    def test_no_more_run_at_once_than_there_are_units(self):
        self.resources("""
            resources: {held: 1}
            overrides: [{match: "*.[ABCD]", needs: [held]}]
            """)
        result = self.mule_test("-j4")
        self.assertEqual(result.count("passed"), 5)
        needy = {"test_sharing." + name for name in "ABCD"}
        self.assertEqual(most_at_once(result, needy), 1)

    def test_as_many_run_as_there_are_units(self):
        self.suite({"test_pairs.py": """
            import os, unittest
            class Meets:
                # Neither ends before the other one has begun.
                def test_it(self):
                    os.write(os.open(os.environ[self.mine], os.O_RDWR), b"x")
                    os.read(os.open(os.environ[self.other], os.O_RDWR), 1)
            class One(Meets, unittest.TestCase):
                mine, other = "FIRST", "SECOND"
            class Two(Meets, unittest.TestCase):
                mine, other = "SECOND", "FIRST"
            """, "mule.yaml": """
            resources: {seat: 2}
            overrides: [{match: "*", needs: seat}]
            """})
        self.environment.update(FIRST=self.fifo("first").path,
                                SECOND=self.fifo("second").path)
        result = self.mule_test("-j2", "--timeout", "60")
        self.assertEqual(result.count("passed"), 2)

    def test_what_needs_nothing_passes_what_waits(self):
        self.suite({"test_pass.py": """
            import os, unittest
            class A(unittest.TestCase):
                # It holds what B waits for until Free has run.
                def test_it(self):
                    os.read(os.open(os.environ["FREE"], os.O_RDWR), 1)
            class B(unittest.TestCase):
                def test_it(self): pass
            class Free(unittest.TestCase):
                def test_it(self):
                    os.write(os.open(os.environ["FREE"], os.O_RDWR), b"x")
            """, "mule.yaml": """
            resources: {held: 3}
            overrides: [{match: "*.[AB]", needs: [held=2]}]
            """})
        self.environment["FREE"] = self.fifo("free").path
        result = self.mule_test("-j2", "--timeout", "60")
        self.assertEqual(result.count("passed"), 3)
        self.assertEqual(started(result)[-1], "B")

    def test_mistakes_are_named(self):
        self.resources("""
            resources: {db: 2}
            overrides: [{match: "*", needs: [bd]}]
            """)
        self.assertMistake(
            self.mule("test"), 'mule.yaml: what "*" needs: there is no '
            'resource "bd"; did you mean "db"?')
        self.resources("""
            resources: {db: 2}
            overrides: [{match: "*", needs: [db=3]}]
            """)
        self.assertMistake(self.mule("test"), '"db=3": its number must be '
                           'from 1 to 2, for there is no more')
        self.resources("resources: {db: none}")
        self.assertMistake(self.mule("test"), 'db: "none" is not a number')


class OverAFleet(FleetCase):
    broker_kind = "redis"

    def test_resources_are_counted_for_all_machines_together(self):
        self.suite({"test_sharing.py": SHARING, "mule.yaml": """
            resources: {held: 1}
            overrides: [{match: "*.[ABCD]", needs: [held]}]
            """})
        self.start_worker(name="one", slots=2)
        self.start_worker(name="two", slots=2)
        result = self.distributed()
        self.assertEqual(result.count("passed"), 5)
        needy = {"test_sharing." + name for name in "ABCD"}
        self.assertEqual(most_at_once(result, needy), 1)

    def test_the_order_is_that_of_the_past(self):
        self.suite({"test_mixed.py": MIXED})
        self.start_worker(name="one", slots=1)
        self.distributed(status=1)
        result = self.distributed(status=1)
        self.assertEqual(started(result)[:2], ["C", "B"])
