"""How suites are loaded: load_tests, doctests, what breaks while imported."""

from support.mule_case import CLASS, MuleCase

GOOD = {"test_good.py": CLASS + "    def test_a(self): pass\n"}


class Loading(MuleCase):

    def test_load_tests_decides_what_runs(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self): pass
def load_tests(loader, standard_tests, pattern):
    suite = unittest.TestSuite()
    suite.addTest(T("test_b"))
    return suite
"""})
        self.assertStates(self.mule_test(), {"test_it.T.test_b": "passed"})

    def test_load_tests_of_a_package_is_obeyed(self):
        self.suite({
            "pkg/__init__.py": """
                import os
                def load_tests(loader, tests, pattern):
                    return loader.discover(os.path.dirname(__file__),
                                           "check_*.py",
                                           os.path.dirname(os.path.dirname(
                                               __file__)))
                """,
            "pkg/check_one.py": CLASS + "    def test_a(self): pass\n",
            "pkg/test_two.py": CLASS + "    def test_a(self): pass\n"})
        self.assertStates(self.mule_test("pkg"),
                          {"pkg.check_one.T.test_a": "passed"})

    def test_load_tests_that_breaks_is_an_error(self):
        self.suite({**GOOD, "test_it.py": CLASS + """
    def test_a(self): pass
def load_tests(loader, standard_tests, pattern): raise OSError("cannot")
"""})
        result = self.mule_test(status=1)
        self.assertEqual(result.states.pop("test_good.T.test_a"), "passed")
        self.assertEqual(result.count("error"), 1)
        self.assertIn("cannot", result.text)

    def test_tests_made_with_arguments_run_as_they_were_made(self):
        self.suite({"test_it.py": """
            import unittest
            class T(unittest.TestCase):
                def __init__(self, name, value=0):
                    super().__init__(name)
                    self.value = value
                def test_value(self): print("value", self.value)
            def load_tests(loader, standard_tests, pattern):
                return unittest.TestSuite(T("test_value", n)
                                          for n in (1, 2, 3))
            """})
        result = self.mule_test()
        said = sorted(result.output_of(id) for id in result.states)
        self.assertEqual(said, ["value 1\n", "value 2\n", "value 3\n"])

    def test_the_same_id_twice_is_two_items(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
def load_tests(loader, standard_tests, pattern):
    return unittest.TestSuite([T("test_a"), T("test_a")])
"""})
        self.assertStates(self.mule_test(), {"test_it.T.test_a": "passed",
                                        "test_it.T.test_a#2": "passed"})

    def test_a_suite_with_its_own_run_is_one_job(self):
        self.suite({"test_it.py": """
            import unittest
            class Loud(unittest.TestSuite):
                def run(self, result, debug=False):
                    print("the suite begins")
                    return super().run(result, debug)
            class A(unittest.TestCase):
                def test_a(self): print("a")
            class B(unittest.TestCase):
                def test_b(self): print("b")
            def load_tests(loader, standard_tests, pattern):
                return Loud([A("test_a"), B("test_b")])
            """})
        result = self.mule_test()
        self.assertEqual(result.count("passed"), 2)
        job, = result.all("job_started")
        self.assertEqual(job["kind"], "suite")
        self.assertIn("the suite begins",
                      str(result.all("job_finished"))
                      + str(result.all("test_finished")))

    def test_doctests_run(self):
        self.suite({
            "sums.py": '''
                def add(a, b):
                    """
                    >>> add(1, 2)
                    3
                    """
                    return a + b
                def subtract(a, b):
                    """
                    >>> subtract(1, 2)
                    1
                    """
                    return a - b
                ''',
            "test_docs.py": """
                import doctest, sums
                def load_tests(loader, tests, pattern):
                    tests.addTests(doctest.DocTestSuite(sums))
                    return tests
                """})
        result = self.mule_test(status=1)
        self.assertStates(result, {"sums.add": "passed",
                                   "sums.subtract": "failed"})

    def test_function_tests_run(self):
        self.suite({"test_it.py": """
            import unittest
            def good(): print("good")
            def bad(): assert False, "bad"
            def load_tests(loader, tests, pattern):
                return unittest.TestSuite([unittest.FunctionTestCase(good),
                                           unittest.FunctionTestCase(bad)])
            """})
        result = self.mule_test(status=1)
        self.assertEqual((result.count("passed"), result.count("failed")),
                         (1, 1))

    def test_an_import_error_is_an_item_with_its_traceback(self):
        self.suite({**GOOD, "test_broken.py": "import no_such_module\n"})
        result = self.mule_test(status=1)
        self.assertEqual(result.states.pop("test_good.T.test_a"), "passed")
        event, = [e for e in result.all("test_finished")
                  if e["state"] == "error"]
        self.assertIn("test_broken", event["id"])
        self.assertIn("No module named 'no_such_module'",
                      event["findings"][0]["trace"])

    def test_a_syntax_error_is_an_item_that_names_the_line(self):
        self.suite({**GOOD, "test_broken.py": "x = 1\nif x\n"})
        result = self.mule_test(status=1)
        self.assertEqual(result.tally["errors"], 1)
        self.assertRegex(result.out, r'test_broken.py", line 2')

    def test_tests_know_their_module_as_under_unittest(self):
        self.suite({"pkg/__init__.py": "", "pkg/test_it.py": CLASS + """
    def test_a(self):
        print(__name__, type(self).__module__, sys.path[0] in ("", os.getcwd()),
              any(os.path.isdir(os.path.join(entry, "mule"))
                  for entry in sys.path))
"""})
        result = self.mule_test()
        self.assertEqual(result.output_of("pkg.test_it.T.test_a"),
                         "pkg.test_it pkg.test_it True False\n")

    def test_a_module_called_like_one_of_mules_is_the_suites_own(self):
        self.suite({"worker.py": "value = 'mine'\n",
                    "zygote.py": "value = 'mine'\n",
                    "protocol.py": "value = 'mine'\n",
                    "test_it.py": """
                        import protocol, unittest, worker, zygote
                        class T(unittest.TestCase):
                            def test_a(self):
                                for module in (protocol, worker, zygote):
                                    self.assertEqual(module.value, "mine")
                        """})
        self.assertStates(self.mule_test(), {"test_it.T.test_a": "passed"})


