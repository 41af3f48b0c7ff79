"""Items end as they do under `python -m unittest`."""

import gc
import unittest

try:
    from driver import Driver, Outcome, unittest_totals
except ImportError:
    from .driver import Driver, Outcome, unittest_totals

ORDINARY = """
    import unittest

    class Ways(unittest.TestCase):
        def test_error(self):
            raise ValueError("no such thing")
        def test_exit(self):
            raise SystemExit(3)
        def test_failure(self):
            self.assertEqual(1, 2)
        def test_pass(self):
            pass
        @unittest.skip("for a reason")
        def test_skip(self):
            pass
        def test_skip_inside(self):
            self.skipTest("seen too late")
        @unittest.expectedFailure
        def test_xfail(self):
            self.fail("as it should")
        @unittest.expectedFailure
        def test_xpass(self):
            pass

    class SkippedTest(Exception):
        pass

    class Foreign(unittest.TestCase):
        def test_foreign_skip(self):
            raise SkippedTest("another framework")

    @unittest.skip("all of it")
    class Whole(unittest.TestCase):
        def test_1(self):
            pass
        def test_2(self):
            pass

    class Asynchronous(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            self.ready = True
        async def test_fails(self):
            self.assertFalse(self.ready)
        async def test_passes(self):
            self.assertTrue(self.ready)
"""

SUBTESTS = """
    import unittest

    class Sub(unittest.TestCase):
        def test_many(self):
            for i in range(6):
                with self.subTest("label", i=i):
                    if i == 1:
                        self.fail("one")
                    if i == 2:
                        raise KeyError(i)
                    if i in (3, 4):
                        self.skipTest("no %d" % i)
        def test_only_skips(self):
            for i in range(3):
                with self.subTest(i=i):
                    if i:
                        self.skipTest("no %d" % i)
        def test_all_pass(self):
            for i in range(3):
                with self.subTest(i=i):
                    pass
        def test_and_then_the_body(self):
            with self.subTest(i=1):
                self.fail("inside")
            self.fail("outside")
"""

FIXTURES = """
    import unittest

    def boom():
        raise ValueError("boom")

    class SetUp(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.addClassCleanup(boom)
            boom()
        def test_1(self):
            pass
        def test_2(self):
            pass

    class SetUpSkips(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            raise unittest.SkipTest("not today")
        def test_1(self):
            pass
        def test_2(self):
            pass
        def test_3(self):
            pass

    class TearDown(unittest.TestCase):
        @classmethod
        def tearDownClass(cls):
            boom()
        def test_1(self):
            pass

    class Cleanup(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.addClassCleanup(boom)
        def test_1(self):
            self.addCleanup(boom)
            self.fail("body")
        def tearDown(self):
            boom()

    class EachSetUp(unittest.TestCase):
        def setUp(self):
            boom()
        def test_1(self):
            pass
"""

MODULE = """
    import unittest
    def setUpModule():
        %s
    def tearDownModule():
        %s
    class A(unittest.TestCase):
        def test_1(self):
            pass
    class B(unittest.TestCase):
        def test_1(self):
            pass
        def test_2(self):
            self.fail()
"""
PASS, FAIL, SKIP = "pass", "raise OSError('no')", "raise unittest.SkipTest('x')"


