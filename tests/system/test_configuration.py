"""The command line and mule.yaml, as far as they are seen from outside."""

import os

from support.mule_case import CLASS, MuleCase

TESTS = CLASS + """
    def test_a(self): pass
    def test_b(self): self.fail()
"""


class Configuration(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite({"test_it.py": TESTS})

    def test_a_mistake_in_the_file_is_named_with_its_place(self):
        for text, *parts in (
                ("jobs: 1\ntest-timout: 3\n", "mule.yaml:2:1: unknown key",
                 'did you mean "test-timeout"?'),
                ("jobs: many\n", "mule.yaml:1:7: jobs:", "not a number"),
                ("jobs: [1\n", "mule.yaml:"),
                ("jobs: 1\njobs: 2\n", "mule.yaml:2:1: jobs: stands here"),
                ("a: &a [x]\nb: *a\n", "mule.yaml:1:1: unknown key"),
                ("include: &a [x]\n", "mule.yaml:1:10: anchors"),
                ("isolation: clas\n", "class, worker or test"),
        ):
            with self.subTest(text):
                self.suite({"mule.yaml": text})
                self.assertMistake(self.mule("test"), *parts)
                self.assertMistake(self.mule("list"), *parts)

    def test_the_file_is_found_from_below_and_its_paths_go_with_it(self):
        self.suite({
            "mule.yaml": "basedir: deep\nxunit-output: out.xml\n"
                         "pattern: 'check_*.py'\n",
            "deep/down/x": "",
            "deep/check_it.py": CLASS + "    def test_c(self): pass\n",
            ".git/x": "",
        })
        result = self.mule_test(cwd=self.path("deep", "down"))
        self.assertStates(result, {"check_it.T.test_c": "passed"})
        self.assertTrue(os.path.isfile(self.path("out.xml")))

    def test_a_file_above_the_checkout_is_not_ours(self):
        self.suite({"mule.yaml": "nonsense: 1\n", "repo/.git/x": "",
                    "repo/test_x.py": TESTS})
        self.mule_test("-k", "test_a", cwd=self.path("repo"))

    def test_the_command_line_wins(self):
        self.suite({"mule.yaml": "jobs: 3\nexclude: [T]\nverbosity: 0\n"})
        result = self.mule_test("-j1", "--exclude", "*_b", "--verbosity=2")
        self.assertStates(result, {"test_it.T.test_a": "passed"})
        self.assertEqual(result.all("run_started")[0]["slots"], 1)
        self.assertIn("test_it.T.test_a", result.out)

    def test_a_switch_of_the_file_works(self):
        self.suite({"mule.yaml": "xunit: true\n"})
        self.mule_test("-k", "test_a")
        self.assertTrue(os.listdir(self.path("xunit")))

    def test_mistakes_of_the_command_line_are_named(self):
        for words, *parts in (
                (["test", "--verbosty=2"], "did you mean --verbosity?"),
                (["test", "--timeout"], "--timeout needs a value"),
                (["test", "--timeout=soon"], "not a duration", "1h30m"),
                (["test", "--distributed"], "no broker is named", "--broker URL"),
                (["test", "--tap", "--runner=x", "y"], "--tap and --runner"),
                (["list", "--xunit"], "mule list has no option --xunit"),
                (["doctor", "label"], "mule doctor takes no"),
                (["test", "--workspace=x"], 'no workspace "x"'),
                (["test", "--config=none.yaml"], "none.yaml"),
                (["test", "--id=../x"], "cannot be a build's id"),
                (["test", "--python=python9"], '"python9"'),
                (["test", "--jobs-from=none"], "none"),
                (["tset"], "no command"),
        ):
            with self.subTest(words):
                self.assertMistake(self.mule(*words), *parts)

    def test_help_is_there_without_a_sound_project(self):
        self.suite({"mule.yaml": "nonsense: 1\n"})
        for command in ("test", "list", "doctor"):
            result = self.mule(command, "--help")
            self.assertEqual(result.status, 0, result.text)
            self.assertIn(f"Usage: mule {command}", result.out)
            self.assertFalse([line for line in result.out.splitlines()
                              if len(line) > 80])

    def test_an_override_gives_one_job_a_limit_of_its_own(self):
        self.suite({
            "mule.yaml": "overrides: [{match: 'test_it.Slow', "
                         "test-timeout: 200ms}]\ngrace: 1s\n",
            "test_it.py": """
                import time, unittest
                class Slow(unittest.TestCase):
                    def test_s(self): time.sleep(60)
                class Fast(unittest.TestCase):
                    def test_f(self): time.sleep(0.4)
                """,
        })
        result = self.mule_test(status=1)
        self.assertStates(result, {"test_it.Slow.test_s": "timeout",
                                   "test_it.Fast.test_f": "passed"})

    def test_what_is_overruled_is_said(self):
        result = self.mule_test("--no-capture", "-j4", "-k", "test_a")
        self.assertIn("--no-capture runs one test at a time", result.err)
