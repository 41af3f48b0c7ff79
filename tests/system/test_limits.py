"""Limits of time and of failures, and what mule says when one is reached."""

import os

from support.mule_case import CLASS, MuleCase

HANG = CLASS + """
    def test_a(self): pass
    def test_b(self):
        print("before it hangs")
        import time
        time.sleep(1000)
    def test_c(self): pass
"""


class Timeouts(MuleCase):

    def test_a_test_that_takes_too_long_is_ended_and_no_other(self):
        self.suite({"test_it.py": HANG})
        result = self.mule_test("--test-timeout", "0.5", status=1)
        self.assertStates(result, {"test_it.T.test_a": "passed",
                                   "test_it.T.test_b": "timeout",
                                   "test_it.T.test_c": "passed"})
        event = result.finished["test_it.T.test_b"]
        self.assertIn("--test-timeout", event["findings"][0]["message"])
        self.assertEqual(event["out"]["head"], "before it hangs\n")

    def test_it_tells_where_it_was_before_it_was_ended(self):
        self.suite({"test_it.py": HANG})
        result = self.mule_test("--test-timeout", "0.5", status=1)
        dump = result.output_of("test_it.T.test_b", "err")
        self.assertRegex(dump, r'test_it\.py", line 8')
        self.assertIn("test_b", dump)

    def test_every_thread_tells_where_it_was(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import threading, time
        def in_the_thread():
            time.sleep(1000)
        threading.Thread(target=in_the_thread, daemon=True).start()
        time.sleep(1000)
"""})
        result = self.mule_test("--test-timeout", "0.5", status=1)
        self.assertSays(result.output_of("test_it.T.test_a", "err"),
                        "in_the_thread", "test_a")

    def test_under_every_isolation_a_test_is_ended(self):
        self.suite({"test_it.py": HANG})
        for args in (["--isolation", "worker"], ["--isolation", "test"],
                     ["--start", "spawn"]):
            with self.subTest(args=args):
                result = self.mule_test("--test-timeout", "0.5", *args,
                                        status=1)
                self.assertEqual((result.count("passed"),
                                  result.count("timeout")), (2, 1))

    def test_a_job_that_takes_too_long_is_ended(self):
        self.suite({"test_it.py": HANG})
        result = self.mule_test("--timeout", "0.5", status=1)
        self.assertStates(result, {"test_it.T.test_a": "passed",
                                   "test_it.T.test_b": "timeout",
                                   "test_it.T.test_c": "not run"})
        self.assertIn("--timeout", str(
            result.finished["test_it.T.test_b"]["findings"]))

    def test_who_ignores_the_request_to_end_is_killed(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import signal, time
        signal.signal(signal.SIGTERM, lambda *_: print("not me"))
        while True:
            time.sleep(1000)
    def test_b(self): pass
"""})
        result = self.mule_test("--test-timeout", "0.3", "--grace", "0.3",
                                status=1)
        self.assertStates(result, {"test_it.T.test_a": "timeout",
                                   "test_it.T.test_b": "passed"})
        self.assertEqual(result.output_of("test_it.T.test_a"), "not me\n")

    def test_who_blocks_every_signal_is_killed(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
        signal.sigwait([signal.SIGUSR2])
"""})
        result = self.mule_test("--test-timeout", "0.3", "--grace", "0.3",
                                status=1)
        self.assertStates(result, {"test_it.T.test_a": "timeout"})

    def test_a_fixture_that_hangs_is_ended_by_the_limit_of_its_job(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def setUpClass(cls):
        import time
        time.sleep(1000)
    def test_a(self): pass
class U(unittest.TestCase):
    def test_b(self): pass
"""})
        result = self.mule_test("--timeout", "0.5", status=1)
        self.assertEqual(result.states["test_it.U.test_b"], "passed")
        self.assertNotEqual(result.states["test_it.T.test_a"], "passed")
        self.assertEqual(result.count("timeout"), 1)

    def test_its_children_are_ended_with_it(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import subprocess
        subprocess.run(["sleep", "1000"])
"""})
        result = self.mule_test("--test-timeout", "0.3", status=1)
        self.assertStates(result, {"test_it.T.test_a": "timeout"})

    def test_a_command_that_takes_too_long_is_ended(self):
        self.suite({"job": "#!/bin/sh\necho begun\nsleep 1000\n"})
        result = self.mule_test("--runner", "./job", "--timeout", "0.3", "a",
                                status=1)
        self.assertStates(result, {"a": "timeout"})
        self.assertEqual(result.output_of("a"), "begun\n")

    def test_a_limit_of_its_own_can_be_given_to_some(self):
        self.suite({"mule.yaml": """
            overrides:
              - match: "*.Slow"
                test-timeout: 0.4
            """, "test_it.py": CLASS + """
    def test_a(self): pass
class Slow(unittest.TestCase):
    def test_b(self):
        import time
        time.sleep(1000)
"""})
        result = self.mule_test("--test-timeout", "60", status=1)
        self.assertStates(result, {"test_it.T.test_a": "passed",
                                   "test_it.Slow.test_b": "timeout"})

    def test_the_whole_run_has_a_limit(self):
        self.suite({"test_it.py": HANG, "test_later.py": HANG})
        result = self.mule_test("--max-time", "1", "-j", "1", status=2)
        self.assertEqual(result.tally["stop"], "time")
        self.assertEqual(result.count("passed"), 1)
        self.assertEqual(len(result.states), 6)
        self.assertIn("--max-time", result.out)


class Slowness(MuleCase):

    def test_a_test_that_is_slow_is_told_while_it_runs(self):
        go = self.fifo("go")
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        with open(os.environ["GO"]) as file: file.readline()
"""})
        program = self.start_test("--slow", "0.2", env={"GO": go.path})
        event = program.wait_event("test_slow", id="test_it.T.test_a")
        self.assertGreaterEqual(event["us"], 200000)
        go.write()
        result = self.result_of(program)
        self.assertEqual((result.status, len(result.all("test_slow"))),
                         (0, 1))
        self.assertIn("slow: test_it.T.test_a", result.text)


