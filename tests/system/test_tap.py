"""Programs that print TAP, versions 12 to 14."""

import os

from support.mule_case import MuleCase


class Tap(MuleCase):

    def tap(self, text, *args, status=0, end=0):
        """Runs one program that prints the text; gives states and result."""
        self.suite({"t/one.t": "#!/bin/sh\ncat <<'END'\n"
                               + text.strip("\n") + "\nEND\n"
                               + f"exit {end}\n"})
        result = self.mule_test("--tap", "t/one.t", *args, status=status)
        prefix = "t/one.t"
        states = {}
        for id, state in result.states.items():
            self.assertIn(prefix, id)
            states[id.replace(prefix, "").strip(" :")] = state
        return states, result


class Points(Tap):

    def test_points_are_items(self):
        states, _ = self.tap("""
1..3
ok 1 - first
ok 2 second
ok
""")
        self.assertEqual(len(states), 3)
        self.assertEqual(set(states.values()), {"passed"})

    def test_versions_12_13_and_14_are_read(self):
        for head in ("1..1", "TAP version 13\n1..1", "TAP version 14\n1..1"):
            with self.subTest(head=head):
                states, _ = self.tap(head + "\nok 1 - it\n")
                self.assertEqual(list(states.values()), ["passed"])

    def test_the_plan_may_come_last(self):
        states, _ = self.tap("ok 1\nok 2\n1..2")
        self.assertEqual(list(states.values()), ["passed", "passed"])

    def test_not_ok_is_failed_with_what_is_said_of_it(self):
        states, result = self.tap("""
1..2
not ok 1 - it breaks
#   Failed test 'it breaks'
#   at t/one.t line 7.
#          got: '1'
ok 2
""", status=1)
        self.assertEqual(sorted(states.values()), ["failed", "passed"])
        self.assertSays(result.out, "it breaks", "got: '1'", "t/one.t:7")

    def test_skip_and_todo_are_states(self):
        states, result = self.tap("""
1..4
ok 1 - a # SKIP no network
not ok 2 - b # TODO some day
ok 3 - c # TODO done already
ok 4 - d # skip in small letters
""")
        self.assertEqual(sorted(states.values()),
                         ["passed", "skipped", "skipped", "xfailed"])
        self.assertIn("no network", result.out)

    def test_a_plan_of_nothing_is_a_skip(self):
        states, result = self.tap("1..0 # SKIP not on this machine")
        self.assertEqual(list(states.values()), ["skipped"])
        self.assertIn("not on this machine", result.out)

    def test_a_missing_point_is_an_error(self):
        states, result = self.tap("1..3\nok 1\nok 3\n", status=1)
        self.assertEqual(sorted(states.values()),
                         ["error", "passed", "passed"])

    def test_missing_points_at_the_end_are_errors(self):
        states, result = self.tap("1..3\nok 1\n", status=1)
        self.assertEqual(sorted(states.values()),
                         ["error", "error", "passed"])

    def test_surplus_points_are_not_green(self):
        states, result = self.tap("1..1\nok 1\nok 2\n", status=1)
        self.assertEqual(result.count("passed"), 2)
        self.assertEqual(result.count("error") + result.count("failed"), 1)

    def test_no_plan_is_not_green(self):
        states, result = self.tap("ok 1\nok 2\n", status=1)
        self.assertEqual(result.count("passed"), 2)
        self.assertEqual(len(states), 3)

    def test_no_tap_at_all_is_not_green(self):
        states, result = self.tap("hello\n", status=1)
        self.assertNotIn("passed", states.values())

    def test_a_point_that_comes_twice_is_not_green(self):
        self.tap("1..2\nok 1\nok 1\nok 2\n", status=1)

    def test_bail_out_stops_everything(self):
        self.suite({
            "t/a.t": "#!/bin/sh\necho 1..2\necho ok 1\n"
                     "echo 'Bail out! the database is down'\n",
            "t/b.t": "#!/bin/sh\necho 1..1\necho ok 1\n",
            "t/c.t": "#!/bin/sh\necho 1..1\necho ok 1\n"})
        result = self.mule_test("--tap", "t", "-j", "1", status=None)
        self.assertNotEqual(result.status, 0)
        self.assertIn("the database is down", result.text)
        self.assertEqual(result.tally["stop"], "bailed")
        self.assertGreaterEqual(result.count("not run"), 2)

    def test_subtests_belong_to_their_point(self):
        states, result = self.tap("""
TAP version 14
1..2
# Subtest: outer
    1..2
    ok 1 - inner good
    not ok 2 - inner bad
not ok 1 - outer
ok 2 - other
""", status=1)
        self.assertEqual(sorted(states.values()), ["failed", "passed"])
        self.assertIn("inner bad", result.out)

    def test_a_yaml_block_tells_of_its_point(self):
        states, result = self.tap("""
TAP version 13
1..2
not ok 1 - it
  ---
  message: 'too small'
  file: lib/x.c
  line: 42
  ...
ok 2
""", status=1)
        self.assertEqual(sorted(states.values()), ["failed", "passed"])
        self.assertSays(result.out, "too small", "lib/x.c:42")

    def test_escaped_signs_do_not_begin_a_directive(self):
        states, _ = self.tap(r"""
1..2
ok 1 - has \# SKIP in its name
not ok 2 - and \# TODO too
""", status=1)
        self.assertEqual(sorted(states.values()), ["failed", "passed"])

    def test_a_bad_status_with_good_points_is_not_green(self):
        states, result = self.tap("1..1\nok 1\n", status=1, end=2)
        self.assertEqual(result.count("passed"), 1)
        self.assertEqual(len(states), 2)
        self.assertIn("status 2", result.text)

    def test_names_may_be_of_any_bytes(self):
        states, _ = self.tap("1..2\nok 1 - \xe4\u20ac <&\"'\nnot ok 2 - \\\\",
                             status=1)
        self.assertEqual(len(states), 2)


