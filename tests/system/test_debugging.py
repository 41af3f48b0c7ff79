"""--pdb, --no-capture and breakpoint()."""

from support.mule_case import CLASS, MuleCase


class Debugging(MuleCase):

    def test_breakpoint_says_how_to_run_the_test_in_the_debugger(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): breakpoint()
    def test_b(self): pass
"""})
        result = self.mule_test(status=1)
        self.assertEqual(result.states["test_it.T.test_b"], "passed")
        self.assertEqual(result.count("error") + result.count("failed"), 1)
        self.assertRegex(result.out, r"mule test .*--pdb.* test_it\.T\.test_a"
                                     r"|mule test .*test_it\.T\.test_a.*--pdb")

    def test_without_capture_output_is_seen_at_once(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        print("what is your name?")
        print("hello", input())
    def test_b(self):
        print("terminal" if os.isatty(0) and os.isatty(1) else "none")
"""})
        program = self.on_terminal("test", "--no-capture")
        program.wait_shown("what is your name")
        program.type("mule\n")
        program.wait_shown("hello mule")
        self.assertEqual(program.wait(), 0, program.describe())
        self.assertRegex(program.shown(), r"(?m)terminal")
        self.assertIn("2 selected = 2 passed", program.shown())

    def test_without_capture_there_are_no_limits(self):
        ready, go = self.fifo("ready"), self.fifo("go")
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        with open(os.environ["READY"], "w") as file: file.write("here\\n")
        with open(os.environ["GO"]) as file: file.readline()
"""})
        program = self.on_terminal(
            "test", "--no-capture", "--timeout", "0.2", "--test-timeout",
            "0.2", env={"READY": ready.path, "GO": go.path})
        self.assertEqual(ready.line(program), "here")
        program.wait_shown("collected in")
        program.expect_silence(1)
        go.write()
        self.assertEqual(program.wait(), 0, program.describe())

    def test_without_capture_and_terminal_it_works_as_well(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): print("plain output")
"""})
        result = self.mule_test("--no-capture")
        self.assertIn("plain output", result.out)

    def test_a_failure_stops_in_the_debugger(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        secret = 40 + 2
        self.assertEqual(secret, 43)
    def test_b(self): pass
"""})
        program = self.on_terminal("test", "--pdb")
        program.wait_shown(r"\(Pdb\) ")
        program.type("p 'value', secret\n")
        program.wait_shown(r"\('value', 42\)")
        program.type("q\n")
        self.assertEqual(program.wait(), 1, program.describe())
        self.assertIn("1 passed + 1 failed", program.shown())

    def test_breakpoint_stops_in_the_debugger(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        secret = 40 + 2
        breakpoint()
        self.assertEqual(secret, 42)
"""})
        program = self.on_terminal("test", "--pdb", "test_it.T.test_a")
        program.wait_shown(r"\(Pdb\) ")
        program.type("p 'value', secret\n")
        program.wait_shown(r"\('value', 42\)")
        program.type("c\n")
        self.assertEqual(program.wait(), 0, program.describe())

    def test_ctrl_c_at_the_prompt_ends_the_run(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        print("waiting")
        sys.stdin.read()
"""})
        program = self.on_terminal("test", "--no-capture")
        program.wait_shown("waiting")
        program.type("\x03")
        self.assertNotEqual(program.wait(), 0, program.describe())

    def test_the_debugger_needs_tests_that_mule_loads(self):
        result = self.mule_test("--pdb", "--runner", "true", "a", status=4)
        self.assertMistake(result, "--pdb")
