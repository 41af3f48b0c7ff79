"""Retries, repeats and quarantine of builds whose tests run elsewhere."""

from support.fleet_case import FleetCase

RETRY = ("--retries", "1", "--retry-delay", "1ms")
SUITE = """
    import os, unittest
    class Flaky(unittest.TestCase):
        def test_a(self): pass
        def test_b(self): self.assertEqual(os.environ["MULE_ATTEMPT"], "2")
    class Fixture(unittest.TestCase):
        @classmethod
        def setUpClass(cls): assert os.environ["MULE_ATTEMPT"] == "2"
        def test_c(self): pass
    class Crash(unittest.TestCase):
        def test_d(self):
            if os.environ["MULE_ATTEMPT"] == "1": os.abort()
        def test_e(self): pass
    """


class FleetRetries(FleetCase):

    def check_suite(self, result):
        self.assertEqual(set(result.states.values()), {"passed"}, result.text)
        flaky = {id for id, event in result.finished.items()
                 if event.get("flaky")}
        self.assertEqual(flaky, {
            "test_it.Flaky.test_b", "setUpClass (test_it.Fixture)",
            "test_it.Crash.test_d"})

    def test_what_failed_runs_again_on_a_native_worker(self):
        self.suite({"test_it.py": SUITE})
        self.start_worker(name="one", slots=2)
        self.check_suite(self.distributed(*RETRY))

    def test_what_failed_runs_again_on_a_stock_worker(self):
        self.suite({"test_it.py": SUITE})
        self.start_worker(name="one", kind="stock", slots=2)
        self.check_suite(self.distributed(*RETRY))

    def test_the_last_job_waits_for_its_retry_with_a_worker_at_hand(self):
        self.suite({"test_it.py": """
            import os, unittest
            class T(unittest.TestCase):
                def test_a(self):
                    self.assertEqual(os.environ["MULE_ATTEMPT"], "2")
            """})
        self.start_worker(name="one")
        result = self.distributed("--retries", "1", "--retry-delay", "1s")
        self.assertTrue(result.finished["test_it.T.test_a"]["flaky"])
        joined = [event for event in result.all("worker")
                  if event["what"] == "joined"]
        self.assertEqual(len(joined), 1)

    def test_tests_are_repeated(self):
        self.suite({"test_it.py": """
            import unittest
            class T(unittest.TestCase):
                def test_a(self): pass
                def test_b(self): pass
            """})
        self.start_worker(name="one")
        result = self.distributed("--repeat", "4")
        self.assertEqual(len(result.all("test_attempt")), 6)
        self.assertEqual(result.count("passed"), 2)

    def test_points_of_a_program_are_retried(self):
        self.suite({"one.t": "#!/bin/sh\necho 1..2\necho ok 1\n"
                    "[ $MULE_ATTEMPT = 2 ] || printf 'not '\necho ok 2\n"})
        self.start_worker(name="one")
        result = self.distributed("--tap", "one.t", *RETRY)
        self.assertEqual(result.count("passed"), 2)
        self.assertEqual(result.tally["flaky"], 1)
