"""What people see, on a terminal and in a log."""

import re

from support.mule_case import CLASS, MuleCase

SUITE = {"test_it.py": CLASS + """
    def test_a(self): print("of a pass")
    def test_b(self):
        print("of a failure")
        self.fail("wrong")
    @unittest.skip("no time")
    def test_c(self): pass
    def test_d(self):
        import time
        time.sleep(0.05)
"""}


class Verbosity(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite(SUITE)

    def shown(self, *args, **more):
        return self.mule_test("-j", "1", *args, status=1, **more).out

    def test_0_is_the_summary_only(self):
        for args in (["-q"], ["--verbosity", "0"]):
            out = self.shown(*args)
            self.assertNotIn("Traceback", out)
            self.assertNotIn("collected", out)
            self.assertSays(out, "Ran 4 tests in", "FAILED (failures=1,",
                            "4 selected = 2 passed + 1 failed + 1 skipped")

    def test_1_has_a_sign_for_each_test(self):
        out = self.shown()
        self.assertRegex(out, r"(?m)^\.F$")
        self.assertSays(out, "Traceback", "of a failure")
        self.assertNotIn("of a pass", out)

    def test_2_has_a_line_for_each_test_with_its_time(self):
        out = self.shown("--verbosity", "2")
        for name, word in (("a", "ok"), ("b", "FAIL"), ("c", "skipped"),
                           ("d", "ok")):
            self.assertRegex(out, rf"(?m)^ *{word} +\d+\.\d+s  "
                                  rf"test_it\.T\.test_{name}\b")
        self.assertNotIn("of a pass", out)

    def test_3_has_all_output(self):
        self.assertSays(self.shown("--verbosity", "3"), "of a pass",
                        "of a failure")

    def test_v_adds_up(self):
        self.assertEqual(self.lines("-v"), self.lines("--verbosity", "2"))

    def lines(self, *args):
        """What is said of tests, without the times."""
        return [re.sub(r"\d+\.\d+s", "", line)
                for line in self.shown("--durations", "0",
                                       *args).splitlines()
                if "test_it.T.test_" in line]

    def test_a_line_comes_when_its_test_ends(self):
        go = self.fifo("go")
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self):
        with open(os.environ["GO"]) as file: file.readline()
"""})
        program = self.start("test", "-v", env={"GO": go.path})
        program.wait_text(r"ok .*test_it\.T\.test_a", "out")
        self.assertFalse(program.has_ended())
        go.write()
        self.assertEqual(program.wait(), 0)

    def test_the_end_has_everything(self):
        out = self.shown("-j", "2")
        self.assertRegex(out, r"(?s)Slowest:.*test_it\.T\.test_d")
        self.assertRegex(out, r"(?s)Skipped: 1\n.*no time\n.*test_c.*"
                              r"Failed: 1\n.*test_b")
        self.assertRegex(out, r"Ran 4 tests in \d+\.\d+s\n\n"
                              r"FAILED \(failures=1, skipped=1\)\n"
                              r"4 selected = 2 passed \+ 1 failed \+ "
                              r"1 skipped \+ 0 not run\n$")

    def test_a_green_run_says_OK(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self): pass\n"})
        out = self.mule_test().out
        self.assertRegex(out, r"Ran 1 test in \d+\.\d+s\n\nOK\n"
                              r"1 selected = 1 passed")

    def test_a_failure_names_the_command_to_run_it_again(self):
        command = re.search(r"(?m)^run again: (mule test .*)$",
                            self.shown()).group(1)
        self.assertEqual(self.rerun(command).states,
                         {"test_it.T.test_b": "failed"})

    def test_a_test_is_run_again_as_it_was(self):
        self.suite({"job": "#!/bin/sh\necho 1..1; echo not ok 1; exit 1\n",
                    "test_it.py": CLASS + """
    def test_a(self): self.assertFalse(sys.dont_write_bytecode)
"""})
        for words in (["--runner", "./job $TEST", "--format", "exit", "a b"],
                      ["--python-args=-B -X dev", "test_it"]):
            first = self.mule_test(*words, status=1)
            test, = first.finished.values()
            again = self.rerun(test["rerun"])
            self.assertEqual(first.count("failed"), 1)
            self.assertEqual(again.states, first.states)

    def test_the_slowest_are_as_many_as_wanted(self):
        self.suite({"test_it.py": CLASS + "".join(
            f"    def test_{i}(self): __import__('time').sleep(0.02)\n"
            for i in range(4)) + "    def test_x(self): self.fail()\n"})
        for count in (0, 2):
            out = self.shown("--durations", str(count))
            part = out.partition("Slowest:")[2].partition("\n\n")[0]
            self.assertEqual(len(re.findall(r"test_it\.T\.test_", part)),
                             count)


class Colours(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite(SUITE)

    def colours(self, *args, terminal=False, env=None):
        if terminal:
            program = self.on_terminal("test", *args, env=env)
            program.wait()
            return b"\x1b[1;31m" in program.out
        result = self.mule_test(*args, status=1, env=env)
        return "\x1b[" in result.out

    def test_a_file_has_none(self):
        self.assertFalse(self.colours())

    def test_a_terminal_has_them(self):
        self.assertTrue(self.colours(terminal=True))

    def test_they_can_be_asked_for_and_declined(self):
        self.assertTrue(self.colours("--color=always"))
        self.assertFalse(self.colours("--color=never", terminal=True))

    def test_NO_COLOR_is_obeyed(self):
        self.assertFalse(self.colours(terminal=True, env={"NO_COLOR": "1"}))

    def test_a_dumb_terminal_has_none(self):
        self.assertFalse(self.colours(terminal=True, env={"TERM": "dumb"}))


class Progress(MuleCase):

    def setUp(self):
        super().setUp()
        self.go = self.fifo("go")
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self): self.fail()
    def test_c(self):
        with open(os.environ["GO"]) as file: file.readline()
"""})

    def begin(self, *args, **more):
        return self.on_terminal("test", *args, env={"GO": self.go.path},
                                **more)

    def end(self, program):
        self.go.write()
        self.assertEqual(program.wait(), 1)

    def test_a_line_tells_how_far_it_is_and_what_runs(self):
        program = self.begin()
        program.wait_shown(r"2/3")
        program.wait_shown(r"test_c")
        self.end(program)
        self.assertTrue(program.shown().rstrip().endswith("0 not run"))

    def test_it_fits_the_width_of_the_terminal(self):
        for columns in (20, 40, 200):
            with self.subTest(columns=columns):
                program = self.begin(columns=columns)
                program.wait_shown(r"2/3")
                self.end(program)
                drawn = re.findall(r"(?m)^ \d/3.*$", program.shown())
                self.assertNotEqual(drawn, [])
                self.assertLessEqual(max(map(len, drawn)), columns)

    def test_in_a_log_there_is_none(self):
        program = self.start("test", "-v", env={"GO": self.go.path})
        program.wait_text("FAIL", "out")
        self.go.write()
        program.wait()
        self.assertNotIn(b"\r", program.out)
        self.assertNotIn(b"2/3", program.out)

    def test_the_width_without_a_terminal_comes_from_the_environment(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self):"
                                          " self.fail()\n"})
        for columns, length in (("40", 39), ("200", 70), ("x", 70)):
            out = self.mule_test(status=1, env={"COLUMNS": columns}).out
            rule = re.search(r"(?m)^=+$", out).group()
            self.assertEqual(len(rule), length)