class MisfortunesOfImporting(MuleCase):

    def check_named(self, result, module, *said):
        """The good tests have run, and the culprit is an error by name."""
        self.assertEqual(result.states.get("test_good.T.test_a"), "passed",
                         result.text)
        self.assertEqual(result.states.get("test_last.T.test_a"), "passed",
                         result.text)
        bad = [event for event in result.all("test_finished")
               if event["state"] != "passed"]
        self.assertEqual(len(bad), 1, result.text)
        self.assertIn(module, bad[0]["id"])
        self.assertSays(str(bad[0]["findings"]), *said)
        return bad[0]

    def setUp(self):
        super().setUp()
        self.suite({**GOOD,
                    "test_last.py": CLASS + "    def test_a(self): pass\n"})

    def test_a_module_that_raises_SystemExit_costs_itself(self):
        self.suite({"test_hard.py": "raise SystemExit(3)\n"})
        self.check_named(self.mule_test(status=1), "test_hard")

    def test_a_module_that_exits_costs_itself(self):
        self.suite({"test_hard.py": "import os\nprint('last words', "
                                    "flush=True)\nos._exit(0)\n"})
        self.check_named(self.mule_test(status=1), "test_hard", "status 0")

    def test_a_module_that_crashes_costs_itself(self):
        self.suite({"test_hard.py": "import os, signal\n"
                                    "os.kill(os.getpid(), signal.SIGSEGV)\n"})
        self.check_named(self.mule_test(status=1), "test_hard", "signal 11")

    def test_a_module_that_raises_KeyboardInterrupt_costs_itself(self):
        self.suite({"test_hard.py": "raise KeyboardInterrupt\n"})
        self.check_named(self.mule_test(status=1), "test_hard")

    def test_a_module_that_hangs_costs_itself_and_its_limit(self):
        self.suite({"test_hard.py": "import threading\n"
                                    "threading.Event().wait()\n"})
        self.check_named(self.mule_test("--import-timeout", "1", status=1),
                         "test_hard", "--import-timeout")

    def test_two_bad_modules_are_both_named(self):
        self.suite({"test_hard.py": "import os\nos._exit(1)\n",
                    "test_harder.py": "import os\nos.abort()\n"})
        result = self.mule_test(status=1)
        self.assertEqual(result.count("passed"), 2)
        self.assertEqual(result.count("error"), 2)
        self.assertSays(result.out, "test_hard", "test_harder")

    def test_a_module_that_prints_while_imported_disturbs_nobody(self):
        self.suite({"test_hard.py": "print('{\"msg\":\"hello\"}')\n" + CLASS
                                    + "    def test_a(self): pass\n"})
        result = self.mule_test()
        self.assertEqual(result.count("passed"), 3)

    def test_a_module_that_starts_threads_is_named_and_still_runs(self):
        self.suite({"test_hard.py": """
            import threading, unittest
            thread = threading.Thread(target=threading.Event().wait,
                                      name="poller", daemon=True)
            thread.start()
            class T(unittest.TestCase):
                def test_a(self):
                    self.assertTrue(thread.is_alive())
            """})
        result = self.mule_test()
        self.assertEqual(result.count("passed"), 3, result.text)
        self.assertTrue(any("test_hard" in note and "poller" in note
                            for note in result.notes), result.text)

    def test_a_module_that_changes_directory_moves_no_others(self):
        self.suite({"test_aside.py": "import os\nos.chdir('/')\n" + CLASS
                                     + "    def test_a(self): pass\n"})
        result = self.mule_test()
        self.assertEqual(result.count("passed"), 3, result.text)

    def test_a_module_that_closes_descriptors_costs_at_most_itself(self):
        self.suite({"test_hard.py": "import os\nos.closerange(3, 256)\n"
                                    + CLASS + "    def test_a(self): pass\n"})
        result = self.mule_test(status=None)
        self.assertEqual(result.states.get("test_good.T.test_a"), "passed",
                         result.text)
        self.assertEqual(result.states.get("test_last.T.test_a"), "passed",
                         result.text)
