"""Adapters that are not mule's own, and everything that can go wrong in one.

The fake adapter meets with one misfortune after another
(`fake_adapter.py --misfortunes`); each has a row here that says what becomes
of the run.
"""

import os
import subprocess
import sys
import unittest

from support import mule_case
from support.mule_case import ROOT, MuleCase

FAKE = os.path.join(ROOT, "tests", "support", "fake_adapter.py")
PERL = os.path.join(ROOT, "examples", "adapters", "perl_adapter.pl")

# What the adapter did makes a run impossible; mule says so with these words.
BROKEN = {
    "never-connects": ["did not answer in time"],
    "greeting-hang": ["did not answer in time"],
    "greeting-die": ["exited with status 3 before the suite was loaded"],
    "greeting-twice": ["greeted twice"],
    "greeting-garbage": ["fake_adapter.py", "not JSON"],
    "greeting-major": ["2.0", "1.0"],
    "greeting-wrong": ["fake_adapter.py", '"pid" is missing'],
    "collect-hang": ["did not answer in time"],
    "collect-count": ["11 items", "10"],
    "collect-garbage": ["no message"],
    "collect-long": ["8 MiB"],
    "skip-ignored": ["told to skip"],
    "fork-fail": ["the fake cannot fork"],
    "fork-die": ["ended before it greeted"],
    "zygote-die": ["signal 9"],
}

# Loading a module went wrong: that is an error of its own beside the tests.
LOADING = {
    "import-hang": {"error": 1, "passed": 10},
    "import-die": {"error": 1, "passed": 10},
    "collect-die": {"error": 1},
    "collect-exit": {"error": 1},
    "collect-close": {"error": 1},
}

# One test has a misfortune, the others pass.
RUNNING = {
    "run-exit": {"crashed": 1, "passed": 9},
    "run-die": {"crashed": 1, "passed": 9},
    "run-kill": {"crashed": 1, "passed": 9},
    "run-segv": {"crashed": 1, "passed": 9},
    "run-garbage": {"error": 1, "passed": 9},
    "run-wrong": {"error": 1, "passed": 9},
    "run-long": {"error": 1, "passed": 9},
    "run-greet": {"error": 1, "passed": 9},
    "run-unknown": {"error": 1, "passed": 9},
    "run-false-pid": {"error": 1, "passed": 9},
    "run-left": {"error": 10},
    "run-missing": {"error": 1, "passed": 9},
    "run-after": {"crashed": 1, "passed": 10},
    "run-job": {"error": 1, "passed": 10},
}

# What mule does not mind.
HARMLESS = ["greeting-slow", "zygote-hang", "run-slow", "run-noise",
            "run-twice", "run-other", "run-grandchild", "stop-ignored"]

# An item that does not end, and what follows it.
HANGING = ["run-hang", "run-stubborn", "run-close"]


def fake(*words):
    return " ".join([sys.executable, FAKE, *words])


class FakeCase(MuleCase):

    def misfortune(self, name, *args, **more):
        if name in ("never-connects", "greeting-hang", "collect-hang",
                    "import-hang", "collect-close"):
            args = ("--import-timeout", "2", *args)
        return self.mule_test("--adapter", fake("--misfortune", name), "-j2",
                              *args, **more)

    def counts(self, result):
        states = result.tally["states"]
        return {state: count for state, count in states.items() if count}


class Misfortunes(FakeCase):

    def test_what_makes_a_run_impossible_is_said(self):
        for name, words in BROKEN.items():
            with self.subTest(misfortune=name):
                result = self.misfortune(name, status=3, check=False)
                self.assertSays(result.err, "mule: error: ")
                self.assertSays(result.text, *words)

    def test_what_happens_while_loading_costs_the_module_only(self):
        for name, wanted in LOADING.items():
            with self.subTest(misfortune=name):
                result = self.misfortune(name, status=1)
                self.assertEqual(self.counts(result), wanted)

    def test_what_happens_to_one_test_costs_that_test_only(self):
        for name, wanted in RUNNING.items():
            with self.subTest(misfortune=name):
                result = self.misfortune(name, status=1)
                self.assertEqual(self.counts(result), wanted)

    def test_a_worker_that_dies_before_a_test_costs_its_job(self):
        result = self.misfortune("run-before", status=1)
        self.assertEqual(self.counts(result), {"crashed": 1, "not run": 10})

    def test_what_is_harmless_is_survived(self):
        for name in HARMLESS:
            with self.subTest(misfortune=name):
                result = self.misfortune(name)
                self.assertEqual(self.counts(result), {"passed": 10})

    def test_a_second_result_is_counted_and_dropped(self):
        result = self.misfortune("run-twice")
        self.assertSays(result.out, "1 late duplicate")

    def test_what_a_worker_leaves_behind_is_ended(self):
        result = self.misfortune("run-grandchild")
        self.assertSays(result.out, "1 leaked process")

    def test_an_item_that_does_not_end_reaches_its_limit(self):
        for name in HANGING:
            with self.subTest(misfortune=name):
                result = self.misfortune(name, "--timeout", "1", status=1)
                self.assertEqual(self.counts(result),
                                 {"passed": 1, "timeout": 1, "not run": 8})

    def test_a_job_that_is_never_done_reaches_its_limit(self):
        result = self.misfortune("run-silent", "--timeout", "1", status=1)
        self.assertEqual(self.counts(result), {"passed": 10, "timeout": 1})

    def test_unknown_labels_are_named(self):
        result = self.misfortune("collect-unknown", "no.such", status=4,
                                 check=False)
        self.assertMistake(result, "no.such")

    def test_the_next_attempt_may_be_luckier(self):
        for name in ("import-die", "collect-die"):
            with self.subTest(misfortune=name):
                once = os.path.join(self.home, name)
                result = self.mule_test(
                    "--adapter",
                    fake("--misfortune", name, "--once", once), status=1)
                self.assertEqual(self.counts(result)["error"], 1)

    def test_every_misfortune_has_a_test(self):
        text = subprocess.run([sys.executable, FAKE, "--misfortunes"],
                              check=True, stdout=subprocess.PIPE).stdout
        names = {line.split()[0] for line in text.decode().splitlines()}
        tested = {*BROKEN, *LOADING, *RUNNING, *HARMLESS, *HANGING,
                  "run-before", "run-silent", "collect-unknown"}
        # These are those of test_preparing.py.
        names -= {name for name in names if name == "note" or name.startswith(
            ("prepare-", "tidy-", "stop-die", "stop-slow", "run-unfit",
             "unfit-early"))}
        # These end at limits of half a minute, which no option changes.
        slow = {"fork-silent", "fork-hang"}
        self.assertEqual(names, tested | slow)


