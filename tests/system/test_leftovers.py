"""What tests leave running, and what is left when mule itself is killed."""

import os
import signal

from support import processes
from support.mule_case import BINARY, CLASS, MARK, MuleCase

LEAK = CLASS + """
    def test_a(self):
        import subprocess
        self.child = subprocess.Popen(["sleep", "1001"])
    def test_b(self): pass
"""
# A process in a session of its own that wants to live.
DAEMON = CLASS + """
    def test_a(self):
        pid = os.fork()
        if pid == 0:
            os.setsid()
            if os.fork() == 0:
                import signal
                for number in (1, 2, 3, 15):
                    signal.signal(number, signal.SIG_IGN)
                with open(os.environ["READY"], "w") as file:
                    file.write(f"{os.getpid()}\\n")
                while True:
                    signal.pause()
            os._exit(0)
        os.waitpid(pid, 0)
        THEN
"""


class Leaks(MuleCase):

    def test_a_child_left_running_is_named_and_ended(self):
        self.suite({"test_it.py": LEAK})
        result = self.mule_test()
        leak, = result.all("leaked")
        self.assertIn("sleep 1001", leak["command"])
        self.assertEqual(leak["job_name"], "test_it.T")
        self.assertEqual(result.tally["leaks"], 1)
        self.assertSays(result.out, "sleep 1001", "1 leaked process")

    def test_it_is_found_under_every_isolation(self):
        self.suite({"test_it.py": LEAK})
        for args in (["--isolation", "worker"], ["--isolation", "test"],
                     ["--start", "spawn"]):
            with self.subTest(args=args):
                result = self.mule_test(*args)
                self.assertEqual(result.tally["leaks"], 1)

    def test_a_daemon_that_ignores_signals_is_ended(self):
        ready = self.fifo("ready")
        self.suite({"test_it.py": DAEMON.replace("THEN", "pass")})
        program = self.start_test(env={"READY": ready.path})
        pid = int(ready.line(program))
        result = self.result_of(program)
        self.assertEqual(result.status, 0)
        self.assertEqual(result.tally["leaks"], 1)
        self.assertEqual(processes.state_of(pid), "")

    def test_a_process_without_an_environment_is_found(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import subprocess
        subprocess.Popen(["setsid", "env", "-i", "sleep", "1002"])
"""})
        result = self.mule_test()
        self.assertEqual(result.tally["leaks"], 1)

    def test_a_leak_of_a_crash_is_ended(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import subprocess
        subprocess.Popen(["sleep", "1003"])
        os.abort()
"""})
        self.mule_test(status=1)

    def test_a_leak_of_a_command_is_named_and_ended(self):
        self.suite({"job": "#!/bin/sh\nsleep 1004 >/dev/null 2>&1 &\n"
                           "setsid sleep 1005 >/dev/null 2>&1 &\n"})
        result = self.mule_test("--runner", "./job", "one")
        self.assertEqual(result.tally["leaks"], 2)
        self.assertEqual({leak["job_name"] for leak in result.all("leaked")},
                         {"one"})

    def test_a_leak_that_holds_the_output_cannot_hang_the_run(self):
        self.suite({"job": "#!/bin/sh\necho said\nsleep 1006 &\n"})
        result = self.mule_test("--runner", "./job", "one")
        self.assertEqual(result.output_of("one"), "said\n")
        self.assertEqual(result.tally["leaks"], 1)

    def test_a_child_that_ends_by_itself_in_time_is_no_leak(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import subprocess
        subprocess.Popen(["true"])
"""})
        self.assertEqual(self.mule_test().tally["leaks"], 0)

    def test_many_leaks_are_all_ended(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import subprocess
        for i in range(50):
            subprocess.Popen(["sleep", "1007"], start_new_session=i % 2)
"""})
        self.assertEqual(self.mule_test().tally["leaks"], 50)

    def test_threads_that_do_not_end_are_ended_with_their_process(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import threading
        for i in range(10):
            threading.Thread(target=threading.Event().wait).start()
"""})
        self.assertEqual(self.mule_test().tally["leaks"], 0)


class Zombies(MuleCase):

    def test_there_are_none_while_mule_runs(self):
        ready, go = self.fifo("ready"), self.fifo("go")
        self.suite({
            "test_a.py": CLASS + """
    def test_a(self):
        import subprocess
        for i in range(20):
            subprocess.Popen(["setsid", "true"])
    def test_b(self): os.abort()
""",
            "test_b.py": CLASS + """
    def test_c(self):
        with open(os.environ["READY"], "w") as file: file.write("here\\n")
        with open(os.environ["GO"]) as file: file.readline()
"""})
        program = self.start_test("-j", "1", env={"READY": ready.path,
                                                  "GO": go.path})
        self.assertEqual(ready.line(program), "here")
        program.wait_until(
            lambda: not processes.zombies_below(program.pid),
            "an end of the zombies", ticking=True)
        go.write()
        result = self.result_of(program)
        self.assertEqual(result.status, 1)


class Killed(MuleCase):
    """SIGKILL of mule leaves nothing of it running two seconds later."""

    def begin(self, then, *args, **more):
        self.ready = self.fifo(f"ready{len(self.running)}")
        self.suite({"test_it.py": DAEMON.replace("THEN", then),
                    "job": "#!/bin/bash\nsetsid sleep 1008 &\ntrap '' TERM\n"
                           "echo $$ > $READY\nwhile :; do wait; done\n"})
        program = self.start_test(*args, env={"READY": self.ready.path},
                                  **more)
        pid = int(self.ready.line(program))
        return program, pid

    def check_gone(self, program):
        own = processes.with_variable(MARK, self.mark)
        self.assertIn(program.pid, own)
        self.assertGreaterEqual(len(own), 3)
        program.signal(signal.SIGKILL)
        self.assertEqual(program.wait(), -signal.SIGKILL)
        self.assertEqual([processes.command_of(pid) for pid in
                          processes.wait_for_end(own, 2)], [])

    def test_with_a_daemon_and_a_test_in_a_sleep(self):
        program, pid = self.begin("import time; time.sleep(1000)")
        self.check_gone(program)
        self.assertEqual(processes.state_of(pid), "")

    def test_with_a_test_that_blocks_all_signals(self):
        program, pid = self.begin(
            "import signal\n        signal.pthread_sigmask(signal.SIG_BLOCK,"
            " range(1, signal.NSIG))\n        signal.sigwait([62])")
        self.check_gone(program)

    def test_under_shared_and_spawned_workers(self):
        for args in (["--isolation", "worker"], ["--start", "spawn"]):
            with self.subTest(args=args):
                program, _ = self.begin("import time; time.sleep(1000)",
                                        *args)
                self.check_gone(program)

    def test_with_commands(self):
        program, _ = self.begin("pass", "--runner", "./job", "a")
        self.check_gone(program)

    def test_while_the_suite_is_loaded(self):
        ready = self.fifo("loading")
        self.suite({"test_it.py": """
            import os, time
            with open(os.environ["READY"], "w") as file:
                file.write("here\\n")
            time.sleep(1000)
            """})
        program = self.start_test(env={"READY": ready.path})
        self.assertEqual(ready.line(program), "here")
        self.check_gone(program)

    def test_with_mule_inside_mule(self):
        ready = self.fifo("inner")
        self.suite({
            "test_outer.py": CLASS + """
    def test_a(self):
        import subprocess
        subprocess.run([os.environ["BINARY"], "test", "-s", "inner"])
""",
            "inner/test_inner.py": CLASS + """
    def test_a(self):
        import time
        with open(os.environ["READY"], "w") as file: file.write("here\\n")
        time.sleep(1000)
"""})
        program = self.start_test("test_outer.py", env={
            "READY": ready.path, "BINARY": BINARY})
        self.assertEqual(ready.line(program), "here")
        self.check_gone(program)

    def test_its_folder_is_removed_all_the_same(self):
        program, _ = self.begin("import time; time.sleep(1000)")
        own = processes.with_variable(MARK, self.mark)
        self.assertNotEqual(os.listdir(self.tmp), [])
        program.signal(signal.SIGKILL)
        program.wait()
        processes.wait_for_end(own, 2)
        self.assertEqual(os.listdir(self.tmp), [])

    def test_a_guardian_that_is_killed_is_told_and_costs_no_hang(self):
        program, _ = self.begin("import time; time.sleep(1000)", "-j", "1")
        for child in processes.children_of(program.pid):
            os.kill(child, signal.SIGKILL)
        self.ready.line(program)  # lost once: it was given out again
        for child in processes.children_of(program.pid):
            os.kill(child, signal.SIGKILL)
        result = self.result_of(program)
        self.assertIn(result.status, (1, 3), result.text)
        self.assertStates(result, {"test_it.T.test_a": "lost"})
