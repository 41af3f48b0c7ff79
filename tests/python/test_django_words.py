"""The words of `manage.py mule`: who is to have them. Needs no Django."""

import os
import re
import sys
import types
import unittest

try:
    from driver import ROOT
except ImportError:
    from .driver import ROOT

sys.path.append(os.path.join(ROOT, "python"))
try:
    from mule.contrib.django import front, native_options, words
    from mule.contrib.django.words import AFTER_EQUALS, NONE, ONE, Usage
finally:
    sys.path.remove(os.path.join(ROOT, "python"))

NATIVE = {
    "-k": ONE, "-j": ONE, "--jobs": ONE, "-s": ONE, "--basedir": ONE,
    "-f": NONE, "--failfast": NONE, "-q": NONE, "--quiet": NONE,
    "-v": NONE, "--verbose": NONE, "--verbosity": ONE, "-t": ONE,
    "--timeout": ONE, "--xunit": NONE, "--coverage": AFTER_EQUALS,
    "--adapter": ONE, "--runner": ONE, "--python-args": ONE,
}
HELP = """Usage: mule test [OPTION...] [LABEL...]

What to run:
  -k PATTERN               only tests whose id contains PATTERN or, with a *,
                           matches it
      --include CLASS,...  only these, or -x what
                           --matches N these
  -s, --basedir FOLDER     where discovery starts (default: .)

How to run it:
      --import-timeout TIME
                           give up a module that takes longer
      --coverage[=RCFILE]  measure
      --max-fail N[:wait]  stop
      --pdb                stop in the debugger
  -q, --quiet              say less
"""


