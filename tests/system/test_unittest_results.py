"""What becomes of a unittest test: states, findings, fixtures, totals.

Where it matters, `python -m unittest` runs the same suite and must count the
same.
"""

import re
import subprocess
import sys

from support.mule_case import CLASS, MuleCase

COUNTS = re.compile(r"Ran (\d+) tests? in .*?\n\n(.*?)\n", re.DOTALL)


class Results(MuleCase):

    def counts_of_unittest(self):
        ended = subprocess.run(
            [sys.executable, "-m", "unittest"], cwd=self.folder,
            env=self.variables(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return COUNTS.search(ended.stderr).groups()

    def same_as_unittest(self, **more):
        """Runs both; the counts must be the same."""
        result = self.mule_test(env={"MULE_PYTHON": sys.executable}, **more)
        self.assertEqual(COUNTS.search(result.out).groups(),
                         self.counts_of_unittest(), result.out)
        return result

    def finding(self, result, id, place=0):
        return result.finished[id]["findings"][place]


class States(Results):

    def test_each_way_to_end_has_its_state(self):
        self.suite({"test_it.py": CLASS + """
    def test_passes(self): pass
    def test_fails(self): self.assertEqual(1, 2, "not the same")
    def test_breaks(self): raise ValueError("broken")
    @unittest.skip("not today")
    def test_skips(self): pass
    def test_skips_itself(self): self.skipTest("not now")
    @unittest.expectedFailure
    def test_is_expected_to_fail(self): self.fail("as expected")
    @unittest.expectedFailure
    def test_is_expected_in_vain(self): pass
"""})
        result = self.same_as_unittest(status=1)
        self.assertStates(result, {
            "test_it.T.test_passes": "passed",
            "test_it.T.test_fails": "failed",
            "test_it.T.test_breaks": "error",
            "test_it.T.test_skips": "skipped",
            "test_it.T.test_skips_itself": "skipped",
            "test_it.T.test_is_expected_to_fail": "xfailed",
            "test_it.T.test_is_expected_in_vain": "xpassed"})

    def test_a_failure_says_where_what_and_how(self):
        self.suite({"test_it.py": CLASS + """
    def test_fails(self):
        self.assertEqual(1, 2, "not the same")
"""})
        result = self.mule_test(status=1)
        event = result.finished["test_it.T.test_fails"]
        finding, = event["findings"]
        self.assertEqual(finding["kind"], "failure")
        self.assertEqual(finding["type"], "AssertionError")
        self.assertIn("not the same", finding["message"])
        self.assertIn("Traceback (most recent call last)", finding["trace"])
        self.assertEqual((finding["file"], finding["line"]),
                         ("test_it.py", 5))
        self.assertEqual((event["file"], event["line"]), ("test_it.py", 4))

    def test_a_failure_is_not_placed_inside_of_unittest(self):
        self.suite({"test_it.py": CLASS + """
    def test_logs(self):
        logs = self.assertLogs()
        logs.__enter__()
        self.addCleanup(logs.__exit__, None, None, None)
"""})
        result = self.mule_test(status=1)
        finding = self.finding(result, "test_it.T.test_logs")
        self.assertEqual(finding["where"], "cleanup")
        self.assertNotIn("file", finding)
        self.assertIn("test_it.py:4,", result.out)

    def test_a_doctest_that_fails_is_placed_at_its_text(self):
        self.suite({"shop.py": '''
            def price():
                """
                >>> price()
                1
                """
                return 2
            ''', "test_it.py": """
            import doctest, shop
            def load_tests(loader, tests, pattern):
                return doctest.DocTestSuite(shop)
            """})
        result = self.mule_test(status=1)
        self.assertNotIn("file", self.finding(result, "shop.price"))
        self.assertRegex(result.out, r"(?m)^shop\.py:2, ")

    def test_reasons_of_skips_are_told(self):
        self.suite({"test_it.py": CLASS + """
    @unittest.skip("on the method")
    def test_a(self): pass
    def test_b(self): self.skipTest("from within")
    @unittest.skipIf(True, "on a condition")
    def test_c(self): pass
@unittest.skip("on the class")
class Other(unittest.TestCase):
    def test_d(self): pass
"""})
        result = self.same_as_unittest()
        reasons = {id.rpartition(".")[2]: event["reason"]
                   for id, event in result.finished.items()}
        self.assertEqual(reasons, {
            "test_a": "on the method", "test_b": "from within",
            "test_c": "on a condition", "test_d": "on the class"})

    def test_a_module_that_skips_itself_is_skipped(self):
        self.suite({"test_it.py": """
            import unittest
            raise unittest.SkipTest("no such machine")
            """})
        result = self.same_as_unittest()
        self.assertEqual([event["reason"]
                          for event in result.finished.values()],
                         ["no such machine"])

    def test_an_exception_called_SkippedTest_is_a_skip(self):
        self.suite({"test_it.py": CLASS + """
    class SkippedTest(Exception): pass
    def test_a(self): raise self.SkippedTest("of another framework")
    def test_b(self): raise type("Skipped", (Exception,), {})("no skip")
"""})
        result = self.mule_test(status=1)
        self.assertStates(result, {"test_it.T.test_a": "skipped",
                                   "test_it.T.test_b": "error"})
        self.assertEqual(result.finished["test_it.T.test_a"]["reason"],
                         "of another framework")

    def test_subtests_are_findings_of_their_test(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        for i in range(4):
            with self.subTest("even", i=i):
                self.assertEqual(i % 2, 0)
"""})
        result = self.same_as_unittest(status=1)
        self.assertStates(result, {"test_it.T.test_a": "failed"})
        findings = result.finished["test_it.T.test_a"]["findings"]
        self.assertEqual([finding["where"] for finding in findings],
                         ["subtest", "subtest"])
        self.assertRegex(findings[0]["sub"], r"even.*i=1")
        self.assertRegex(findings[1]["sub"], r"even.*i=3")
        self.assertEqual(result.tally["failures"], 2)

    def test_a_subtest_may_skip_and_another_fail(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        with self.subTest(n=1): self.skipTest("one")
        with self.subTest(n=2): self.skipTest("two")
        with self.subTest(n=3): raise KeyError("three")
"""})
        result = self.same_as_unittest(status=1)
        self.assertStates(result, {"test_it.T.test_a": "error"})

    def test_a_body_and_its_teardown_can_both_fail(self):
        self.suite({"test_it.py": CLASS + """
    def tearDown(self): raise OSError("teardown")
    def test_a(self): self.fail("body")
"""})
        result = self.same_as_unittest(status=1)
        findings = result.finished["test_it.T.test_a"]["findings"]
        self.assertEqual([(f["kind"], f["where"]) for f in findings],
                         [("failure", "test"), ("error", "tearDown")])

    def test_setup_that_fails_is_told_as_setup(self):
        self.suite({"test_it.py": CLASS + """
    def setUp(self): raise OSError("setup")
    def test_a(self): self.fail("never")
"""})
        result = self.same_as_unittest(status=1)
        finding, = result.finished["test_it.T.test_a"]["findings"]
        self.assertEqual(finding["where"], "setUp")

    def test_each_cleanup_that_fails_is_a_finding(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        self.addCleanup(self.fail, "first in, last out")
        self.addCleanup(print, "cleaned")
        self.addCleanup({}.pop, "missing")
"""})
        result = self.same_as_unittest(status=1)
        findings = result.finished["test_it.T.test_a"]["findings"]
        self.assertEqual([(f["kind"], f["where"]) for f in findings],
                         [("error", "cleanup"), ("failure", "cleanup")])
        self.assertEqual(result.output_of("test_it.T.test_a"), "cleaned\n")

    def test_asynchronous_tests_run(self):
        self.suite({"test_it.py": """
            import asyncio, unittest
            class T(unittest.IsolatedAsyncioTestCase):
                async def asyncSetUp(self): self.value = 1
                async def asyncTearDown(self): print("torn down")
                async def test_a(self):
                    await asyncio.sleep(0)
                    self.assertEqual(self.value, 1)
                async def test_b(self):
                    await asyncio.sleep(0)
                    self.fail("later")
                async def test_c(self):
                    self.addAsyncCleanup(asyncio.sleep, 0)
                    await asyncio.wait_for(asyncio.Event().wait(), 0.001)
            """})
        result = self.same_as_unittest(status=1)
        self.assertStates(result, {"test_it.T.test_a": "passed",
                                   "test_it.T.test_b": "failed",
                                   "test_it.T.test_c": "error"})
        self.assertEqual(result.output_of("test_it.T.test_a"), "torn down\n")

    def test_a_long_chain_of_causes_is_kept(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        try:
            {}["nowhere"]
        except KeyError as error:
            raise RuntimeError("outer") from error
"""})
        result = self.mule_test(status=1)
        trace = self.finding(result, "test_it.T.test_a")["trace"]
        self.assertSays(trace, "KeyError: 'nowhere'", "RuntimeError: outer",
                        "direct cause")


