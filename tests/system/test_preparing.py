"""Adapters that prepare what tests need, and remove it on every way out.

The fake adapter makes a file, which stands for a database, and writes down
what it was asked to do. However a run ends, the file has to be gone.
"""

import os
import signal
import sys

from support import mule_case
from support.engine_case import EngineCase, order
from support.mule_case import ROOT, MuleCase

FAKE = os.path.join(ROOT, "tests", "support", "fake_adapter.py")


class PreparingCase(MuleCase):

    def setUp(self):
        super().setUp()
        self.made = os.path.join(self.home, "made")
        self.log = os.path.join(self.home, "log")

        self.happening = self.fifo("happening")

    def fake(self, *words):
        return " ".join([sys.executable, FAKE, "--prepare", "--made",
                         self.made, "--log", self.log, "--log",
                         self.happening.path, *words])

    def words(self, *words):
        return ["--adapter", self.fake(*words), "-j2", "-vv"]

    def begin(self, *words):
        """A run that prepares, and does not come to its end by itself."""
        program = self.start_test(*self.words(*words))
        self.await_log(program, "prepare")
        return program

    def stop_thrice(self, program):
        # Two signals of the same number may arrive as one.
        program.signal(signal.SIGINT)
        program.wait_event("stopping")
        program.signal(signal.SIGTERM)
        program.signal(signal.SIGHUP)

    def await_log(self, program, wanted):
        while self.happening.line(program).split()[0] != wanted:
            pass

    def logged(self):
        """What was asked, without details."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8") as file:
            return [line.split()[0] for line in file
                    if not line.startswith("options ")]

    def assertGone(self, *logged):
        self.assertFalse(os.path.exists(self.made), "it was left behind")
        self.assertEqual(self.logged(), list(logged))

    def interrupted(self, program):
        result = self.result_of(program)
        self.assertEqual(result.status, -signal.SIGINT, result.text)
        return result


class Preparing(PreparingCase):

    def test_it_is_asked_once_before_the_first_job(self):
        result = self.mule_test(*self.words("--items", "25"))
        self.assertEqual(result.count("passed"), 25)
        self.assertGone("prepare", "leave")
        kinds = [event["event"] for event in result.events]
        self.assertLess(kinds.index("collected"), kinds.index("preparing"))
        self.assertLess(kinds.index("prepared"), kinds.index("job_started"))
        self.assertSays(result.out, "preparing: making the thing",
                        "prepared in ")

    def test_nothing_is_prepared_for_a_list(self):
        self.assertEqual(self.mule("list", *self.words()[:2]).status, 0)
        self.assertGone("leave")

    def test_nothing_is_prepared_where_nothing_is_selected(self):
        self.mule_test(*self.words(), "-k", "nothing", status=5)
        self.assertGone("leave")

    def test_it_is_told_of_databases_and_tags(self):
        self.mule_test(*self.words(), "--db-prefix", "it", "--keepdb",
                       "--auto-bootstrap", "--tag", "a", "--tag", "b",
                       "--exclude-tag", "c")
        with open(self.log, encoding="utf-8") as file:
            text = file.read()
        self.assertSays(text, '"databases": {"prefix": "it", "keep": true, '
                        '"bootstrap": true}', '"tags": ["a", "b"]',
                        '"exclude_tags": ["c"]')

    def test_workers_that_are_spawned_come_after_it(self):
        self.mule_test(*self.words("--no-fork", "--items", "25"))
        self.assertGone("prepare", "leave")

    def test_a_worker_that_dies_does_not_prepare_again(self):
        result = self.mule_test(*self.words("--misfortune", "run-kill"),
                                status=1)
        self.assertEqual(result.count("passed"), 9)
        self.assertGone("prepare", "leave")

    def test_what_cannot_be_made_ends_the_run_with_its_reason(self):
        result = self.mule_test(*self.words("--misfortune", "prepare-unfit"),
                                status=3)
        self.assertSays(result.err, "mule: error: the tests cannot be run "
                        "here: no server\n", "mule: hint: start one\n")
        self.assertSays(result.out, "error: no server\n", "is there at all")
        self.assertEqual(result.count("not run"), 10)
        self.assertGone("prepare", "leave")

    def test_a_worker_may_be_unfit_too(self):
        result = self.mule_test(*self.words("--misfortune", "run-unfit",
                                            "--items", "40"), status=3)
        self.assertSays(result.err, "no clone of the thing", "make room")
        self.assertEqual(result.count("not run"), 40)
        self.assertGone("prepare", "leave")

    def test_a_worker_that_comes_when_all_is_over_is_ended(self):
        result = self.mule_test(*self.words("--misfortune", "unfit-early",
                                            "--items", "40"), status=3)
        self.assertEqual(result.count("not run"), 40)
        self.assertGone("prepare", "leave")

    def test_there_is_a_limit(self):
        result = self.mule_test(*self.words("--misfortune", "prepare-hang"),
                                "--prepare-timeout", "200ms", status=3)
        self.assertSays(result.err, "was not prepared within 0.2 s",
                        "--prepare-timeout allows it more time")
        self.assertGone("prepare", "interrupted", "leave")

    def test_notes_of_an_adapter_are_shown(self):
        result = self.mule_test(*self.words("--misfortune", "note"))
        self.assertSays(result.out, "note: it is", "warning: something is "
                        "left\n", "hint: take it away\n")
        self.assertNotIn(b"\x1b[1m", result.raw_out)
        self.assertIn("something is left", result.notes)


class Stopping(PreparingCase):
    """While it prepares."""

    def test_ctrl_c_lets_it_remove_what_it_made(self):
        program = self.begin("--misfortune", "prepare-hang")
        program.wait_event("preparing")
        program.signal(signal.SIGINT)
        result = self.interrupted(program)
        self.assertEqual(result.count("not run"), 10)
        self.assertGone("prepare", "interrupted", "leave")

    def test_so_does_sigterm(self):
        program = self.begin("--misfortune", "prepare-hang")
        program.signal(signal.SIGTERM)
        self.assertEqual(self.result_of(program).status, -signal.SIGTERM)
        self.assertGone("prepare", "interrupted", "leave")

    def test_so_does_the_end_of_the_time(self):
        result = self.mule_test(*self.words("--misfortune", "prepare-hang"),
                                "--max-time", "1s", status=2)
        self.assertEqual(result.tally["stop"], "time")
        self.assertGone("prepare", "interrupted", "leave")

    def test_ctrl_c_again_and_again_does_not_wait_for_it(self):
        program = self.begin("--misfortune", "prepare-stubborn")
        self.stop_thrice(program)
        self.assertEqual(self.result_of(program).count("not run"), 10)
        self.assertGone("prepare", "tidy")


class Removing(PreparingCase):
    """What its zygote could not."""

    def tidied(self, *words, status=0, **more):
        result = self.mule_test(*self.words(*words), status=status, **more)
        self.assertFalse(os.path.exists(self.made), "it was left behind")
        self.assertEqual(self.logged().count("tidy"), 1, self.logged())
        return result

    def test_a_zygote_that_dies_while_it_prepares(self):
        result = self.tidied("--misfortune", "prepare-die", status=3)
        self.assertSays(result.err, "signal 9")

    def test_a_zygote_that_ends_while_it_prepares(self):
        result = self.tidied("--misfortune", "prepare-exit", status=3)
        self.assertSays(result.err, "that prepared the tests")

    def test_a_zygote_that_dies_while_it_removes(self):
        result = self.tidied("--misfortune", "stop-die")
        self.assertEqual(result.notes, [])

    def test_a_zygote_that_is_killed_while_tests_run(self):
        result = self.tidied("--misfortune", "zygote-die", "--items", "40")
        self.assertSays(result.out, "loaded again in processes of its own")
        self.assertEqual(self.logged()[0], "prepare")
        self.assertEqual(self.logged().count("prepare"), 1)

    def test_whoever_tidies_up_has_the_build_and_no_socket(self):
        self.tidied("--misfortune", "stop-die", "--items", "5")
        with open(self.log, encoding="utf-8") as file:
            last = file.read().splitlines()[-1]
        self.assertRegex(last, r"^tidy [0-9a-z]{8} None$")

    def test_ctrl_c_while_it_removes_waits_for_the_end_of_that(self):
        program = self.start_test(*self.words("--misfortune", "stop-slow"))
        self.await_log(program, "slow")
        program.signal(signal.SIGINT)
        program.signal(signal.SIGTERM)  # the second one asks it to hurry
        self.result_of(program)
        self.assertGone("prepare", "leave", "slow", "interrupted")

    def test_an_end_in_trouble_is_told(self):
        for name, words in (("tidy-die", "outside: exited with status 3"),
                            ("tidy-complains", "this stays")):
            with self.subTest(misfortune=name):
                if os.path.exists(self.made):
                    os.unlink(self.made)
                twice = f"{self.fake()} --misfortune"
                result = self.mule_test(
                    "--adapter", f"{twice} stop-die,{name}", "-j2")
                self.assertSays("\n".join(result.notes), words,
                                "what the adapter had left outside")
                self.assertEqual(result.count("passed"), 10)

    def test_ctrl_c_does_not_wait_long_for_it(self):
        program = self.start_test(*self.words("--misfortune",
                                              "stop-die,tidy-hang"))
        self.await_log(program, "tidy")
        self.stop_thrice(program)
        result = self.result_of(program)
        self.assertSays("\n".join(result.notes), "killed by signal 9")


class OnAFleet(PreparingCase, EngineCase):
    """In the engine of a worker."""

    def engine_with(self, *words, ids=1):
        engine = self.ready("--adapter", self.fake(*words), "--")
        names = [f"fake.Job0.test_{i}" for i in range(ids)]
        engine.say("run", orders=[order(1, "fake.Job0", names)])
        return engine

    def test_it_prepares_at_the_first_order_and_removes_at_the_teardown(self):
        engine = self.engine_with("--items", "1")
        self.assertEqual(engine.await_update("end", 1)["end"], "done")
        self.assertTrue(os.path.exists(self.made))
        self.assertIn("making the thing\n", engine.text)
        self.assertTrue(self.tear_down(engine)["ok"])
        self.assertGone("prepare", "leave")

    def test_it_prepares_nothing_without_an_order(self):
        engine = self.ready("--adapter", self.fake(), "--")
        self.tear_down(engine)
        self.assertGone()

    def test_what_cannot_be_made_fails_the_worker_with_its_reason(self):
        for name, words in (("prepare-unfit", ("no server", "start one")),
                            ("run-unfit", ("no clone", "make room"))):
            with self.subTest(misfortune=name):
                engine = self.engine_with("--misfortune", name, "--items", "1")
                self.assertSays(engine.await_said("failed")["why"], *words)
                self.tear_down(engine)
                self.assertFalse(os.path.exists(self.made))

    def test_a_teardown_while_it_prepares_lets_it_remove(self):
        engine = self.engine_with("--misfortune", "prepare-hang", "--items",
                                  "1")
        self.await_log(engine.program, "prepare")
        self.tear_down(engine)
        self.assertGone("prepare", "interrupted", "leave")

    def test_a_teardown_that_hurries_asks_again(self):
        engine = self.engine_with("--misfortune", "stop-slow", "--items", "1")
        engine.await_update("end", 1)
        engine.say("teardown", now=False)
        self.await_log(engine.program, "slow")
        self.tear_down(engine, now=True)
        self.assertGone("prepare", "leave", "slow", "interrupted")

    def test_what_its_zygote_left_is_removed_by_another(self):
        engine = self.engine_with("--misfortune", "stop-die,tidy-complains",
                                  "--items", "1")
        engine.await_update("end", 1)
        self.tear_down(engine)
        self.assertGone("prepare", "leave", "tidy")
        self.assertIn("this stays", str(engine.all("note")))


class Checking(PreparingCase):

    def check(self, *words, status=0, timeout="60"):
        result = self.mule("adapter-check", "--timeout", timeout,
                           sys.executable,
                           FAKE, "--prepare", "--made", self.made, "--log",
                           self.log, *words)
        self.assertEqual(result.status, status, result.text)
        return result.out

    def test_one_that_prepares_keeps_every_rule(self):
        text = self.check()
        self.assertNotIn("not ok", text)
        self.assertNotIn("SKIP", text)
        self.assertFalse(os.path.exists(self.made))

    def test_rules_of_preparing_that_are_broken_are_named(self):
        for name, rule, why in (
                ("prepare-unfit", "it prepares", "it is unfit: no server"),
                ("prepare-die", "it prepares", "signal 9"),
                ("prepare-stubborn", "interrupted while", "still there"),
                ("tidy-die", "it tidies up", "status 3"),
                ("tidy-complains", "it tidies up", "complain")):
            with self.subTest(misfortune=name):
                text = self.check("--misfortune", name, status=1, timeout="1")
                self.assertRegex(text, f"not ok [0-9]+ - .*{rule}")
                self.assertSays(text, why)


class Elsewhere(PreparingCase):

    def test_an_adapter_without_words_for_it_is_asked_for_nothing(self):
        self.suite({"test_it.py": mule_case.CLASS
                    + "    def test_a(self): pass\n"})
        result = self.mule_test()
        self.assertEqual(result.all("preparing"), [])