class Adapters(FakeCase):

    def test_an_adapter_that_cannot_fork_is_started_for_each_slot(self):
        result = self.mule_test("--adapter", fake("--no-fork --items 25"),
                                "-j2")
        self.assertEqual(self.counts(result), {"passed": 25})

    def test_its_items_have_names_and_places(self):
        result = self.mule_test("--adapter", fake("--items 3 --fail 2"),
                                status=1)
        self.assertStates(result, {"fake.Job0.test_0": "failed",
                                   "fake.Job0.test_1": "passed",
                                   "fake.Job0.test_2": "failed"})
        self.assertSays(result.out, "the fake fails this")

    def test_a_rerun_names_the_adapter(self):
        result = self.mule_test("--adapter", fake("--items 3 --fail 2"),
                                status=1)
        command = result.finished["fake.Job0.test_2"]["rerun"]
        again = self.rerun(command)
        self.assertEqual(list(again.states), ["fake.Job0.test_2"])

    def test_its_word_for_the_interpreter_is_replaced(self):
        said = os.path.join(self.home, "said")
        self.suite({"adapter.sh": """
            #!/bin/sh
            printf '%%s\\n' "$@" >%s
            shift
            exec "$@"
            """ % said})
        self.mule_test(
            "--adapter", self.path("adapter.sh") + " 'an $PYTHON' '$PYTHON' "
            + FAKE + " --items 3", "--python", sys.executable,
            "--python-args", "-X dev")
        with open(said, encoding="utf-8") as file:
            words = file.read().splitlines()
        self.assertEqual(words, ["an $PYTHON", sys.executable, "-X", "dev",
                                 FAKE, "--items", "3"])

    def test_a_rerun_leaves_the_word_for_the_interpreter(self):
        result = self.mule_test("--adapter", f"$PYTHON {FAKE} --fail 2",
                                "--python", sys.executable, status=1)
        command = result.finished["fake.Job0.test_2"]["rerun"]
        self.assertSays(command, "$PYTHON")
        again = self.rerun(command)
        self.assertEqual(list(again.states), ["fake.Job0.test_2"])

    def test_whoever_starts_mule_says_how_a_test_is_run_again(self):
        result = self.mule_test("--adapter", fake("--items 3 --fail 2"),
                                "--rerun", "python manage.py mule", status=1)
        self.assertEqual(result.finished["fake.Job0.test_2"]["rerun"],
                         "python manage.py mule fake.Job0.test_2")
        self.assertSays(result.out, "run again: python manage.py mule fake")

    def test_list_and_doctor_know_the_word_too(self):
        words = ["--adapter", f"$PYTHON {FAKE} --items 2",
                 "--python", sys.executable]
        self.assertEqual(self.mule("list", *words).out.splitlines(),
                         ["fake.Job0.test_0", "fake.Job0.test_1"])
        result = self.mule("doctor", *words)
        self.assertEqual(result.status, 0, result.text)
        self.assertSays(result.out, sys.executable + ", from --python",
                        FAKE, " answered after ")

    def test_an_interpreter_that_is_not_there_is_named(self):
        result = self.mule("test", "--adapter", "$PYTHON " + FAKE,
                           "--python", "/no/such/python")
        self.assertMistake(result, "/no/such/python")

    def test_many_items_are_counted(self):
        result = self.mule_test("--adapter", fake("--items 20000"), "-q")
        self.assertEqual(self.counts(result), {"passed": 20000})

    def test_one_that_cannot_be_started_is_named(self):
        result = self.mule("test", "--adapter", "/no/such/adapter")
        self.assertMistake(result, "/no/such/adapter", status=3)


