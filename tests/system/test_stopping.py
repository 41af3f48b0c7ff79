"""Ctrl-C and Ctrl-Z, other signals, and keys."""

import os
import signal
import termios

from support import processes
from support.mule_case import BINARY, CLASS, MuleCase

# A test that tells when it runs and then waits for ever.
WAITING = CLASS + """
    def test_a(self): pass
    def test_b(self):
        import time
        with open(os.environ["READY"], "w") as file:
            file.write(f"{os.getpid()}\\n")
        print("waits", flush=True)
        time.sleep(1000)
    def test_c(self): pass
"""


class Waiting(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite({"test_it.py": WAITING, "test_other.py": CLASS
                    + "    def test_d(self): pass\n"})
        self.ready = self.fifo("ready")

    def begin(self, *args, env=None, **more):
        """Starts a run and waits until test_b waits; gives its pid, too."""
        program = self.start_test("-j", "1", *args,
                                  env={"READY": self.ready.path,
                                       **(env or {})}, **more)
        return program, int(self.ready.line(program))


class Interrupting(Waiting):

    def test_ctrl_c_stops_cleanly_and_says_what_did_not_run(self):
        program, _ = self.begin()
        program.signal(signal.SIGINT)
        result = self.result_of(program)
        self.assertEqual(result.status, -signal.SIGINT)
        self.assertStates(result, {
            "test_it.T.test_a": "passed", "test_it.T.test_b": "not run",
            "test_it.T.test_c": "not run",
            "test_other.T.test_d": "not run"})
        self.assertEqual(result.tally["stop"], "interrupted")
        self.assertSays(result.err, "Not run: 3", "test_other.T",
                        "4 selected = 1 passed")

    def test_ctrl_c_lets_a_test_clean_up(self):
        self.suite({"test_it.py": WAITING + """
    def tearDown(self):
        with open("log", "a") as file:
            file.write(self._testMethodName + "\\n")
    def setUp(self):
        import signal
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
"""})
        program, _ = self.begin()
        program.signal(signal.SIGINT)
        self.result_of(program)
        self.assertEqual(self.read("log").split()[:2], ["test_a", "test_b"])

    def test_ctrl_c_twice_does_not_wait_for_anybody(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
        with open(os.environ["READY"], "w") as file:
            file.write(f"{os.getpid()}\\n")
        while True:
            signal.sigwait([signal.SIGUSR2])
"""})
        program, pid = self.begin("--grace", "1000")
        program.signal(signal.SIGINT)
        program.wait_event("stopping")
        self.assertNotIn(processes.state_of(pid), ("", "Z"))
        program.signal(signal.SIGINT)
        result = self.result_of(program)
        self.assertEqual(result.status, -signal.SIGINT)
        self.assertEqual(result.states["test_it.T.test_a"], "not run")

    def test_a_request_to_end_stops_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number=number):
                program, _ = self.begin()
                program.signal(number)
                result = self.result_of(program)
                self.assertEqual(result.status, -number)
                self.assertEqual(result.count("passed"), 1)

    def test_ctrl_c_while_the_suite_is_loaded_ends_it(self):
        self.suite({"test_first.py": """
            import os, time
            with open(os.environ["READY"], "w") as file:
                file.write("loading\\n")
            time.sleep(1000)
            """})
        program = self.start_test(env={"READY": self.ready.path})
        self.assertEqual(self.ready.line(program), "loading")
        program.signal(signal.SIGINT)
        result = self.result_of(program)
        self.assertEqual(result.status, -signal.SIGINT)
        self.assertEqual(result.tally["selected"], 0)

    def test_ctrl_c_ends_commands(self):
        self.suite({"job": "#!/bin/bash\necho $$ > $READY\nsleep 1000\n"})
        program, _ = self.begin("--runner", "./job", "a", "b")
        program.signal(signal.SIGINT)
        result = self.result_of(program)
        self.assertEqual(result.status, -signal.SIGINT)
        self.assertStates(result, {"a": "not run", "b": "not run"})

    def test_reports_are_written_after_ctrl_c(self):
        program, _ = self.begin("--xunit", "--xunit-output", "all.xml")
        program.signal(signal.SIGINT)
        self.result_of(program)
        cases = list(self.xml("all.xml").iter("testcase"))
        self.assertEqual(len(cases), 4)
        self.assertEqual(sum(case.find("skipped") is not None
                             for case in cases), 3)

    def test_ctrl_c_on_the_terminal_reaches_mule_alone(self):
        program = self.on_terminal("test", "-j", "1",
                                   env={"READY": self.ready.path})
        self.ready.line(program)
        program.type("\x03")
        self.assertEqual(program.wait(), -signal.SIGINT)
        self.assertIn("1 passed + 0 failed + 0 skipped + 3 not run",
                      program.shown())


class Asking(Waiting):

    def test_SIGUSR1_says_what_is_running_now(self):
        program, _ = self.begin()
        program.wait_event("test_started", id="test_it.T.test_b")
        program.signal(signal.SIGUSR1)
        program.wait_text(r"slot 0 +test_it\.T\.test_b")
        program.signal(signal.SIGINT)
        self.result_of(program)

    def test_enter_says_what_is_running_now(self):
        program = self.on_terminal(
            "test", "-j", "1", "--json", self.path("events"),
            env={"READY": self.ready.path, "TERM": "dumb"})
        self.ready.line(program)
        program.wait_until(lambda: "test_started" in self.read("events"),
                           "the news that test_b runs", ticking=True)
        self.assertNotIn("test_b", program.shown())
        program.type("\r")
        program.wait_shown(r"slot 0 +test_it\.T\.test_b")
        program.type("q")
        program.wait()

    def test_q_stops_by_choice(self):
        program = self.on_terminal("test", "-j", "1",
                                   env={"READY": self.ready.path})
        self.ready.line(program)
        program.type("q")
        self.assertEqual(program.wait(), 2, program.describe())
        self.assertIn("3 not run", program.shown())

    def test_the_terminal_is_as_before_at_the_end(self):
        for way in ("q", "\x03"):
            with self.subTest(way=way):
                program = self.on_terminal("test", "-j", "1",
                                           env={"READY": self.ready.path})
                self.ready.line(program)
                program.type(way)
                program.wait()
                modes = termios.tcgetattr(program.master)[3]
                for mode in (termios.ECHO, termios.ICANON, termios.ISIG):
                    self.assertNotEqual(modes & mode, 0)


class Pausing(Waiting):

    def shell(self, *args, **more):
        """A shell with job control, as people have it."""
        return self.on_terminal(
            "-c", 'set -m; "$0" "$@"; echo "STOPPED"; read line; fg; '
                  'echo "STATUS $?"', BINARY, "test", "-j", "1", *args,
            binary="/bin/bash",
            env={"READY": self.ready.path, "TERM": "dumb"}, **more)

    def test_ctrl_z_pauses_everything_and_fg_goes_on(self):
        go = self.fifo("go")
        self.suite({"test_it.py": CLASS + """
    def test_b(self):
        with open(os.environ["READY"], "w") as file:
            file.write(f"{os.getpid()}\\n")
        with open(os.environ["GO"]) as file: file.readline()
        print("goes on")
""", "test_other.py": ""})
        self.environment["GO"] = go.path
        program = self.shell("--verbosity", "3")
        pid = int(self.ready.line(program))
        program.type("\x1a")
        program.wait_shown("STOPPED")
        program.wait_until(lambda: processes.state_of(pid) == "T",
                           "a process that stands still", ticking=True)
        program.type("\n")
        program.wait_until(lambda: processes.state_of(pid) == "S",
                           "a process that goes on", ticking=True)
        go.write()
        program.wait_shown("STATUS 0")
        self.assertIn("goes on", program.shown())
        program.wait()

    def test_limits_stand_still_while_it_is_paused(self):
        go = self.fifo("go")
        self.suite({"test_it.py": CLASS + """
    def test_b(self):
        with open(os.environ["READY"], "w") as file:
            file.write(f"{os.getpid()}\\n")
        with open(os.environ["GO"]) as file: file.readline()
""", "test_other.py": ""})
        self.environment["GO"] = go.path
        program = self.shell("--test-timeout", "3", "--timeout", "3",
                             "--max-time", "5")
        pid = int(self.ready.line(program))
        program.type("\x1a")
        program.wait_shown("STOPPED")
        program.wait_until(lambda: processes.state_of(pid) == "T",
                           "a process that stands still", ticking=True)
        program.expect_silence(5)  # longer than any of the limits
        program.type("\n")
        go.write()
        program.wait_shown("STATUS 0")
        program.wait()
