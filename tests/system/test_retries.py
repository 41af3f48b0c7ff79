"""What runs again after it failed: which tests, how often, and as what."""

import xml.etree.ElementTree as ElementTree

from support.mule_case import MuleCase

QUICK = ("--retry-delay", "1ms")
FLAKY = """
    import os, unittest
    class Flaky(unittest.TestCase):
        def test_a(self): pass
        def test_b(self): self.assertGreater(int(os.environ["MULE_ATTEMPT"]), 1)
        def test_c(self): pass
    """


class Retries(MuleCase):

    def retry(self, text, *args, status=0, retries="1"):
        self.suite({"test_it.py": text})
        return self.mule_test("--retries", retries, *QUICK, *args,
                              status=status)

    def attempts(self, result):
        """What was told of each test that did not decide it."""
        told = {}
        for event in result.all("test_attempt"):
            told.setdefault(event["id"], []).append(
                (event["attempt"], event["state"]))
        return told

    # ------------------------------------------------------------ tests

    def test_a_test_that_passes_the_second_time_is_flaky(self):
        result = self.retry(FLAKY)
        self.assertEqual(set(result.states.values()), {"passed"})
        self.assertTrue(result.finished["test_it.Flaky.test_b"]["flaky"])
        self.assertNotIn("flaky", result.finished["test_it.Flaky.test_a"])
        self.assertEqual(self.attempts(result),
                         {"test_it.Flaky.test_b": [(1, "failed")]})
        self.assertEqual(result.finished["test_it.Flaky.test_b"]["attempt"], 2)
        self.assertIn("(1 retried, 1 flaky)", result.out)
        self.assertIn("Ran 3 tests", result.out)

    def test_only_what_failed_runs_again(self):
        result = self.retry(FLAKY)
        sizes = [event["items"] for event in result.all("job_started")]
        self.assertEqual(sizes, [3, 1])

    def test_without_retries_nothing_runs_again(self):
        self.suite({"test_it.py": FLAKY})
        result = self.mule_test(status=1)
        self.assertEqual(result.all("test_attempt"), [])
        self.assertEqual(result.count("failed"), 1)

    def test_what_always_fails_has_its_last_failure(self):
        result = self.retry("""
            import os, unittest
            class T(unittest.TestCase):
                def test_a(self): self.fail("no " + os.environ["MULE_ATTEMPT"])
            """, retries="3", status=1)
        self.assertEqual(
            self.attempts(result),
            {"test_it.T.test_a": [(n, "failed") for n in (1, 2, 3)]})
        last = result.finished["test_it.T.test_a"]
        self.assertEqual(last["attempt"], 4)
        self.assertIn("no 4", last["findings"][0]["message"])
        self.assertIn("FAILED (failures=1)", result.out)

    def test_a_skip_does_not_make_up_for_a_failure(self):
        result = self.retry("""
            import os, unittest
            class T(unittest.TestCase):
                def test_a(self):
                    if os.environ["MULE_ATTEMPT"] == "2":
                        self.skipTest("not today")
                    self.fail("the first time")
            """, status=1)
        self.assertEqual(result.states, {"test_it.T.test_a": "failed"})
        last = result.finished["test_it.T.test_a"]
        self.assertIn("the first time", last["findings"][0]["message"])

    def test_a_crash_is_retried_and_so_is_a_test_that_hangs(self):
        result = self.retry("""
            import os, time, unittest
            FIRST = os.environ.get("MULE_ATTEMPT")
            class T(unittest.TestCase):
                def first(self): return os.environ["MULE_ATTEMPT"] == "1"
                def test_a(self):
                    if self.first(): os.abort()
                def test_b(self):
                    while self.first(): time.sleep(60)
                def test_c(self): pass
            """, "--test-timeout", "2s", "--grace", "0")
        self.assertEqual(set(result.states.values()), {"passed"})
        self.assertEqual(self.attempts(result),
                         {"test_it.T.test_a": [(1, "crashed")],
                          "test_it.T.test_b": [(1, "timeout")]})

    def test_an_unexpected_success_is_retried(self):
        result = self.retry("""
            import os, unittest
            class T(unittest.TestCase):
                @unittest.expectedFailure
                def test_a(self): assert os.environ["MULE_ATTEMPT"] == "1"
            """)
        self.assertEqual(result.states, {"test_it.T.test_a": "xfailed"})
        self.assertTrue(result.finished["test_it.T.test_a"]["flaky"])

    def test_it_holds_under_each_isolation(self):
        for isolation in ("class", "test", "worker"):
            with self.subTest(isolation=isolation):
                result = self.retry(FLAKY, "--isolation", isolation)
                self.assertIn("(1 retried, 1 flaky)", result.out)

    # --------------------------------------------------------- fixtures

    def test_a_fixture_is_retried_with_the_tests_it_kept_from_running(self):
        result = self.retry("""
            import os, unittest
            class T(unittest.TestCase):
                @classmethod
                def setUpClass(cls):
                    assert os.environ["MULE_ATTEMPT"] == "2"
                def test_a(self): pass
                def test_b(self): pass
            """)
        self.assertEqual(result.states, {
            "setUpClass (test_it.T)": "passed",
            "test_it.T.test_a": "passed", "test_it.T.test_b": "passed"})
        self.assertTrue(result.finished["setUpClass (test_it.T)"]["flaky"])
        self.assertNotIn("flaky", result.finished["test_it.T.test_a"])
        self.assertIn("Ran 2 tests", result.out)

    def test_a_fixture_that_always_fails_is_one_item(self):
        result = self.retry("""
            import unittest
            class T(unittest.TestCase):
                @classmethod
                def setUpClass(cls): raise OSError("no database")
                def test_a(self): pass
            """, retries="2", status=1)
        self.assertEqual(result.states, {
            "setUpClass (test_it.T)": "error", "test_it.T.test_a": "not run"})
        self.assertEqual(
            self.attempts(result)["setUpClass (test_it.T)"],
            [(1, "error"), (2, "error")])
        self.assertIn("FAILED (errors=1)", result.out)

    def test_a_fixture_of_a_module_is_retried_with_its_classes(self):
        result = self.retry("""
            import os, unittest
            def setUpModule(): assert os.environ["MULE_ATTEMPT"] == "2"
            class A(unittest.TestCase):
                def test_a(self): pass
            class B(unittest.TestCase):
                def test_b(self): pass
            """)
        self.assertEqual(result.count("passed"), 3)
        self.assertTrue(result.finished["setUpModule (test_it)"]["flaky"])

    def test_what_cleans_up_has_nothing_to_retry(self):
        result = self.retry("""
            import unittest
            class T(unittest.TestCase):
                @classmethod
                def tearDownClass(cls): raise OSError("left a file")
                def test_a(self): pass
            """, status=1)
        self.assertEqual(result.states, {
            "tearDownClass (test_it.T)": "error", "test_it.T.test_a": "passed"})
        self.assertEqual(len(result.all("job_started")), 1)

    def test_what_cleans_up_is_tried_again_beside_its_tests(self):
        result = self.retry("""
            import os, unittest
            class T(unittest.TestCase):
                @classmethod
                def tearDownClass(cls): raise OSError("left a file")
                def test_a(self): assert os.environ["MULE_ATTEMPT"] == "2"
            """, status=1)
        self.assertEqual(result.states, {
            "tearDownClass (test_it.T)": "error", "test_it.T.test_a": "passed"})

    def test_a_process_that_dies_before_its_tests_is_retried(self):
        result = self.retry("""
            import os, unittest
            class T(unittest.TestCase):
                @classmethod
                def setUpClass(cls):
                    if os.environ["MULE_ATTEMPT"] == "1": os._exit(3)
                def test_a(self): pass
            """)
        self.assertEqual(result.states, {
            "process (test_it.T)": "passed", "test_it.T.test_a": "passed"})
        self.assertTrue(result.finished["process (test_it.T)"]["flaky"])

    def test_a_job_that_takes_too_long_is_retried_with_what_it_left(self):
        result = self.retry("""
            import os, time, unittest
            class T(unittest.TestCase):
                def test_a(self):
                    while os.environ["MULE_ATTEMPT"] == "1": time.sleep(60)
                def test_b(self): pass
            """, "--timeout", "3s", "--grace", "0")
        self.assertEqual(set(result.states.values()), {"passed"})

    # --------------------------------------------------------- programs

    def test_a_command_is_retried(self):
        self.suite({"it": "#!/bin/sh\ntest \"$MULE_ATTEMPT\" = 2\n",
                    "jobs": "it\n"})
        result = self.mule_test("--runner", "./$TEST", "--jobs-from",
                                self.path("jobs"), "--retries", "1",
                                *QUICK)
        self.assertEqual(result.states, {"it": "passed"})
        self.assertTrue(result.finished["it"]["flaky"])

    def test_points_of_a_program_are_retried_with_it(self):
        self.suite({"t/one.t": "#!/bin/sh\n"
                    "echo 1..3\necho ok 1 - same\n"
                    "[ $MULE_ATTEMPT = 2 ] || printf 'not '\n"
                    "echo ok 2 - same\necho not ok 3 - never\n"})
        result = self.mule_test("--tap", "t/one.t", "--retries", "1", *QUICK,
                                status=1)
        self.assertEqual(result.states, {
            "t/one.t: 1 - same": "passed", "t/one.t: 2 - same": "passed",
            "t/one.t: 3 - never": "failed"})
        self.assertTrue(result.finished["t/one.t: 2 - same"]["flaky"])
        # Nor does the program count, which has no state beside its points.
        self.assertIn("(2 retried, 1 flaky)", result.out)

    def test_points_that_do_not_come_again_keep_their_failure(self):
        self.suite({"t/one.t": "#!/bin/sh\n"
                    "[ $MULE_ATTEMPT = 2 ] && exec echo 1..0\n"
                    "echo 1..1\necho not ok 1 - it\n"})
        result = self.mule_test("--tap", "t/one.t", "--retries", "1", *QUICK,
                                status=1)
        self.assertEqual(result.states["t/one.t: 1 - it"], "failed")

    # ------------------------------------------------- limits and reports

    def test_beyond_the_budget_failures_are_final_and_that_is_said(self):
        result = self.retry("""
            import unittest
            class T(unittest.TestCase):
                def test_a(self): self.fail()
                def test_b(self): self.fail()
                def test_c(self): self.fail()
            """, "--retry-budget", "1", retries="2", status=1)
        self.assertEqual(len(self.attempts(result)), 1)
        self.assertEqual(sum("budget" in note for note in result.notes), 1)

    def test_what_is_quarantined_takes_nothing_of_the_budget(self):
        result = self.retry("""
            import unittest
            class T(unittest.TestCase):
                def test_a(self): self.fail()
                def test_b(self): self.fail()
                def test_c(self): self.fail()
            """, "--retry-budget", "1", "--quarantine", "*.test_[ab]",
                            retries="1", status=1)
        self.assertEqual(len(self.attempts(result)), 3)
        self.assertEqual(sum("budget" in note for note in result.notes), 0)

    def test_a_budget_of_a_share_is_one_at_least(self):
        result = self.retry(FLAKY, "--retry-budget", "0.5%")
        self.assertIn("(1 retried, 1 flaky)", result.out)

    def test_a_failure_counts_when_it_is_decided(self):
        result = self.retry(FLAKY, "--failfast")
        self.assertEqual(result.all("stopping"), [])
        result = self.retry("""
            import unittest
            class A(unittest.TestCase):
                def test_a(self): self.fail()
            """, "--failfast", status=1)
        self.assertEqual(len(result.all("stopping")), 1)

    def test_a_pattern_has_retries_of_its_own(self):
        self.suite({"test_it.py": FLAKY, "mule.yaml": """
retry-delay: 1ms
overrides:
  - {match: "*.Flaky", retries: 1}
"""})
        result = self.mule_test()
        self.assertIn("1 flaky", result.out)

    def test_an_interrupted_run_says_how_it_failed_before(self):
        self.suite({"test_it.py": """
            import unittest
            class T(unittest.TestCase):
                def test_a(self): self.fail("the first time")
            """})
        result = self.mule_test("--retries", "1", "--retry-delay", "1m",
                                "--max-time", "2s", status=2)
        self.assertEqual(result.states, {"test_it.T.test_a": "failed"})
        self.assertIn("the first time", result.text)

    def test_what_does_not_fit_together_is_refused(self):
        self.suite({"test_it.py": FLAKY})
        for words in (("--retries", "1", "--repeat", "2"),
                      ("--retries", "1", "--until-fail"),
                      ("--repeat", "2", "--until-fail"),
                      ("--retries", "1", "--pdb"),
                      ("--retry-budget", "0%"), ("--retry-budget", "x"),
                      ("--retries", "101"), ("--flaky", "maybe")):
            with self.subTest(words=words):
                self.mule_test(*words, status=4)

    def test_junit_has_what_went_wrong_before(self):
        path = self.path("out.xml")
        self.retry("""
            import os, unittest
            class T(unittest.TestCase):
                def test_a(self):
                    print("attempt", os.environ["MULE_ATTEMPT"])
                    assert os.environ["MULE_ATTEMPT"] == "2", "first"
                def test_b(self): self.fail("each time")
            """, "--xunit", "--xunit-output", path, status=1)
        root = ElementTree.parse(path).getroot()
        cases = {case.get("name"): case for case in root.iter("testcase")}
        flaky = [child.tag for child in cases["test_a"]]
        self.assertEqual(flaky, ["properties", "flakyFailure", "system-out"])
        failure = cases["test_a"].find("flakyFailure")
        self.assertEqual(failure.get("message"), "first")
        self.assertIn("AssertionError", failure.find("stackTrace").text)
        self.assertIn("attempt 1", failure.find("system-out").text)
        self.assertEqual([child.tag for child in cases["test_b"]],
                         ["properties", "failure", "rerunFailure"])
        self.assertEqual(root.get("failures"), "1")
        self.assertEqual(root.get("tests"), "2")
