"""In which order jobs run on workers, and what waits behind what."""

from support.fleet_case import FleetCase

CLASSES = """
    import unittest
    class A(unittest.TestCase):
        def test_it(self): pass
    class B(A): pass
    class C(A):
        def test_it(self): self.assertNotEqual(1, 1)
    class D(A): pass
    """
HINTS = """
    overrides:
      - {match: test_it.A, expect: 2s}
      - {match: test_it.B, expect: 9s}
      - {match: test_it.C, expect: 1s}
      - {match: test_it.D, expect: 20s}
    """
SHORT = 200
ONE_LONG = """
    import os, unittest
    class Long(unittest.TestCase):
        def test_wait(self):
            with open(os.environ["READY"], "w") as file:
                file.write("ready\\n")
            with open(os.environ["GO"]) as file:
                file.readline()
    for i in range(%d):
        exec(f"class T{i:03}(unittest.TestCase):\\n"
             "    def test_it(self): pass\\n")
    """ % SHORT
LONG_HINTS = """
    overrides:
      - {match: "*.Long", expect: 60s}
      - {match: "*.T*", expect: 1ms}
    """


class Order:

    def started(self, result):
        return "".join(event["name"][-1]
                       for event in result.all("job_started"))

    def test_the_longest_starts_first(self):
        self.suite({"test_it.py": CLASSES, "mule.yaml": HINTS})
        self.start_worker()
        result = self.distributed("--no-store", status=1)
        self.assertEqual(self.started(result), "DBAC")
        result = self.distributed("--no-store", "--order", "given", status=1)
        self.assertEqual(self.started(result), "ABCD")

    def test_what_failed_last_time_starts_before_it(self):
        self.suite({"test_it.py": CLASSES, "mule.yaml": HINTS})
        self.start_worker()
        store = self.path("store")
        self.distributed("--store", store, status=1)
        result = self.distributed("--store", store, status=1)
        self.assertEqual(self.started(result)[0], "C")

    def test_nothing_short_waits_behind_something_long(self):
        self.suite({"test_it.py": ONE_LONG, "mule.yaml": LONG_HINTS})
        ready, go = self.fifo("ready"), self.fifo("go")
        self.environment.update(READY=ready.path, GO=go.path)
        self.start_worker(name="one")
        self.start_worker(name="two", slots=2)
        program = self.start_distributed("--no-store")
        ready.line(program)
        # All others end while it is still running.
        program.wait_until(
            lambda: SHORT == sum(event["event"] == "test_finished"
                                 for event in program.events),
            "all that is short")
        go.write()
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)
        self.assertEqual(result.count("passed"), SHORT + 1)
        self.assertEqual(result.all("test_finished")[-1]["id"],
                         "test_it.Long.test_wait")


class OnRedis(Order, FleetCase):
    broker_kind = "redis"


class OnRabbit(Order, FleetCase):
    broker_kind = "rabbitmq"
