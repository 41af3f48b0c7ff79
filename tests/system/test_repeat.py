"""Tests that run again though they passed."""

from support.mule_case import MuleCase

COUNTS = """
    import os, unittest
    class T(unittest.TestCase):
        def test_a(self): pass
        def test_b(self): pass
    class U(unittest.TestCase):
        def test_c(self): pass
    """
FAILS_LATER = """
    import os, unittest
    class T(unittest.TestCase):
        def test_a(self): pass
        def test_b(self): self.assertLess(int(os.environ["MULE_ATTEMPT"]), 3)
    """


class Repeat(MuleCase):

    def repeat(self, text, *args, status=0):
        self.suite({"test_it.py": text})
        return self.mule_test(*args, status=status)

    def test_each_test_runs_so_often_and_is_one(self):
        result = self.repeat(COUNTS, "--repeat", "5")
        self.assertEqual(len(result.all("test_attempt")), 3 * 4)
        self.assertEqual(set(result.states.values()), {"passed"})
        self.assertEqual({event["attempt"]
                          for event in result.all("test_finished")}, {5})
        self.assertIn("Ran 3 tests", result.out)
        self.assertNotIn("retried", result.out)

    def test_the_first_failure_decides(self):
        result = self.repeat(FAILS_LATER, "--repeat", "5", status=1)
        self.assertEqual(result.states, {"test_it.T.test_a": "passed",
                                         "test_it.T.test_b": "failed"})
        finished = result.finished
        self.assertEqual(finished["test_it.T.test_b"]["attempt"], 3)
        self.assertEqual(finished["test_it.T.test_a"]["attempt"], 5)

    def test_a_skip_is_not_repeated(self):
        result = self.repeat("""
            import unittest
            class T(unittest.TestCase):
                def test_a(self): self.skipTest("no")
                def test_b(self): pass
            """, "--repeat", "3")
        self.assertEqual(len(result.all("test_attempt")), 2)
        self.assertEqual(result.states["test_it.T.test_a"], "skipped")

    def test_a_crash_leaves_the_others_their_rounds(self):
        result = self.repeat("""
            import os, unittest
            class T(unittest.TestCase):
                def test_a(self): pass
                def test_b(self):
                    if os.environ["MULE_ATTEMPT"] == "2": os.abort()
                def test_c(self): pass
            """, "--repeat", "4", status=1)
        self.assertEqual(result.states, {
            "test_it.T.test_a": "passed", "test_it.T.test_b": "crashed",
            "test_it.T.test_c": "passed"})

    def test_programs_and_their_points_are_repeated(self):
        self.suite({"t/one.t": "#!/bin/sh\necho 1..2\necho ok 1\necho ok 2\n"})
        result = self.mule_test("--tap", "t/one.t", "--repeat", "3")
        self.assertEqual(result.count("passed"), 2)
        self.assertEqual(len(result.all("test_attempt")), 4)

    def test_jobs_that_must_be_alone_get_their_turn_in_each_round(self):
        self.suite({"test_it.py": COUNTS, "mule.yaml":
                    'overrides: [{match: "*.U", alone: true}]\n'})
        result = self.mule_test("--repeat", "3", "-j", "2")
        order = [event["name"] for event in result.all("job_started")]
        self.assertEqual(order, ["test_it.T", "test_it.U"] * 3)

    def test_until_fail_ends_with_the_first_failure(self):
        result = self.repeat("""
            import os, unittest
            class T(unittest.TestCase):
                def test_a(self):
                    self.assertLess(int(os.environ["MULE_ATTEMPT"]), 20)
            class U(unittest.TestCase):
                def test_b(self): pass
            """, "--until-fail", status=1)
        self.assertEqual(result.states, {"test_it.T.test_a": "failed",
                                         "test_it.U.test_b": "passed"})
        self.assertEqual(
            result.finished["test_it.T.test_a"]["attempt"], 20)

    def test_until_fail_is_green_when_its_time_is_over(self):
        result = self.repeat(COUNTS, "--until-fail", "--max-time", "3s")
        self.assertEqual(set(result.states.values()), {"passed"})
        self.assertGreater(len(result.all("test_attempt")), 3)