class Sorting(unittest.TestCase):

    def sort(self, *typed, extra=()):
        found = words.sort(typed, NATIVE, extra)
        self.native = [word for _, some in found.native for word in some]
        return found.worker, self.native

    def assert_sorted(self, typed, worker, native):
        self.assertEqual(self.sort(*typed), (worker, native), typed)

    def test_labels_and_their_order_are_kept(self):
        self.assert_sorted(
            ["b", "--xunit", "a", "-"], [], ["b", "--xunit", "a", "-"])

    def test_what_follows_two_dashes_is_a_label(self):
        self.assert_sorted(["--xunit", "--", "--keepdb", "-v"], [],
                           ["--xunit", "--", "--keepdb", "-v"])

    def test_options_of_the_project_go_to_the_processes_that_load_it(self):
        for typed, worker in (
                (["--noinput"], ["--noinput"]),
                (["--no-input"], ["--noinput"]),
                (["-d"], ["--debug-sql"]),
                (["--debug-mode"], ["--debug-mode"]),
                (["--no-faulthandler"], ["--no-faulthandler"]),
                (["--timing"], ["--timing"]),
                (["--traceback"], ["--traceback"]),
                (["--skip-checks"], ["--skip-checks"]),
                (["--settings", "a.b"], ["--settings=a.b"]),
                (["--settings=a.b"], ["--settings=a.b"]),
                (["--pythonpath", "-x"], ["--pythonpath=-x"]),
                (["--testrunner", "a.B"], ["--testrunner=a.B"]),
                (["-dd"], ["--debug-sql", "--debug-sql"])):
            self.assert_sorted(typed, worker, [])

    def test_the_order_of_the_project_is_not_sorted_again(self):
        for typed, worker in (
                (["-r"], ["--reverse"]),
                (["--reverse"], ["--reverse"]),
                (["--shuffle=-3"], ["--shuffle=-3"]),
                (["-rd"], ["--reverse", "--debug-sql"])):
            self.assert_sorted(typed, worker, ["--order=given"])

    def test_options_of_the_engine_go_to_the_program(self):
        for typed, native in (
                (["--failfast"], ["--failfast"]),
                (["--keepdb"], ["--keepdb"]),
                (["--pdb"], ["--pdb"]),
                (["--tag", "slow"], ["--tag=slow"]),
                (["--tag=slow", "--tag=db"], ["--tag=slow", "--tag=db"]),
                (["--exclude-tag", "slow"], ["--exclude-tag=slow"]),
                (["-k", "ok"], ["-k", "ok"]),
                (["-kok"], ["-k", "ok"]),
                (["--no-color"], ["--color=never"]),
                (["--force-color"], ["--color=always"]),
                (["--durations", "3"], ["--durations=3"]),
                (["--durations", "0"], ["--durations=1000000"])):
            self.assert_sorted(typed, [], native)

    def test_what_both_need_to_know_goes_to_both(self):
        for typed in (["-v", "2"], ["-v2"], ["-v=2"], ["--verbosity", "2"],
                      ["--verbosity=2"]):
            self.assert_sorted(typed, ["--verbosity=2"], ["--verbosity=2"])
        self.assert_sorted(["-p", "*_t.py"], ["--pattern=*_t.py"],
                           ["--pattern=*_t.py"])
        self.assert_sorted(["-t", "src"], ["--top-level-directory=src"],
                           ["--top=src"])

    def test_all_output_is_kept_anyway(self):
        self.assert_sorted(["-b", "x"], [], ["x"])
        self.assert_sorted(["--buffer"], [], [])

    def test_parallel_is_the_number_of_jobs(self):
        for typed, native in (
                (["--parallel"], ["--jobs=0"]),
                (["--parallel", "auto"], ["--jobs=0"]),
                (["--parallel=3"], ["--jobs=3"]),
                (["--parallel", "3"], ["--jobs=3"]),
                (["--parallel", "0"], ["--jobs=1"]),
                (["--parallel", "forums"], ["--jobs=0", "forums"])):
            self.assert_sorted(typed, [], native)

    def test_a_seed_is_drawn_once_for_all_processes(self):
        worker, native = self.sort("--shuffle", "forums")
        self.assertRegex(worker[0], r"^--shuffle=\d+$")
        self.assertEqual(native, ["--order=given", "forums"])
        self.assertNotEqual(worker, self.sort("--shuffle")[0])
        self.assertEqual(self.sort("--shuffle", "17", "x"),
                         (["--shuffle=17"], ["--order=given", "x"]))

    def test_options_of_the_program_are_its_own(self):
        for typed in (["--timeout=5"], ["--coverage"], ["--coverage=rc"],
                      ["-j", "4"], ["-f"], ["-q"], ["--verbose"]):
            self.assert_sorted(typed, [], typed)
        self.assert_sorted(["--timeout", "5"], [], ["--timeout=5"])
        self.assert_sorted(["--coverage", "rc"], [], ["--coverage", "rc"])
        self.assert_sorted(["-j4"], [], ["-j", "4"])
        self.assert_sorted(["-qfj4"], [], ["-q", "-f", "-j", "4"])

    def test_a_value_is_no_option(self):
        self.assert_sorted(["--python-args", "--keepdb"], [],
                           ["--python-args=--keepdb"])
        self.assert_sorted(["-s", "-r"], [], ["-s", "-r"])

    def test_options_of_the_test_runner_go_where_the_project_is_loaded(self):
        extra = [words.Row(("--site",), ONE,
                           lambda found, value: found.to_worker(
                               "--site", value)),
                 words.Row(("--timeout",), NONE,
                           lambda found, value: found.to_worker("--timeout"))]
        self.assertEqual(self.sort("--site", "a", "b", extra=extra),
                         (["--site=a"], ["b"]))
        # What the program has is the program's, whoever is asked first.
        self.assertEqual(self.sort("--timeout", "5", extra=extra),
                         ([], ["--timeout=5"]))

    def test_an_option_of_the_runner_may_take_several_words(self):
        taken = []
        extra = [words.Row(("--sites",), words.MANY,
                           lambda found, value: taken.append(value)),
                 words.Row(("--pair",), 2,
                           lambda found, value: taken.append(value))]
        self.assertEqual(
            self.sort("--sites", "a", "b", "-r", "c", "--pair", "d", "e", "f",
                      extra=extra),
            (["--reverse"], ["--order=given", "c", "f"]))
        self.assertEqual(taken, [["a", "b"], ["d", "e"]])
        with self.assertRaisesRegex(Usage, "--pair needs 2 values"):
            self.sort("--pair", "d", extra=extra)

    def assert_refused(self, typed, *said):
        with self.assertRaises(Usage) as caught:
            self.sort(*typed)
        text = "%s\n%s" % (caught.exception, caught.exception.hint)
        for part in said:
            self.assertIn(part, text)

    def test_what_cannot_be_meant_is_refused_with_a_reason(self):
        self.assert_refused(["-vv"], "level from 0 to 3", "-v 2")
        self.assert_refused(["-v", "forums"], "'forums'")
        self.assert_refused(["--verbosity", "4"], "'4'")
        self.assert_refused(["--settings"], "--settings needs a value")
        self.assert_refused(["--timeout"], "--timeout needs a value")
        self.assert_refused(["-j"], "-j needs a value")
        self.assert_refused(["--keepdb=1"], "--keepdb takes no value")
        self.assert_refused(["--parallel=many"], "'many'", "'auto'")
        self.assert_refused(["--shuffle=x"], "'x'")
        self.assert_refused(["--adapter", "x"], "manage.py is the adapter",
                            "mule test --adapter")
        self.assert_refused(["--runner", "x"], "manage.py finds")

    def test_an_unknown_option_is_refused_with_the_nearest(self):
        self.assert_refused(["--keebdb"], "--keebdb; did you mean --keepdb?")
        self.assert_refused(["--time"], "did you mean --timeout?",
                            "abbreviated")
        self.assert_refused(["--boot"], "did you mean --bootstrap?")
        self.assert_refused(["-Z"], "unknown option -Z")
        self.assert_refused(["-qZ"], "unknown option -Z in -qZ")

    def test_special_words_are_found_wherever_they_stand(self):
        self.assertEqual(words.special(["a", "-h", "--list"]),
                         {"--help", "--list"})
        self.assertEqual(words.special(["a", "--", "--help"]), set())