class Programs(Tap):

    def test_programs_need_not_be_executable(self):
        self.suite({"t/plain.t": b"#!/bin/sh\necho 1..1; echo ok 1\n"})
        os.chmod(self.path("t/plain.t"), 0o644)
        result = self.mule_test("--tap", "t/plain.t")
        self.assertEqual(result.count("passed"), 1)

    def test_a_folder_is_all_that_is_below_it(self):
        program = "#!/bin/sh\necho 1..1; echo ok 1\n"
        self.suite({"t/a.t": program, "t/deep/b.t": program,
                    "t/other.sh": program, "x/c.t": program})
        for args, count in ((["t"], 2), (["t/deep"], 1),
                            (["t/a.t", "x"], 2), (["t/other.sh"], 1)):
            with self.subTest(args=args):
                result = self.mule_test("--tap", *args)
                self.assertEqual(result.count("passed"), count)

    def test_an_unknown_program_is_named_with_the_nearest(self):
        self.suite({"t/login.t": "#!/bin/sh\necho 1..1; echo ok 1\n"})
        result = self.mule_test("--tap", "t/lgoin.t", status=4)
        self.assertMistake(result, "t/lgoin.t")

    def test_a_program_has_to_be_named(self):
        result = self.mule_test("--tap", status=4)
        self.assertMistake(result, "--tap", "mule test --tap t/*.t")

    def test_a_folder_without_programs_is_nothing_to_run(self):
        self.suite({"t/a.t": "#!/bin/sh\necho 1..1; echo ok 1\n",
                    "empty/readme": ""})
        self.mule_test("--tap", "empty", status=5)

    def test_a_crash_between_points_keeps_those_before(self):
        self.suite({"t/a.t": "#!/bin/sh\necho 1..3; echo ok 1\nkill -9 $$\n"})
        result = self.mule_test("--tap", "t", status=1)
        self.assertEqual(result.count("passed"), 1)
        self.assertEqual(result.count("error") + result.count("crashed"), 3)
        self.assertIn("signal 9", result.text)

    def test_output_that_is_no_tap_belongs_to_the_next_point(self):
        self.suite({"t/a.t": "#!/bin/sh\necho 1..2\necho ok 1\n"
                             "echo some noise; echo trouble >&2\n"
                             "echo not ok 2\n"})
        result = self.mule_test("--tap", "t", status=1)
        self.assertSays(result.out, "some noise")

    def test_results_come_while_the_program_runs(self):
        go = self.fifo("go")
        self.suite({"t/a.t": "#!/bin/bash\necho 1..2\necho ok 1\n"
                             "read line < $GO\necho ok 2\n"})
        program = self.start_test("--tap", "t", env={"GO": go.path})
        program.wait_event("test_finished", state="passed")
        go.write()
        result = self.result_of(program)
        self.assertEqual((result.status, result.count("passed")), (0, 2))

    def test_a_hundred_thousand_points_are_read(self):
        self.suite({"t/a.t": "#!/bin/bash\necho 1..100000\n"
                             "seq -f 'ok %.0f' 100000\n"})
        result = self.mule_test("--tap", "t")
        self.assertEqual(result.count("passed"), 100000)

    def test_a_plan_of_billions_is_refused_and_not_believed(self):
        self.suite({"t/a.t": "#!/bin/sh\necho 1..4000000000\necho ok 1\n"})
        result = self.mule_test("--tap", "t", status=1)
        self.assertLess(len(result.states), 10000)
