"""Labels become items in jobs, as unittest would load them."""

import unittest

try:
    from driver import Driver
except ImportError:
    from .driver import Driver

TREE = {
    "tests/__init__.py": "",
    "tests/test_login.py": """
        import unittest

        class Login(unittest.TestCase):
            def test_bad_password(self):
                pass

            @unittest.skip("later")
            def test_ok(self):
                pass

        class Logout(unittest.TestCase):
            def test_it(self):
                pass
        """,
    "tests/deep/__init__.py": "",
    "tests/deep/test_more.py": """
        import unittest
        class More(unittest.TestCase):
            def test_1(self):
                pass
        """,
    "tests/helper.py": "",
}


class Collecting(unittest.TestCase):

    def collect(self, *labels, files=TREE, **options):
        with Driver(files) as mule:
            others = mule.collect(*labels, **options)
            mule.others = [m for m in others if m["msg"] != "importing"]
            mule.imported = [m["module"] for m in others
                             if m["msg"] == "importing"]
        return mule

    def test_no_label_means_everything(self):
        mule = self.collect()
        self.assertEqual(mule.ids, [
            "tests.deep.test_more.More.test_1",
            "tests.test_login.Login.test_bad_password",
            "tests.test_login.Login.test_ok",
            "tests.test_login.Logout.test_it"])
        self.assertEqual([j["name"] for j in mule.jobs], [
            "tests.deep.test_more.More", "tests.test_login.Login",
            "tests.test_login.Logout"])
        self.assertEqual([j["kind"] for j in mule.jobs], ["class"] * 3)
        self.assertEqual([j["file"] for j in mule.jobs], [
            "tests/deep/test_more.py", "tests/test_login.py",
            "tests/test_login.py"])
        self.assertEqual([j["load"] for j in mule.jobs], [
            "tests.deep.test_more", "tests.test_login", "tests.test_login"])
        self.assertEqual(mule.lines, [4, 5, 8, 13])

    def test_modules_are_named_before_they_are_imported(self):
        mule = self.collect()
        self.assertEqual(mule.imported, [
            "tests", "tests.deep", "tests.deep.test_more",
            "tests.test_login"])

    def test_labels_are_paths_folders_and_names(self):
        everything = self.collect().ids
        for label, ids in (
                ("tests", everything),
                ("tests/", everything),
                ("tests/deep", everything[:1]),
                ("tests.deep", everything[:1]),
                ("tests/test_login.py", everything[1:]),
                ("tests.test_login", everything[1:]),
                ("tests.test_login.Login", everything[1:3]),
                ("tests.test_login.Login.test_ok", everything[2:3])):
            with self.subTest(label=label):
                self.assertEqual(self.collect(label).ids, ids)

    def test_methods_of_one_class_stay_together(self):
        mule = self.collect("tests.test_login.Login.test_ok",
                            "tests.test_login.Logout.test_it",
                            "tests.test_login.Login.test_bad_password")
        self.assertEqual([j["name"] for j in mule.jobs], [
            "tests.test_login.Login", "tests.test_login.Logout"])
        self.assertEqual(mule.ids[:2], [
            "tests.test_login.Login.test_ok",
            "tests.test_login.Login.test_bad_password"])

    def test_the_same_label_twice_is_the_same_items_twice(self):
        mule = self.collect("tests.deep", "tests.deep")
        self.assertEqual(mule.ids, ["tests.deep.test_more.More.test_1"] * 2)

    def test_an_unknown_label_says_what_is_near(self):
        for label, reason in (
                ("tests.test_lgoin", "package tests has no test_lgoin; "
                                     "did you mean tests.test_login?"),
                ("tests.test_login.Loginn", "module tests.test_login has no "
                                            "Loginn; did you mean "
                                            "tests.test_login.Login?"),
                ("tests.test_login.Login.test_okk",
                 "class tests.test_login.Login has no test_okk; "
                 "did you mean tests.test_login.Login.test_ok?"),
                ("test", None),
                ("tests/nothing.py", "no such file or folder")):
            with self.subTest(label=label):
                mule = self.collect(label)
                if label == "test":  # the library has one of that name
                    continue
                self.assertEqual(mule.others, [
                    {"msg": "unknown", "label": label, "reason": reason}])
                self.assertEqual(mule.ids, [])

    def test_discovery_takes_start_pattern_and_top(self):
        files = {"src/check_it.py": TREE["tests/deep/test_more.py"],
                 "src/test_not.py": "raise OSError"}
        mule = self.collect(files=files, basedir="src", pattern="check*.py")
        self.assertEqual(mule.ids, ["check_it.More.test_1"])
        self.assertEqual(mule.jobs[0]["load"], "check_it@src")
        self.assertEqual(mule.jobs[0]["file"], "src/check_it.py")
        mule = self.collect(files=TREE, basedir="tests/deep", top=".")
        self.assertEqual(mule.ids, ["tests.deep.test_more.More.test_1"])

    def test_a_module_to_skip_is_not_loaded(self):
        files = dict(TREE, **{"tests/test_evil.py": "import os; os._exit(9)"})
        mule = self.collect(files=files,
                            skip={"tests.test_evil": "crashed"})
        self.assertEqual(len(mule.ids), 4)
        self.assertNotIn("tests.test_evil", mule.imported)
        mule = self.collect("tests.test_evil", files=files,
                            skip={"tests.test_evil": "crashed"})
        self.assertEqual((mule.ids, mule.others), ([], []))

    def test_a_module_that_cannot_be_imported_is_an_item(self):
        for text, kind in (("import nothing_such", "ModuleNotFoundError"),
                           ("def (:", "SyntaxError"),
                           ("import sys; sys.exit(3)", "SystemExit"),
                           ("raise KeyboardInterrupt", "KeyboardInterrupt"),
                           ("1/0", "ZeroDivisionError")):
            for label in (), ("test_bad",):
                with self.subTest(text=text, label=label), \
                        Driver({"test_bad.py": text}) as mule:
                    mule.collect(*label)
                    self.assertEqual(
                        [(j["name"], j["kind"]) for j in mule.jobs],
                        [("test_bad", "import")])
                    outcome = mule.run()
                    [result] = outcome.results.values()
                    self.assertEqual(result["state"], "error")
                    [finding] = result["findings"]
                    self.assertIn(kind, finding["message"])
                    self.assertIn('test_bad.py", line 1', finding["trace"])
                    self.assertNotIn("collect.py", finding["trace"])

    def test_a_module_may_skip_itself(self):
        for text in ("import unittest; raise unittest.SkipTest('no')",
                     "class SkippedTest(Exception): pass\n"
                     "raise SkippedTest('no')"):
            for label in (), ("test_bad",):
                with self.subTest(text=text, label=label), \
                        Driver({"test_bad.py": text}) as mule:
                    mule.collect(*label)
                    outcome = mule.run()
                    [result] = outcome.results.values()
                    self.assertEqual(result["state"], "skipped")
                    self.assertEqual(result["reason"], "no")
                    self.assertEqual(outcome.totals()["skipped"], 1)

    def test_a_module_that_ends_the_process_was_named(self):
        with Driver({"test_a.py": "", "test_evil.py":
                     "import os; os._exit(9)"}) as mule:
            with self.assertRaises(Exception):
                mule.collect()
            self.assertEqual(mule.zygote.log[-1]["module"], "test_evil")
            self.assertEqual(mule.zygote.log[-1]["file"], "test_evil.py")
            self.assertEqual(mule.process.wait(10), 9)

    def test_modules_with_fixtures_stay_together(self):
        classes = """
            import unittest
            %s
            class A(unittest.TestCase):
                %s
                def test_1(self):
                    pass
            class B(unittest.TestCase):
                def test_1(self):
                    pass
            """
        within = "@classmethod\n                def setUpClass(cls):\n" \
                 "                    unittest.addModuleCleanup(print, 'end')"
        for top, inner, kinds in (
                ("def setUpModule(): pass", "", ["module"]),
                ("def tearDownModule(): pass", "", ["module"]),
                ("unittest.addModuleCleanup(print, 'end')", "", ["module"]),
                ("", within, ["module"]),
                ("", "", ["class", "class"])):
            with self.subTest(top=top, inner=inner), \
                    Driver({"test_m.py": classes % (top, inner),
                            "test_n.py": classes % ("", "")}) as mule:
                mule.collect()
                self.assertEqual([j["kind"] for j in mule.jobs],
                                 kinds + ["class", "class"])
                self.assertEqual(
                    [j["name"] for j in mule.jobs][:len(kinds)],
                    ["test_m"] if len(kinds) == 1 else
                    ["test_m.A", "test_m.B"])
                mule.run()
                self.assertEqual(mule.output().count(b"end"),
                                 1 if "end" in top + inner else 0)

    def test_load_tests_decides(self):
        files = {"pkg/__init__.py": """
            import os
            def load_tests(loader, tests, pattern):
                tests.addTests(loader.discover(
                    os.path.dirname(__file__), pattern or "case*.py",
                    os.path.dirname(os.path.dirname(__file__))))
                return tests
            """, "pkg/case_1.py": TREE["tests/deep/test_more.py"]}
        for labels in ("pkg",), ("pkg.case_1",):
            mule = self.collect(*labels, files=files, pattern="case*.py")
            self.assertEqual(mule.ids, ["pkg.case_1.More.test_1"])
            self.assertEqual(mule.jobs[0]["load"], "pkg.case_1")

    def test_doctests_and_functions_go_by_file(self):
        files = {"mod.py": '''
            def one():
                """
                >>> one()
                1
                """
                return 1
            def two():
                """
                >>> two()
                3
                """
                return 2
            ''', "test_d.py": """
            import doctest, unittest, mod
            def check():
                assert 1
            def load_tests(loader, tests, pattern):
                tests.addTests(doctest.DocTestSuite(mod))
                tests.addTest(unittest.FunctionTestCase(check))
                return tests
            """}
        with Driver(files) as mule:
            mule.collect()
            self.assertEqual([(j["name"], j["kind"], j["file"])
                              for j in mule.jobs], [
                ("mod", "file", "mod.py"),
                ("test_d", "file", "test_d.py")])
            outcome = mule.run()
        self.assertEqual(list(outcome.states().values()),
                         ["passed", "failed", "passed"])
        self.assertEqual(mule.lines[0], 3)

    def test_a_class_imported_by_two_modules_is_in_both(self):
        files = {"test_base.py": TREE["tests/deep/test_more.py"],
                 "test_other.py": "from test_base import More"}
        mule = self.collect(files=files)
        self.assertEqual(mule.ids, ["test_base.More.test_1"] * 2)
        self.assertEqual([j["load"] for j in mule.jobs],
                         ["test_base", "test_other"])

    def test_tests_of_pytest_are_counted(self):
        files = {"test_p.py": """
            def test_one():
                pass
            class TestMore:
                def test_two(self):
                    pass
                def helper(self):
                    pass
            """}
        mule = self.collect(files=files)
        self.assertEqual(mule.others, [{
            "msg": "foreign", "style": "pytest", "file": "test_p.py",
            "tests": 2}])

    def test_threads_left_by_an_import_are_named(self):
        files = {"test_t.py": """
            import threading, unittest
            threading.Thread(target=threading.Event().wait, daemon=True,
                             name="poller").start()
            class A(unittest.TestCase):
                def test_1(self):
                    pass
            """, "test_u.py": TREE["tests/deep/test_more.py"]}
        mule = self.collect(files=files)
        self.assertEqual(mule.others, [{
            "msg": "threads", "module": "test_t", "names": ["poller"],
            "native": 0}])
        self.assertEqual([j.get("spawn", False) for j in mule.jobs],
                         [True, False])

    def test_tags_of_class_and_method_choose_tests(self):
        files = {"test_it.py": """
            import unittest
            def tag(*words):
                def set_tags(thing):
                    thing.tags = set(words)
                    return thing
                return set_tags
            @tag("slow")
            class A(unittest.TestCase):
                def test_1(self): pass
                @tag("core")
                def test_2(self): pass
            class B(unittest.TestCase):
                tags = "no list of words"
                def test_3(self): pass
                @tag("core", "net")
                def test_4(self): pass
            class Own(unittest.TestSuite):
                def run(self, result): return super().run(result)
            def load_tests(loader, tests, pattern):
                tests.addTest(Own([B("test_3"), B("test_4")]))
                return tests
            """, "test_bad.py": "import nothing_of_that_name"}
        for options, wanted in [
                ({"tags": ["core"]}, ["A.test_2", "B.test_4", "B.test_4"]),
                ({"tags": ["core"], "exclude_tags": ["slow", "net"]}, []),
                ({"exclude_tags": ["slow"]}, [
                    "B.test_3", "B.test_4", "B.test_3", "B.test_4"])]:
            with self.subTest(options=options), \
                    Driver(files, options=options) as mule:
                mule.collect()
                self.assertEqual(
                    [name.partition("test_it.")[2] for name in mule.ids
                     if "test_it" in name], wanted)
                self.assertIn("test_bad", mule.ids[0])
                states = mule.run().states()
                self.assertEqual(set(states.values()),
                                 {"passed", "error"} if wanted else {"error"})

    def test_collecting_again_starts_from_zero(self):
        with Driver(TREE) as mule:
            mule.collect()
            mule.collect("tests.deep")
            self.assertEqual(mule.ids, ["tests.deep.test_more.More.test_1"])
            self.assertEqual(mule.run().states(), {
                "tests.deep.test_more.More.test_1": "passed"})

    def test_odd_ids_arrive_whole(self):
        files = {"test_odd.py": """
            import unittest
            class A(unittest.TestCase):
                pass
            for name in ("test a b", "test'\\"", "test_\\u00e9\\u4e2d",
                         "test_\\n", "test_\\ud800"):
                setattr(A, name, lambda self: None)
            """}
        with Driver(files) as mule:
            mule.collect()
            self.assertEqual(sorted(mule.ids), sorted(
                "test_odd.A." + name for name in
                ("test a b", "test'\"", "test_\u00e9\u4e2d", "test_\n",
                 "test_\ufffd")))
            self.assertEqual(set(mule.run().states().values()), {"passed"})


if __name__ == "__main__":
    unittest.main()