class Help(unittest.TestCase):

    def test_what_the_program_takes_is_read_from_its_help(self):
        self.assertEqual(native_options.parse(HELP), {
            "-k": ONE, "--include": ONE, "-s": ONE, "--basedir": ONE,
            "--import-timeout": ONE, "--coverage": AFTER_EQUALS,
            "--max-fail": ONE, "--pdb": NONE, "-q": NONE, "--quiet": NONE})

    def test_the_program_is_asked_only_when_it_has_to_be(self):
        asked = []

        def read(command):
            asked.append(command)
            return HELP

        options = native_options.NativeOptions("test", read)
        words.sort(["-v2", "a", "--keepdb"], options)
        self.assertEqual(asked, [])
        words.sort(["--basedir", "x", "--pdb", "-q"], options)
        self.assertEqual(asked, ["test"])

    def test_all_options_of_the_built_program_are_understood(self):
        text = native_options.read_help("test")
        if not text:
            self.skipTest("the program is not built")
        options = native_options.parse(text)
        for line in text.splitlines():
            for name in re.findall(r"^  (?:-\w, |    )(--[\w-]+)", line):
                self.assertIn(name, options)
        self.assertEqual(options["--timeout"], ONE)
        self.assertEqual(options["--failfast"], NONE)
        self.assertEqual(options["-j"], ONE)


class Adapter(unittest.TestCase):

    def adapter(self, program, cwd="/site", file=None, spec=None):
        main = types.SimpleNamespace(__spec__=spec, __file__=file)
        line = front.adapter(program, main, cwd, ["--settings=a.b"])
        self.assertEqual(line[:8], "$PYTHON ")
        end = " mule test --worker --settings=a.b"
        self.assertTrue(line.endswith(end), line)
        return line[8:-len(end)]

    def test_the_path_of_manage_is_relative_where_it_can_be(self):
        self.assertEqual(self.adapter("manage.py"), "manage.py")
        self.assertEqual(self.adapter("./manage.py"), "manage.py")
        self.assertEqual(self.adapter("/site/manage.py"), "manage.py")
        self.assertEqual(self.adapter("sub/manage.py"), "sub/manage.py")
        self.assertEqual(self.adapter("../manage.py", "/site/sub"),
                         "../manage.py")
        self.assertEqual(self.adapter("/other/manage.py"), "/other/manage.py")

    def test_a_manage_that_changes_folder_is_found_where_it_is(self):
        self.assertEqual(
            self.adapter("src/manage.py", "/site/src", "/site/src/manage.py"),
            "manage.py")
        self.assertEqual(
            self.adapter("manage.py", "/site/src", "/site/manage.py"),
            "/site/manage.py")

    def test_a_program_that_calls_django_is_not_manage(self):
        file = os.path.abspath(__file__)
        self.assertEqual(
            self.adapter(os.path.basename(file), os.path.dirname(file),
                         "/usr/bin/other"), os.path.basename(file))
        spec = types.SimpleNamespace(name="other")
        self.assertEqual(
            self.adapter(file, os.path.dirname(file), sys.executable, spec),
            os.path.basename(file))

    def test_a_path_is_one_word(self):
        self.assertEqual(self.adapter("my site/manage.py"),
                         "'my site/manage.py'")

    def test_django_admin_is_a_module(self):
        self.assertEqual(self.adapter("/v/bin/django-admin"), "-m django")
        spec = types.SimpleNamespace(name="django.__main__")
        self.assertEqual(self.adapter("/v/django/__main__.py", spec=spec),
                         "-m django")

    def test_a_manage_that_was_started_as_a_module_still_is_one(self):
        spec = types.SimpleNamespace(name="site.manage")
        self.assertEqual(self.adapter("/site/manage.py", spec=spec),
                         "-m site.manage")


if __name__ == "__main__":
    unittest.main()