class Running(unittest.TestCase):
    maxDiff = None

    def run_both_ways(self, files, compare=True):
        """Under each isolation; totals must be those of unittest."""
        for isolation in ("class", "worker"):
            with self.subTest(isolation=isolation), \
                    Driver(files, options={"isolation": isolation}) as mule:
                mule.collect()
                outcome = mule.run()
                self.assertEqual(len(outcome.results), len(mule.ids))
                if compare:
                    self.assertEqual(outcome.totals(),
                                     unittest_totals(mule.folder))
                yield outcome

    def test_every_way_to_end_has_its_state(self):
        files = {"test_ways.py": ORDINARY}
        for outcome in self.run_both_ways(files, compare=False):
            states = outcome.states()
            self.assertEqual({k.partition(".")[2]: v
                              for k, v in states.items()}, {
                "Asynchronous.test_fails": "failed",
                "Asynchronous.test_passes": "passed",
                "Foreign.test_foreign_skip": "skipped",
                "Ways.test_error": "error",
                "Ways.test_exit": "error",
                "Ways.test_failure": "failed",
                "Ways.test_pass": "passed",
                "Ways.test_skip": "skipped",
                "Ways.test_skip_inside": "skipped",
                "Ways.test_xfail": "xfailed",
                "Ways.test_xpass": "xpassed",
                "Whole.test_1": "skipped",
                "Whole.test_2": "skipped",
            })
            self.assertEqual(outcome["test_skip"]["reason"], "for a reason")
            self.assertEqual(outcome["test_foreign_skip"]["reason"],
                             "another framework")

    def test_totals_are_those_of_unittest(self):
        ordinary = ORDINARY.replace("SkippedTest(", "Other(").replace(
            "class SkippedTest", "class Other")
        for _ in self.run_both_ways({"test_ways.py": ordinary}):
            pass

    def test_a_finding_says_what_and_where(self):
        with Driver({"tests/__init__.py": "",
                     "tests/test_ways.py": ORDINARY}) as mule:
            mule.collect()
            outcome = mule.run()
        [finding] = outcome["test_failure"]["findings"]
        self.assertEqual(finding["kind"], "failure")
        self.assertEqual(finding["type"], "AssertionError")
        self.assertEqual(finding["message"], "1 != 2")
        self.assertEqual(finding["file"], "tests/test_ways.py")
        self.assertEqual(finding["line"], 10)
        self.assertNotIn("where", finding)
        self.assertTrue(finding["trace"].startswith(
            "Traceback (most recent call last):\n"))
        self.assertNotIn("_mule", finding["trace"])
        self.assertNotIn("unittest/case", finding["trace"])

    def test_a_method_called_test_case_is_like_any_other(self):
        files = {"helpers.py": """
            def check(value):
                assert value, "not so"
            """, "test_named.py": """
            import helpers, unittest
            class A(unittest.TestCase):
                def test_case(self):
                    helpers.check(False)
            """}
        for outcome in self.run_both_ways(files):
            [finding] = outcome["test_case"]["findings"]
            self.assertEqual((finding["file"], finding["line"]),
                             ("test_named.py", 5))

    def test_the_garbage_collector_knows_all_objects(self):
        files = {"test_gc.py": """
            import gc, unittest
            HELD = ["what was made while the module was loaded"]
            HOLDER = {"held": HELD}
            class A(unittest.TestCase):
                def test_referrers(self):
                    referrers = gc.get_referrers(HELD)
                    self.assertTrue(any(r is HOLDER for r in referrers))
            """}
        for outcome in self.run_both_ways(files):
            self.assertEqual(outcome["test_referrers"]["state"], "passed")

    def test_the_garbage_collector_is_as_a_suite_left_it(self):
        default = gc.get_threshold()
        for line, expected in (("", default),
                               ("gc.set_threshold(321, 5, 6)", (321, 5, 6))):
            files = {"test_gc.py": f"""
                import gc, unittest
                {line}
                class A(unittest.TestCase):
                    def test_threshold(self):
                        self.assertEqual(gc.get_threshold()[:1],
                                         {expected[:1]})
                """}
            for outcome in self.run_both_ways(files):
                self.assertEqual(outcome["test_threshold"]["state"], "passed")

    def test_a_test_has_a_finding_for_each_subtest(self):
        for outcome in self.run_both_ways({"test_sub.py": SUBTESTS}):
            many = outcome["test_many"]
            self.assertEqual(many["state"], "error")
            # Before 3.11 unittest reports skips before anything else.
            found = sorted((f["kind"], f["sub"]) for f in many["findings"])
            self.assertEqual(found, [
                ("error", "[label] (i=2)"), ("failure", "[label] (i=1)"),
                ("skip", "[label] (i=3)"), ("skip", "[label] (i=4)")])
            self.assertEqual(outcome["test_only_skips"]["state"], "skipped")
            self.assertEqual(outcome["test_all_pass"]["state"], "passed")
            self.assertEqual(
                [f.get("where", "test")
                 for f in outcome["test_and_then_the_body"]["findings"]],
                ["subtest", "test"])

    def test_class_fixtures_are_items_of_their_own(self):
        for outcome in self.run_both_ways({"test_fix.py": FIXTURES}):
            found = {f["id"]: (f["state"], len(f["findings"]))
                     for f in outcome.fixtures}
            self.assertEqual(found, {
                "setUpClass (test_fix.SetUp)": ("error", 2),
                "tearDownClass (test_fix.TearDown)": ("error", 1),
                "tearDownClass (test_fix.Cleanup)": ("error", 1)})
            self.assertEqual(outcome["SetUp.test_2"]["state"], "not run")
            self.assertEqual(outcome["SetUp.test_2"]["reason"],
                             "setUpClass (test_fix.SetUp) failed")
            skips = [outcome["SetUpSkips.test_%d" % i] for i in (1, 2, 3)]
            self.assertEqual([s["state"] for s in skips], ["skipped"] * 3)
            self.assertEqual([s.get("counted", True) for s in skips],
                             [True, False, False])
            self.assertEqual([f["where"] for f in outcome["EachSetUp.test_1"]
                              ["findings"]], ["setUp"])
            self.assertEqual(
                [f.get("where", "test") for f in
                 outcome["Cleanup.test_1"]["findings"]],
                ["test", "tearDown", "cleanup"])

    def test_module_fixtures_are_items_of_their_own(self):
        for before, after, items in (
                (PASS, FAIL, ["tearDownModule (test_mod)"]),
                (FAIL, PASS, ["setUpModule (test_mod)"]),
                (SKIP, PASS, []),
                (PASS, SKIP, ["tearDownModule (test_mod)"]),
                (PASS, PASS, [])):
            files = {"test_mod.py": MODULE % (before, after)}
            with self.subTest(before=before, after=after):
                for outcome in self.run_both_ways(files):
                    self.assertEqual([f["id"] for f in outcome.fixtures],
                                     items)
                    self.assertEqual([j["kind"] for j in outcome.driver.jobs],
                                     ["module"])

    def test_a_fixture_that_exits_costs_its_class_only(self):
        files = {"test_exit.py": """
            import sys, unittest
            class A(unittest.TestCase):
                @classmethod
                def setUpClass(cls):
                    sys.exit("gone")
                def test_1(self):
                    pass
            class B(unittest.TestCase):
                def test_1(self):
                    pass
            """}
        for outcome in self.run_both_ways(files, compare=False):
            self.assertEqual(outcome.states(), {
                "test_exit.A.test_1": "not run",
                "test_exit.B.test_1": "passed"})
            self.assertEqual(outcome.fixtures[0]["findings"][0]["type"],
                             "SystemExit")

    def test_keyboard_interrupt_is_an_error_and_the_rest_runs_anew(self):
        files = {"test_ki.py": """
            import os, unittest
            class A(unittest.TestCase):
                def test_1(self):
                    print(os.getpid())
                def test_2(self):
                    raise KeyboardInterrupt
                def test_3(self):
                    print(os.getpid())
            """}
        for outcome in self.run_both_ways(files, compare=False):
            self.assertEqual(list(outcome.states().values()),
                             ["passed", "error", "passed"])
            self.assertEqual([d.get("left", False) for d in outcome.done],
                             [True, False])
            pids = outcome.driver.output().split()
            self.assertEqual(len(set(pids)), 2, pids)

    def test_a_test_that_fails_before_it_starts_is_an_error(self):
        files = {"test_early.py": """
            import unittest
            class A(unittest.TestCase):
                def run(self, result):
                    if self._testMethodName == "test_1":
                        raise OSError("too early")
                    super().run(result)
                def test_1(self):
                    pass
                def test_2(self):
                    pass
            """}
        for outcome in self.run_both_ways(files, compare=False):
            self.assertEqual(list(outcome.states().values()),
                             ["error", "passed"])

    def test_one_object_twice_is_two_items(self):
        files = {"test_twice.py": """
            import unittest
            class A(unittest.TestCase):
                def test_1(self):
                    pass
            def load_tests(loader, tests, pattern):
                test = A("test_1")
                return unittest.TestSuite([test, test])
            """}
        for outcome in self.run_both_ways(files):
            self.assertEqual(outcome.driver.ids, ["test_twice.A.test_1"] * 2)

    def test_a_suite_with_its_own_run_is_run_by_it(self):
        files = {"test_own.py": """
            import unittest
            class Own(unittest.TestSuite):
                def run(self, result):
                    print("before")
                    super().run(result)
                    print("after")
                    return result
            class A(unittest.TestCase):
                def test_1(self):
                    pass
            class B(unittest.TestCase):
                def test_1(self):
                    raise KeyboardInterrupt
                def test_2(self):
                    pass
            def load_tests(loader, tests, pattern):
                return Own(tests)
            """}
        for outcome in self.run_both_ways(files, compare=False):
            self.assertEqual([j["kind"] for j in outcome.driver.jobs],
                             ["suite"])
            self.assertEqual(list(outcome.states().values()),
                             ["passed", "error", "passed"])
            self.assertEqual(outcome.driver.output().split(),
                             [b"before", b"before", b"after"])

    def test_a_test_dies_when_unittest_lets_go_of_it(self):
        files = {"test_free.py": """
            import unittest, weakref
            refs = []
            class A(unittest.TestCase):
                def test_1(self):
                    self.thing = type("Thing", (), {})()
                    refs.append(weakref.ref(self.thing))
                def test_2(self):
                    self.assertIsNone(refs[0]())
            """}
        for outcome in self.run_both_ways(files):
            self.assertEqual(set(outcome.states().values()), {"passed"})

    def test_a_class_can_run_again_in_the_same_worker(self):
        files = {"test_ways.py": ORDINARY}
        with Driver(files, options={"isolation": "worker"}) as mule:
            mule.collect()
            worker = mule.fork()
            states = []
            for job in mule.jobs * 2:
                outcome = Outcome(mule)
                number = mule.ask(worker, job)
                mule.follow(worker, job, None, number, outcome)
                states.append(outcome.states())
            half = len(mule.jobs)
            self.assertEqual(states[:half], states[half:])


if __name__ == "__main__":
    unittest.main()
