"""What mule says to somebody who gets it wrong, or listens badly."""

import os
import sys

from support.mule_case import BINARY, CLASS, MuleCase

PASSING = {"test_it.py": CLASS + "    def test_a(self): pass\n"}


class Commands(MuleCase):

    def test_no_command_is_a_mistake_and_shows_them_all(self):
        result = self.mule()
        self.assertEqual(result.status, 4)
        self.assertEqual(result.out, "")
        self.assertSays(result.err, "Usage: mule COMMAND", "doctor")

    def test_help_is_for_standard_output(self):
        for words in (["--help"], ["-h"], ["help"]):
            result = self.mule(*words)
            self.assertEqual(result.status, 0)
            self.assertSays(result.out, "Usage: mule COMMAND", "doctor")
            self.assertEqual(result.err, "")

    def test_help_about_a_command_is_that_of_the_command(self):
        self.assertEqual(self.mule("help", "list").out,
                         self.mule("list", "--help").out)

    def test_an_unknown_command_names_the_nearest(self):
        self.assertMistake(self.mule("tets"), 'did you mean "test"?')
        self.assertMistake(self.mule("help", "doktor"),
                           'did you mean "doctor"?')
        self.assertMistake(self.mule("xyz"), "mule --help")

    def test_an_unknown_option_names_the_nearest(self):
        self.assertMistake(self.mule("test", "--timout", "5"),
                           "did you mean --timeout?")


class NothingToRun(MuleCase):

    def test_a_folder_without_tests_says_where_was_looked(self):
        self.suite({"case_a.py": CLASS + "    def test_a(self): pass\n"})
        for command in ("test", "list"):
            result = self.mule(command)
            self.assertEqual(result.status, 5)
            self.assertSays(result.text, "no tests of unittest", "test*.py",
                            "__init__.py", "--pattern")
        self.assertEqual(self.mule("list", "-p", "case*.py").out,
                         "case_a.T.test_a\n")

    def test_an_unknown_label_is_all_that_is_said(self):
        self.suite(PASSING)
        result = self.mule("test", "nosuch")
        self.assertMistake(result, "no module named nosuch")
        self.assertNotIn("Ran 0 tests", result.text)
        self.assertNotIn("Stopped early", result.text)

    def test_an_empty_label_is_a_mistake(self):
        for command in ("test", "list"):
            self.assertMistake(self.mule(command, ""), "a label is empty")

    def test_a_program_that_is_not_there_is_named(self):
        self.assertMistake(self.mule("test", "--tap", "t/no.t"), "t/no.t",
                           "there is no such file")


class Surroundings(MuleCase):

    def test_an_empty_environment_is_enough(self):
        self.suite(PASSING)
        program = self.start("-i", f"TMPDIR={self.tmp}", BINARY, "test",
                             "--python", sys.executable, binary="env")
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)

    def test_without_PATH_python3_is_where_the_system_has_it(self):
        result = self.mule("doctor", env={"PATH": None})
        self.assertRegex(result.out, r"python +/(usr/)?bin/python3, from PATH")

    def test_a_folder_that_cannot_be_written_can_be_tested(self):
        self.suite(PASSING)
        os.chmod(self.folder, 0o555)
        self.addCleanup(os.chmod, self.folder, 0o755)
        self.assertEqual(self.mule_test().count("passed"), 1)

    def test_any_folder_name_will_do(self):
        folder = self.path("it's a \u00fcber  $(folder)")
        self.suite({os.path.join(folder, "test_it.py"): CLASS
                    + "    def test_a(self): self.fail()\n"})
        result = self.mule_test(cwd=folder, status=1)
        self.assertStates(result, {"test_it.T.test_a": "failed"})


class Telling(MuleCase):

    def test_a_run_tells_its_interpreter_and_its_command_line(self):
        self.suite(PASSING)
        result = self.mule_test("--verbosity", "2", "-k", "test a", "test_it",
                                status=5)
        started = result.all("run_started")[0]
        self.assertIn(f"python: {started['python']}, from ", result.out)
        self.assertTrue(
            started["command"].startswith("mule test --json "), started)
        self.assertTrue(started["command"].endswith(
            "--verbosity 2 -k 'test a' test_it"), started)

    def test_a_report_that_is_missing_has_the_last_word(self):
        self.suite(PASSING)
        result = self.mule("test", "--json", "/dev/full")
        self.assertEqual(result.status, 3)
        self.assertSays(result.out, "1 selected = 1 passed")
        self.assertRegex(
            result.err, "^mule: error: .*/dev/full.*No space left on device")


class StandardStreams(MuleCase):

    def shell(self, text, *words):
        """Runs a line of shell in which $0 is mule."""
        return self.result_of(
            self.start("-c", text, BINARY, *words, binary="/bin/sh"),
            check=False)

    def test_closed_streams_do_no_harm(self):
        self.suite(PASSING)
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            for words in (["test", "--xunit"], ["list"], ["doctor"]):
                with self.subTest(closed=closed, words=words):
                    result = self.shell(f'exec "$0" "$@" {closed}', *words)
                    self.assertEqual(result.status, 0, result.text)
        cases = self.xml("xunit", "TEST-test_it.T.xml").iter("testcase")
        self.assertEqual(len(list(cases)), 1)

    def test_a_full_disk_is_not_a_success(self):
        self.suite(PASSING)
        for words in ("test", "list", "doctor", "help", "test --help",
                      "--version"):
            with self.subTest(words=words):
                result = self.shell(f'exec "$0" {words} >/dev/full')
                self.assertEqual(result.status, 3, result.text)
                self.assertRegex(result.err, "mule: error: .*(No space left|only a part)")