class Failures(MuleCase):

    def many(self, *args, **more):
        self.suite({f"test_{i:02}.py": CLASS + "    def test_a(self):"
                    + (" self.fail()\n" if i % 2 else " pass\n")
                    for i in range(20)})
        return self.mule_test("-j", "1", *args, status=1, **more)

    def test_failfast_stops_at_the_first_failure(self):
        result = self.many("--failfast")
        self.assertEqual(result.count("failed"), 1)
        self.assertGreaterEqual(result.count("not run"), 10)
        self.assertEqual(result.tally["stop"], "failures")
        self.assertIn("Stopped early", result.out)

    def test_max_fail_stops_at_that_many(self):
        result = self.many("--max-fail", "3")
        self.assertEqual(result.count("failed"), 3)
        self.assertGreaterEqual(result.count("not run"), 5)

    def test_max_fail_that_is_not_reached_stops_nothing(self):
        result = self.many("--max-fail", "11")
        self.assertEqual((result.count("failed"), result.count("passed")),
                         (10, 10))
        self.assertNotIn("stop", result.tally)

    def test_failfast_ends_what_runs_beside(self):
        ready, go = self.fifo("ready"), self.fifo("go")
        self.suite({"test_a.py": CLASS + """
    def test_a(self):
        with open(os.environ["GO"]) as file: file.readline()
        self.fail()
""", "test_b.py": CLASS + """
    def test_b(self):
        with open(os.environ["READY"], "w") as file: file.write("here\\n")
        import time
        time.sleep(1000)
"""})
        program = self.start_test("--failfast", "-j", "2",
                                  env={"READY": ready.path, "GO": go.path})
        self.assertEqual(ready.line(program), "here")
        go.write()
        result = self.result_of(program)
        self.assertEqual(result.status, 1)
        self.assertStates(result, {"test_a.T.test_a": "failed",
                                   "test_b.T.test_b": "not run"})

    def test_failfast_keeps_the_results_that_are_there(self):
        self.suite({"test_a.py": CLASS + "".join(
            f"    def test_{i:02}(self): pass\n" for i in range(50))
            + "    def test_99(self): self.fail()\n"})
        result = self.mule_test("--failfast", status=1)
        self.assertEqual((result.count("passed"), result.count("failed")),
                         (50, 1))

    def test_a_crash_counts_as_a_failure(self):
        self.suite({"test_a.py": CLASS + """
    def test_a(self): os.abort()
    def test_b(self): pass
"""})
        result = self.mule_test("--failfast", status=1)
        self.assertStates(result, {"test_a.T.test_a": "crashed",
                                   "test_a.T.test_b": "not run"})


class Slots(MuleCase):

    def slots(self, *args, **more):
        self.suite({"test_it.py": CLASS + "    def test_a(self): pass\n"})
        return self.mule_test(*args, **more).all("run_started")[0]["slots"]

    def test_slots_default_to_the_cpus_that_may_be_used(self):
        cpu = min(os.sched_getaffinity(0))
        self.assertEqual(self.slots(
            limits=lambda: os.sched_setaffinity(0, {cpu})), 1)
        self.assertLessEqual(self.slots(), len(os.sched_getaffinity(0)))

    def test_slots_are_as_many_as_asked_for(self):
        self.assertEqual(self.slots("-j", "5"), 5)
        self.assertEqual(self.slots("--max-workers", "3"), 3)