class Checking(FakeCase):

    def check(self, *args, status=0):
        """Gives the names of broken rules, and the result."""
        result = self.mule("adapter-check", *args)
        self.assertEqual(result.status, status, result.text)
        lines = result.out.splitlines()
        self.assertEqual(lines[0], "TAP version 14")
        plan = int(lines[1].split("..")[1])
        points = [line for line in lines if " - " in line
                  and line.startswith(("ok ", "not ok "))]
        self.assertEqual(len(points), plan, result.text)
        return [line for line in points if line.startswith("not ")], result

    def test_the_adapter_for_unittest_keeps_every_rule(self):
        self.suite({"test_it.py": mule_case.CLASS + "    def test_a(self):\n"
                    "        pass\n    def test_b(self):\n        print(1)\n",
                    "test_other.py": mule_case.CLASS
                    + "    def test_c(self):\n        self.skipTest('x')\n"})
        adapter = os.path.join(ROOT, "python", "mule", "adapters",
                               "__main__.py")
        broken, result = self.check(sys.executable, adapter, "unittest")
        self.assertEqual(broken, [])
        skipped = [line for line in result.out.splitlines()
                   if "# SKIP" in line and "nothing" not in line]
        self.assertEqual(skipped, [])
        self.assertSays(result.out, "mule.unittest")

    def test_the_fake_keeps_every_rule(self):
        for words in ([], ["--no-fork"]):
            with self.subTest(words=words):
                broken, _ = self.check(sys.executable, FAKE, *words)
                self.assertEqual(broken, [])

    def test_its_word_for_the_interpreter_is_replaced(self):
        broken, result = self.check("--python", sys.executable,
                                    "--python-args", "-X dev", "$PYTHON",
                                    FAKE)
        self.assertEqual(broken, [], result.text)

    def test_misfortunes_are_told(self):
        for name, rule, why in (
                ("greeting-major", "greets", "protocol 2.0"),
                ("greeting-wrong", "greets", '"pid"'),
                ("collect-count", "counts agree", "11 items"),
                ("run-missing", "runs a job", "no result"),
                ("run-job", "runs a job", '"done" is about job')):
            with self.subTest(misfortune=name):
                broken, result = self.check("--timeout", "1", sys.executable,
                                            FAKE, "--misfortune", name,
                                            status=1)
                self.assertTrue([line for line in broken if rule in line],
                                result.text)
                self.assertSays(result.out, why)

    def test_no_tests_and_no_adapter_are_said(self):
        _, result = self.check(sys.executable, FAKE, "--items", "0", status=1)
        self.assertSays(result.out, "no tests here", "# SKIP")
        self.assertMistake(self.mule("adapter-check"), "no adapter")


def has_perl():
    try:
        return subprocess.run(["perl", "-MJSON::PP", "-e", "1"],
                              stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


@unittest.skipUnless(has_perl(), "there is no Perl with its modules")
class Perl(FakeCase):
    """The example in another language."""

    def test_it_keeps_every_rule_in_150_lines(self):
        broken = Checking.check(self, "--basedir",
                                os.path.dirname(PERL) + "/t", "perl", PERL)[0]
        self.assertEqual(broken, [])
        with open(PERL, encoding="utf-8") as file:
            self.assertLessEqual(len(file.readlines()), 150)

    def test_it_runs_tests(self):
        self.suite({"t/test_it.pl": """
            sub test_fine {
                print "printed";
            }
            sub test_bad { die "broken at home" }
            sub test_later { die "SKIP: not today\\n" }
            sub test_end { exit 3 }
            sub test_after { 1 }
            """.replace("\n            ", "\n"),
                    "t/test_syntax.pl": "sub {\n"})
        result = self.mule_test("--adapter", "perl " + PERL, status=1)
        self.assertStates(result, {"t.test_it.test_fine": "passed",
                                   "t.test_it.test_bad": "failed",
                                   "t.test_it.test_later": "skipped",
                                   "t.test_it.test_end": "crashed",
                                   "t.test_it.test_after": "passed",
                                   "t.test_syntax": "error"})
        self.assertEqual(result.output_of("t.test_it.test_fine"), "printed")
        self.assertSays(result.out, "broken at home", "t/test_it.pl:4",
                        "not today", "syntax error")


class Examples(MuleCase):

    def test_the_tap_programs_pass(self):
        folder = os.path.join(ROOT, "examples", "tap", "t")
        programs = sorted(os.path.join(folder, name)
                          for name in os.listdir(folder)
                          if has_perl() or name != "subtests.t")
        result = self.mule_test("--tap", *programs)
        self.assertEqual({event["state"] for event in
                          result.all("test_finished")},
                         {"passed", "skipped"} | ({"xfailed"} if has_perl()
                                                  else set()))
