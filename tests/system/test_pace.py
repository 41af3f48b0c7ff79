"""What lies ready at a slot, by how long it should take."""

from support.mule_case import MuleCase

SHORT = 300
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
HINTS = """
    overrides:
      - {match: "*.Long", expect: 60s}
      - {match: "*.T*", expect: 1ms}
    """


class Pace(MuleCase):

    def setUp(self):
        super().setUp()
        self.ready, self.go = self.fifo("ready"), self.fifo("go")
        self.environment.update(READY=self.ready.path, GO=self.go.path)

    def behind_the_long_one(self, *words):
        """Runs them all; the long one ends when all others have."""
        program = self.start_test("-j2", *words)
        self.ready.line(program)
        program.wait_until(
            lambda: SHORT == sum(event["event"] == "test_finished"
                                 for event in program.events),
            "all that is short")
        self.go.write()
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)
        self.assertEqual(result.count("passed"), SHORT + 1)

    def test_nothing_short_waits_behind_something_long(self):
        self.suite({"test_it.py": ONE_LONG, "mule.yaml": HINTS})
        for words in ((), ("--isolation", "worker"), ("--isolation", "test")):
            with self.subTest(words=words):
                self.behind_the_long_one("--no-store", *words)

    def test_nor_does_it_when_that_is_known_from_the_last_run_alone(self):
        # In the first run nobody knows: the hints stand in for a run whose
        # long test took long.
        self.suite({"test_it.py": ONE_LONG, "mule.yaml": HINTS})
        self.behind_the_long_one("--store", "kept")
        self.suite({"mule.yaml": "verbosity: 1\n"})
        self.behind_the_long_one("--store", "kept")