class Fixtures(Results):

    def test_fixtures_of_classes_and_modules_run_once(self):
        self.suite({"test_it.py": """
            import os, unittest
            log = os.path.join(os.path.dirname(__file__), "log")
            def note(word):
                with open(log, "a") as file:
                    file.write(word + "\\n")
            def setUpModule(): note("setUpModule")
            def tearDownModule(): note("tearDownModule")
            class A(unittest.TestCase):
                @classmethod
                def setUpClass(cls): note("setUpClass")
                @classmethod
                def tearDownClass(cls): note("tearDownClass")
                def setUp(self): note("setUp")
                def tearDown(self): note("tearDown")
                def test_1(self): note("test_1")
                def test_2(self): note("test_2")
            class B(unittest.TestCase):
                def test_3(self): note("test_3")
            """})
        self.mule_test("-j", "4")
        self.assertEqual(self.read("log").split(), [
            "setUpModule", "setUpClass", "setUp", "test_1", "tearDown",
            "setUp", "test_2", "tearDown", "tearDownClass", "test_3",
            "tearDownModule"])

    def test_cleanups_of_classes_and_modules_run(self):
        self.suite({"test_it.py": """
            import os, unittest
            def note(word):
                with open("log", "a") as file:
                    file.write(word + "\\n")
            def setUpModule():
                unittest.addModuleCleanup(note, "module")
            class A(unittest.TestCase):
                @classmethod
                def setUpClass(cls):
                    cls.addClassCleanup(note, "class")
                def test_1(self): note("test")
            """})
        self.mule_test()
        self.assertEqual(self.read("log").split(), ["test", "class", "module"])

    def test_setUpClass_that_fails_is_an_item_and_its_tests_do_not_run(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def setUpClass(cls): raise OSError("no room")
    def test_a(self): pass
    def test_b(self): pass
class Other(unittest.TestCase):
    def test_c(self): pass
"""})
        result = self.same_as_unittest(status=1)
        self.assertStates(result, {
            "setUpClass (test_it.T)": "error",
            "test_it.T.test_a": "not run", "test_it.T.test_b": "not run",
            "test_it.Other.test_c": "passed"})
        self.assertIn("no room", self.finding(
            result, "setUpClass (test_it.T)")["message"])

    def test_setUpClass_may_skip(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("no server")
    def test_a(self): pass
    def test_b(self): pass
"""})
        result = self.same_as_unittest()
        self.assertEqual(result.tally["skips"], 1)
        self.assertEqual({result.states["test_it.T.test_a"],
                          result.states["test_it.T.test_b"]}, {"skipped"})

    def test_tearDownClass_that_fails_is_an_item(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def tearDownClass(cls): raise OSError("cannot clean")
    def test_a(self): pass
"""})
        result = self.same_as_unittest(status=1)
        self.assertStates(result, {"test_it.T.test_a": "passed",
                                   "tearDownClass (test_it.T)": "error"})

    def test_setUpModule_that_fails_costs_its_module_only(self):
        self.suite({
            "test_bad.py": "def setUpModule(): raise OSError('down')\n"
                           + CLASS + "    def test_a(self): pass\n"
                           + "class U(T): pass\n",
            "test_good.py": CLASS + "    def test_a(self): pass\n"})
        result = self.same_as_unittest(status=1)
        self.assertStates(result, {
            "setUpModule (test_bad)": "error",
            "test_bad.T.test_a": "not run", "test_bad.U.test_a": "not run",
            "test_good.T.test_a": "passed"})

    def test_setUpModule_may_skip(self):
        self.suite({
            "test_it.py": "import unittest\ndef setUpModule():\n"
                          "    raise unittest.SkipTest('all')\n"
                          + CLASS + "    def test_a(self): pass\n"
                          + "class U(T): pass\n"})
        result = self.same_as_unittest()
        self.assertEqual(result.tally["skips"], 1)

    def test_tearDownModule_that_fails_is_an_item(self):
        self.suite({
            "test_it.py": "def tearDownModule(): raise OSError('down')\n"
                          + CLASS + "    def test_a(self): pass\n"})
        result = self.same_as_unittest(status=1)
        self.assertStates(result, {"test_it.T.test_a": "passed",
                                   "tearDownModule (test_it)": "error"})

    def test_what_a_fixture_prints_is_kept_with_its_failure(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def setUpClass(cls):
        print("before it broke")
        raise OSError("no room")
    def test_a(self): pass
"""})
        result = self.mule_test(status=1)
        self.assertIn("before it broke",
                      result.output_of("setUpClass (test_it.T)"))

    def test_a_module_with_fixtures_stays_together(self):
        classes = "".join(f"class C{i}(T): pass\n" for i in range(6))
        self.suite({"test_it.py": "import os\ndef setUpModule():\n"
                                  "    print('up', os.getpid())\n"
                                  + CLASS + "    def test_a(self):\n"
                                  "        print(os.getpid())\n" + classes})
        result = self.mule_test("-j", "4")
        pids = {result.output_of(id) for id in result.states
                if result.output_of(id).strip().isdigit()}
        self.assertEqual(len(pids), 1)
        self.assertEqual(len({e["slot"] for e in result.all("job_started")}),
                         1)
