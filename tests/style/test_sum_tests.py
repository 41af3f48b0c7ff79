"""tools/sum_tests loses no failure."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "sum_tests"


class SumTestsTest(unittest.TestCase):

    def sum(self, files):
        """Gives what it printed; checks that its status says the same."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                pathlib.Path(folder, name).write_text(text, encoding="utf-8")
            done = subprocess.run(
                [sys.executable, str(TOOL), folder], capture_output=True,
                text=True, check=False)
        self.assertEqual(done.stderr, "")
        failed = ", 0 failed," not in done.stdout
        nothing = "\n0 passed" in "\n" + done.stdout
        self.assertEqual(done.returncode, 1 if failed or nothing else 0)
        return done.stdout

    def assert_sum(self, files, passed, failed, skipped):
        self.assertEqual(
            self.sum(files).splitlines()[-1],
            "%d passed, %d failed, %d skipped" % (passed, failed, skipped))

    def log(self, result, output=""):
        return {"x.testlog.json": json.dumps(
            {"name": "x", "result": result, "stdout": output}) + "\n"}

    def test_points_of_tap_are_counted(self):
        self.assert_sum({"a.tap": "1..4\nok 1 - a\nnot ok 2 - b\n# why\n"
                                  "ok 3 - c # SKIP no disk\n"
                                  "not ok 4 # TODO later\n"}, 2, 1, 1)

    def test_points_that_never_came_are_failures(self):
        self.assert_sum({"a.tap": "1..5\nok 1\nok 2\n"}, 2, 3, 0)

    def test_a_program_of_meson_without_tap_is_one_test(self):
        self.assert_sum(self.log("OK"), 1, 0, 0)
        self.assert_sum(self.log("FAIL"), 0, 1, 0)
        self.assert_sum(self.log("TIMEOUT"), 0, 1, 0)
        self.assert_sum(self.log("SKIP"), 0, 0, 1)

    def test_a_program_that_dies_behind_its_points_is_a_failure(self):
        self.assert_sum(self.log("ERROR", "1..1\nok 1 - a\n"), 1, 1, 0)

    def test_a_program_that_died_before_its_plan_is_a_failure(self):
        self.assert_sum(self.log("ERROR", "ok 1 - a\n"), 0, 1, 0)

    def test_a_program_that_passes_when_it_runs_again_is_flaky(self):
        text = self.sum({
            **self.log("FAIL", "1..2\nok 1 - a\nnot ok 2 - b\n# why\n"),
            "x.testlog.again": json.dumps(
                {"name": "x", "result": "OK",
                 "stdout": "1..2\nok 1 - a\nok 2 - b\n"}) + "\n"})
        self.assertEqual(text.splitlines(), [
            "x printed:", "    1..2", "    ok 1 - a", "    not ok 2 - b",
            "    # why", "", "flaky: x: b", "2 passed, 0 failed, 0 skipped"])

    def test_one_that_fails_again_is_a_failure(self):
        bad = {"name": "x", "result": "FAIL", "stdout": "1..1\nnot ok 1 - b\n"}
        self.assert_sum({**self.log("FAIL", bad["stdout"]),
                         "x.testlog.again": json.dumps(bad) + "\n"}, 0, 1, 0)

    def test_what_ran_again_in_another_log_excuses_nothing(self):
        good = {"name": "x", "result": "OK", "stdout": ""}
        self.assert_sum({**self.log("FAIL"),
                         "y.testlog.json": json.dumps(good) + "\n",
                         "y.testlog.again": json.dumps(good) + "\n"}, 1, 1, 0)

    def test_bad_programs_are_named_without_their_suites(self):
        with tempfile.NamedTemporaryFile("w", suffix=".testlog.json") as file:
            for name, result in (("mule:unit / a", "OK"),
                                 ("mule:unit / b", "FAIL"),
                                 ("mule:broker+slow / c", "TIMEOUT")):
                file.write(json.dumps({"name": name, "result": result}) + "\n")
            file.flush()
            done = subprocess.run(
                [sys.executable, str(TOOL), "--bad", file.name],
                capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "b\nc\n")

    def test_what_a_failed_test_printed_is_told_at_the_end(self):
        text = self.sum({
            "system.mule": "1 selected = 0 passed + 1 failed\n",
            "system.xml": "<testsuites><testsuite><testcase classname='m.A'"
                          " name='test_x'><failure message='1 != 2'>line 7"
                          "\nAssertionError</failure></testcase><testcase"
                          " classname='m.A' name='test_y'/></testsuite>"
                          "</testsuites>"})
        self.assertEqual(text.splitlines()[:5], [
            "system: m.A.test_x:", "    1 != 2", "    line 7",
            "    AssertionError", ""])

    def test_a_long_text_is_told_from_its_end(self):
        lines = ["# %d" % number for number in range(100)]
        text = self.sum(self.log("FAIL", "\n".join(lines) + "\n"))
        self.assertEqual(text.splitlines()[1:41],
                         ["    %s" % line for line in lines[-40:]])

    def test_a_report_that_was_cut_off_is_a_failure(self):
        self.assert_sum({"a.tap": "1..1\nok 1\n", "a.xml": "<testsuites>"},
                        1, 1, 0)

    def test_flaky_tests_are_named(self):
        text = self.sum({"system.mule":
            "Flaky: 1\n    flaky  t.A.b  passed at attempt 2\n"
            "2 selected = 2 passed + 0 failed (1 retried, 1 flaky)\n"})
        self.assertEqual(text.splitlines(), [
            "flaky: system: t.A.b  passed at attempt 2",
            "2 passed, 0 failed, 0 skipped"])

    def test_the_last_line_of_mule_is_taken_apart(self):
        self.assert_sum({"system.mule":
            "1 selected = 1 passed\n"
            "9 selected = 3 passed + 1 failed + 1 crashed + 1 skipped"
            " + 1 xfailed + 2 not run (1 retried)\n"}, 4, 4, 1)

    def test_a_line_of_mule_that_does_not_add_up_is_a_failure(self):
        self.assert_sum({"system.mule": "5 selected = 4 passed\n"}, 4, 1, 0)

    def test_mule_without_a_last_line_is_a_failure(self):
        self.assert_sum({"system.mule": "Segmentation fault\n"}, 0, 1, 0)

    def test_suites_that_were_not_run_are_named(self):
        out = self.sum({"a.tap": "1..1\nok 1\n",
                        "b.skipped": "unit: no libcmocka-dev\n"})
        self.assertIn("skipped: unit: no libcmocka-dev\n", out)
        self.assertIn("1 passed, 0 failed, 1 skipped\n", out)

    def test_no_test_at_all_is_no_success(self):
        self.assert_sum({}, 0, 0, 0)


if __name__ == "__main__":
    unittest.main()
