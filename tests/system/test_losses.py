"""A process that starts others is killed from outside in the middle of a run.

Every test still ends in one state, and the run comes to its end.
"""

import os
import signal

from support import processes
from support.mule_case import MuleCase

# A command that says its process, and then waits until it is told to go on.
WAITING = """
    #!/bin/sh
    [ "$TEST" = other ] && exit 0
    echo $$ $MULE_JOB >"$READY"
    read line <"$GO"
    exit 0
    """
SUITE = """
    import os, unittest
    class Quick(unittest.TestCase):
        def test_it(self): pass
    class Waiting(unittest.TestCase):
        def test_a(self):
            with open(os.environ["READY"], "w") as file:
                file.write(f"{os.getpid()}\\n")
            with open(os.environ["GO"]) as file:
                file.readline()
        def test_b(self): pass
    class Zlast(unittest.TestCase):
        def test_it(self): pass
    """


class Losses(MuleCase):

    def setUp(self):
        super().setUp()
        self.ready = self.fifo("ready")
        self.go = self.fifo("go")
        self.variables_of_suite = {"READY": self.ready.path,
                                   "GO": self.go.path}

    def kill_guardian_of(self, program, pid):
        """Kills the child of mule's own that the process descends from."""
        while processes.parent_of(pid) != program.pid:
            pid = processes.parent_of(pid)
            self.assertGreater(pid, 1)
        os.kill(pid, signal.SIGKILL)

    def start_commands(self, *args):
        self.suite({"job": WAITING})
        return self.start_test("--runner", "./job $TEST", "waiting", *args,
                               env=self.variables_of_suite)

    def test_a_command_whose_guardian_died_runs_again(self):
        program = self.start_commands("-j", "1")
        first, tag = self.ready.line(program).split()
        self.kill_guardian_of(program, int(first))
        second, other_tag = self.ready.line(program).split()
        self.assertNotEqual(first, second)
        self.assertNotEqual(tag, other_tag)
        self.assertEqual(processes.wait_for_end([int(first)], 2), [])
        self.go.write()
        result = self.result_of(program)
        self.assertStates(result, {"waiting": "passed"})
        self.assertEqual(result.finished["waiting"]["attempt"], 2)
        self.assertEqual(result.status, 0, result.text)

    def test_a_command_that_loses_two_guardians_is_an_error(self):
        program = self.start_commands("other", "-j", "1")
        for _ in range(2):
            pid, _ = self.ready.line(program).split()
            self.kill_guardian_of(program, int(pid))
        result = self.result_of(program)
        self.assertStates(result, {"waiting": "lost", "other": "passed"})
        self.assertEqual(result.status, 1, result.text)
        self.assertSays(result.text, "guardian")

    def zygote_below(self, program):
        for pid in processes.descendants_of(program.pid):
            env = processes.environment_of(pid)
            if env.get("MULE_ROLE") == "zygote" and (
                    processes.parent_of(processes.parent_of(pid))
                    == program.pid):
                return pid
        raise AssertionError("there is no zygote")

    def start_suite(self, *args):
        self.suite({"test_it.py": SUITE})
        return self.start_test("-j", "1", *args, env=self.variables_of_suite)

    def test_the_process_that_loaded_the_suite_is_killed(self):
        for isolation in ("class", "worker", "test"):
            with self.subTest(isolation=isolation):
                program = self.start_suite("--isolation", isolation)
                self.ready.line(program)
                os.kill(self.zygote_below(program), signal.SIGKILL)
                self.ready.line(program)  # it was lost, and runs again
                self.go.write()
                result = self.result_of(program)
                self.assertEqual(result.count("passed"), 4, result.text)
                self.assertEqual(result.status, 0, result.text)

    def test_the_guardian_of_a_suite_is_killed(self):
        program = self.start_suite()
        pid = int(self.ready.line(program))
        self.kill_guardian_of(program, pid)
        self.ready.line(program)
        self.assertEqual(processes.wait_for_end([pid], 2), [])
        self.go.write()
        result = self.result_of(program)
        self.assertEqual(result.count("passed"), 4, result.text)
        self.assertEqual(result.status, 0, result.text)

    def test_a_suite_that_loses_all_its_guardians_twice_gives_the_test_up(self):
        program = self.start_suite()
        for _ in range(2):
            self.kill_guardian_of(program, int(self.ready.line(program)))
        result = self.result_of(program)
        self.assertEqual(len(result.states), 4, result.text)
        self.assertEqual(result.states["test_it.Waiting.test_a"], "lost",
                         result.text)
        self.assertEqual(result.states["test_it.Quick.test_it"], "passed")
        self.assertEqual(result.status, 1, result.text)
