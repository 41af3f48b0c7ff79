"""Flaky and quarantined tests: what they are called and what they decide."""

import xml.etree.ElementTree as ElementTree

from support.mule_case import MuleCase

RETRY = ("--retries", "1", "--retry-delay", "1ms")
FLAKY = """
    import os, unittest
    class Flaky(unittest.TestCase):
        def test_it(self): assert os.environ["MULE_ATTEMPT"] == "2", "at first"
    """
BAD = """
    import unittest
    class Bad(unittest.TestCase):
        def test_it(self): self.fail("known to fail")
        def test_ok(self): pass
    """


class Flaky(MuleCase):

    def test_the_end_names_it_with_what_went_wrong_once(self):
        self.suite({"test_it.py": FLAKY})
        result = self.mule_test(*RETRY)
        self.assertIn("RETRY", result.out)
        self.assertIn("Flaky: 1\n", result.out)
        self.assertIn("FLAKY, FAIL: test_it.Flaky.test_it", result.out)
        self.assertEqual(result.out.count("Traceback"), 1)
        self.assertIn("\nOK\n", result.out)

    def test_a_quiet_run_names_it_and_no_more(self):
        self.suite({"test_it.py": FLAKY})
        result = self.mule_test(*RETRY, "-q")
        self.assertIn("Flaky: 1\n", result.out)
        self.assertNotIn("Traceback", result.out)
        self.assertNotIn("RETRY", result.out)

    def test_it_may_be_a_failure(self):
        self.suite({"test_it.py": FLAKY})
        result = self.mule_test(*RETRY, "--flaky", "fail", "--xunit",
                                "--xunit-output", self.path("out.xml"),
                                status=1)
        self.assertIn("FAILED (flaky=1)", result.out)
        self.assertEqual(result.states, {"test_it.Flaky.test_it": "passed"})
        case = ElementTree.parse(self.path("out.xml")).find(".//testcase")
        self.assertEqual([child.tag for child in case],
                         ["properties", "failure", "flakyFailure"])
        self.assertEqual(case.find("failure").get("type"), "flaky")

    def test_as_a_failure_it_stops_a_run_that_fails_fast(self):
        self.suite({"test_it.py": FLAKY})
        result = self.mule_test(*RETRY, "--flaky", "fail", "--failfast",
                                status=1)
        self.assertEqual(len(result.all("stopping")), 1)

    def test_a_workflow_is_warned(self):
        self.suite({"test_it.py": FLAKY})
        self.environment["GITHUB_ACTIONS"] = "true"
        self.environment["GITHUB_STEP_SUMMARY"] = self.path("page.md")
        result = self.mule_test(*RETRY)
        self.assertRegex(result.out, r"::warning .*title=Flaky%3A test_it.Fl")
        self.assertNotIn("::error", result.out)
        self.assertIn("| Flaky |", self.read("page.md"))


class Quarantine(MuleCase):

    def test_it_runs_and_decides_nothing(self):
        self.suite({"test_it.py": BAD})
        for pattern in ("test_it.Bad.test_it", "test_it.Bad", "test_it.py",
                        "*.Bad"):
            with self.subTest(pattern=pattern):
                result = self.mule_test("--quarantine", pattern)
                bad = result.finished["test_it.Bad.test_it"]
                self.assertEqual(bad["state"], "failed")
                self.assertTrue(bad["quarantined"])
                self.assertNotIn("quarantined",
                                 result.finished["test_it.Bad.test_ok"])
                self.assertIn("\nOK\n", result.out)
                self.assertIn("(1 quarantined)", result.out)
                self.assertIn("Quarantined: 1\n", result.out)
                self.assertNotIn("Failed:", result.out)

    def test_others_still_decide(self):
        self.suite({"test_it.py": BAD, "test_other.py": BAD})
        result = self.mule_test("--quarantine", "test_other.*", status=1)
        self.assertIn("FAILED (failures=1)", result.out)
        self.assertIn("1 quarantined", result.out)

    def test_an_empty_pattern_is_no_test(self):
        result = self.mule_test("--runner", "false $TEST", "--quarantine", "",
                                "a", status=1)
        self.assertNotIn("quarantined", result.finished["a"])

    def test_the_file_has_a_list(self):
        self.suite({"test_it.py": BAD,
                    "mule.yaml": "quarantine: [test_it.Bad.test_it]\n"})
        self.mule_test()

    def test_it_does_not_stop_a_run_that_fails_fast(self):
        self.suite({"test_it.py": BAD})
        result = self.mule_test("--quarantine", "*.Bad", "--failfast")
        self.assertEqual(result.all("stopping"), [])

    def test_what_its_fixture_keeps_from_running_decides_nothing_either(self):
        self.suite({"test_it.py": """
            import unittest
            class Bad(unittest.TestCase):
                @classmethod
                def setUpClass(cls): raise OSError("no database")
                def test_it(self): pass
            """, "test_other.py": BAD.replace("self.fail", "print")})
        result = self.mule_test("--quarantine", "*.Bad")
        self.assertEqual(result.finished["test_it.Bad.test_it"]["state"],
                         "not run")
        self.assertIn("\nOK\n", result.out)
        self.assertIn("1 not run (1 quarantined)", result.out)
        result = self.mule("replay", "-q")
        self.assertIn("\nOK\n", result.out)
        result = self.mule_test("--failed", "--quarantine", "*.Bad")
        self.assertStates(result, {})

    def test_a_flaky_one_is_no_failure_either(self):
        self.suite({"test_it.py": FLAKY})
        self.mule_test(*RETRY, "--flaky", "fail", "--quarantine", "*.Flaky")

    def test_to_junit_it_is_a_skip_that_says_what_went_wrong(self):
        self.suite({"test_it.py": BAD})
        self.mule_test("--quarantine", "*.Bad", "--xunit",
                       "--xunit-output", self.path("out.xml"))
        root = ElementTree.parse(self.path("out.xml")).getroot()
        self.assertEqual(root.get("failures"), "0")
        self.assertEqual(root.get("skipped"), "1")
        skipped = root.find(".//skipped")
        self.assertEqual(skipped.get("type"), "quarantined")
        self.assertIn("known to fail", skipped.text)

    def test_a_workflow_is_warned(self):
        self.suite({"test_it.py": BAD})
        self.environment["GITHUB_ACTIONS"] = "true"
        result = self.mule_test("--quarantine", "*.Bad")
        self.assertRegex(result.out, "::warning .*title=Quarantined%3A ")
