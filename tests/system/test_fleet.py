"""Builds on a fleet of native workers, over real brokers."""

import json
import os
import signal
import time

from support import brokers, celery_env, processes
from support.fleet_case import SMALL, SMALL_STATES, FleetCase

# Their tests say that they run, and wait until they may end.
WAITS = """
    import os, unittest
    class Waits:
        def test_wait(self):
            with open(os.environ["READY"], "w") as file:
                file.write(f"{os.getpid()} {os.environ['MULE_SLOT']}\\n")
            # Not a byte more: others wait for theirs.
            os.read(os.open(os.environ["GO"], os.O_RDONLY), 3)
    """
ONE_WAITING = WAITS + """
    class Waiting(Waits, unittest.TestCase): pass
    """
MANY_WAITING = WAITS + """
    class A(Waits, unittest.TestCase): pass
    class B(Waits, unittest.TestCase): pass
    class C(Waits, unittest.TestCase): pass
    """
PASSING = """
    import unittest
    class %s(unittest.TestCase):
        def test_it(self): pass
    """


class Builds:

    def waiting(self, text=ONE_WAITING):
        """A suite whose tests wait; gives the pipes, and sets their names."""
        self.suite({"test_wait.py": text})
        self.ready, self.go = self.fifo("ready"), self.fifo("go")
        self.environment.update(READY=self.ready.path, GO=self.go.path)
        return self.ready, self.go

    def names(self, result, what):
        return [event["worker"] for event in result.all("worker")
                if event["what"] == what]

    # -------------------------------------------------------- good weather

    def test_each_test_has_its_state_wherever_it_ran(self):
        self.suite({"test_small.py": SMALL, "test_crash.py": """
            import os, unittest
            class Crash(unittest.TestCase):
                def test_x(self): os.kill(os.getpid(), 11)
                def test_y(self): pass
            """})
        self.start_worker(name="one", slots=2)
        result = self.distributed("--xunit", status=1)
        self.assertStates(result, {
            **SMALL_STATES, "test_crash.Crash.test_x": "crashed",
            "test_crash.Crash.test_y": "passed"})
        self.assertEqual(result.output_of("test_small.Second.test_d"),
                         "said by d\n")
        joined = self.names(result, "joined")
        self.assertEqual(len(joined), 1)
        self.assertRegex(joined[0], "^one@")
        self.assertEqual(self.names(result, "left"), joined)
        for event in result.all("test_finished"):
            self.assertEqual(event["worker"], joined[0])
        self.assertSays(result.out, "Fleet: 1 worker: one@")
        case = self.xml("xunit", "TEST-test_small.First.xml").find(
            ".//property[@name='worker']")
        self.assertEqual(case.get("value"), joined[0])

    def test_workers_are_told_what_the_build_is(self):
        self.suite({"test_env.py": """
            import os, unittest
            class Env(unittest.TestCase):
                def test_it(self):
                    print(os.environ["MULE_BUILD_ID"],
                          os.environ["MULE_SLOT"], "MULE_BROKER" in os.environ,
                          "MULE_SECRET" in os.environ)
            """})
        self.start_worker()
        result = self.distributed()
        self.assertEqual(result.output_of("test_env.Env.test_it"),
                         f"{self.builds[0]} 0 False False\n")

    def test_many_short_tests_come_home(self):
        self.suite({"test_many.py": """
            import unittest
            for i in range(300):
                exec(f"class T{i}(unittest.TestCase):\\n"
                     "    def test_a(self): pass\\n"
                     "    def test_b(self): pass\\n")
            """})
        self.start_worker(name="one", slots=2)
        self.start_worker(name="two", slots=1)
        result = self.distributed()
        self.assertEqual(result.count("passed"), 600)
        self.assertEqual(result.tally["late"], 0)
        self.assertEqual(result.tally["retried"], 0)

    def test_programs_run_on_workers_too(self):
        self.start_worker()
        result = self.distributed("--runner", "test $TEST != b", "--format",
                                  "exit", "a", "b", "c", status=1)
        self.assertStates(result, {"a": "passed", "b": "failed",
                                   "c": "passed"})

    def test_scripts_of_the_workspace_run_once_for_each_join(self):
        self.workspace()
        self.suite({"test_a.py": PASSING % "A", "test_b.py": PASSING % "B"})
        self.start_worker(name="one")
        self.start_worker(name="two")
        result = self.distributed("--workspace", "ci")
        joins = len(self.names(result, "joined"))
        self.assertGreaterEqual(joins, 1)
        self.assertEqual(self.noted("setup"),
                         [f"{self.builds[0]} ci"] * joins)
        self.assertEqual(self.noted("teardown"), self.noted("setup"))

    def test_what_setup_prints_is_in_the_log_of_the_build(self):
        self.suite({"mule.yaml": "workspaces: {ci: {setup: echo prepared}}\n",
                    "test_a.py": PASSING % "A"})
        self.start_worker()
        result = self.distributed("--workspace", "ci", "-v")
        self.assertRegex(result.out, r"(?m)^one@\S+ \| prepared$")
        self.assertIn("prepared\n", [event.get("text") for event in
                                     result.all("worker")
                                     if event["what"] == "said"])

    def test_this_machine_works_too_from_the_first_second(self):
        ready, go = self.waiting(MANY_WAITING)
        program = self.start_distributed("-j", "1")
        _, slot = ready.line(program).split()
        self.assertEqual(slot, "0")
        self.start_worker(name="late")
        _, slot = ready.line(program).split()
        self.assertEqual(slot, "1")
        go.write("go\ngo\ngo\n")
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)
        slots = sorted({event["slot"] for event in
                        result.all("test_finished")})
        self.assertEqual(slots, [0, 1])

    def test_a_worker_that_comes_late_gets_work(self):
        ready, go = self.waiting(MANY_WAITING)
        self.start_worker(name="one")
        program = self.start_distributed()
        ready.line(program)
        self.start_worker(name="two", slots=2)
        ready.line(program)
        ready.line(program)
        go.write("go\ngo\ngo\n")
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)
        self.assertEqual(len(self.names(result, "joined")), 2)

    def test_no_more_workers_are_taken_than_wanted(self):
        self.suite({f"test_{c}.py": PASSING % c for c in "ABCDEF"})
        self.start_worker(name="one")
        self.start_worker(name="two")
        result = self.distributed("--max-workers", "1")
        self.assertEqual(len(set(self.names(result, "joined"))), 1)

    def test_two_builds_share_a_fleet(self):
        ready, go = self.waiting()
        self.start_worker(name="one")
        self.start_worker(name="two")
        first = self.start_distributed()
        ready.line(first)
        second = self.start_distributed()
        ready.line(second)
        go.write("go\ngo\n")
        for program in (first, second):
            result = self.result_of(program)
            self.assertEqual(result.status, 0, result.text)
            self.assertStates(result,
                              {"test_wait.Waiting.test_wait": "passed"})

    def test_a_second_build_gets_the_worker_that_the_first_released(self):
        ready, go = self.waiting()
        self.start_worker(name="one")
        first = self.start_distributed()
        ready.line(first)
        second = self.start_distributed()
        go.write()
        self.assertEqual(self.result_of(first).status, 0)
        ready.line(second)
        go.write()
        self.assertEqual(self.result_of(second).status, 0)

    def test_others_see_what_a_build_does(self):
        ready, go = self.waiting(MANY_WAITING)
        self.start_worker(name="one")
        program = self.start_distributed()
        ready.line(program)
        program.wait_event("test_started")
        seen = json.loads(self.mule("status", "--json").out)
        self.assertEqual(len(seen["builds"]), 1, seen)
        build = seen["builds"][0]
        self.assertEqual(
            {name: build[name] for name in ("build", "state", "workers",
                                            "slots", "selected", "finished",
                                            "waiting")},
            {"build": self.builds[0], "state": "running", "workers": 1,
             "slots": 1, "selected": 3, "finished": 0, "waiting": 2})
        go.write("go\ngo\ngo\n")
        self.assertEqual(self.result_of(program).status, 0)

    def test_under_a_secret_only_those_who_know_it_work(self):
        self.suite({"test_a.py": PASSING % "A"})
        path = os.path.join(self.home, "secret")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600),
                  "w") as file:
            file.write("shh\n")
        self.start_worker(name="stranger")
        self.start_worker("--secret-file", path, name="friend")
        result = self.distributed("--secret-file", path)
        self.assertRegex(self.names(result, "joined")[0], "^friend@")
        self.assertEqual(len(self.names(result, "joined")), 1)

    # -------------------------------------------------------- bad weather

    def test_what_a_killed_worker_ran_runs_on_another_one(self):
        ready, go = self.waiting()
        victim = self.start_worker(name="victim")
        program = self.start_distributed()
        ready.line(program)
        program.wait_event("test_started")
        os.kill(victim.pid, signal.SIGKILL)
        del self.workers["victim"]
        self.start_worker(name="other")
        ready.line(program)
        go.write()
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)
        self.assertRegex(self.names(result, "lost")[0], "^victim@")
        self.assertEqual(result.tally["retried"], 1)
        self.assertEqual(
            result.finished["test_wait.Waiting.test_wait"]["attempt"], 2)
        self.assertSays(result.err, "1 lost")

    def test_a_killed_worker_that_starts_again_is_not_waited_for(self):
        ready, go = self.waiting()
        victim = self.start_worker(name="one")
        program = self.start_distributed("--lease", "60s")
        ready.line(program)
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        self.start_worker(name="one")
        ready.line(program)
        go.write()
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)

    def test_a_worker_whose_setup_fails_says_why(self):
        self.suite({"mule.yaml": "workspaces:\n  ci:\n"
                    "    setup: echo no database; exit 7\n",
                    "test_a.py": PASSING % "A"})
        self.start_worker()
        result = self.distributed("--workspace", "ci", "--wait", "2s",
                                  status=3)
        self.assertSays(result.text, "no database", "could not get ready")
        self.assertEqual(result.states, {"test_a.A.test_it": "not run"})

    def test_a_worker_that_knows_other_tests_is_named(self):
        self.suite({"test_a.py": PASSING % "A",
                    "elsewhere/test_a.py": PASSING % "Other"})
        self.start_worker(cwd=self.path("elsewhere"))
        result = self.distributed(status=1)
        self.assertStates(result, {"test_a.A.test_it": "error"})
        finding = result.finished["test_a.A.test_it"]["findings"][0]
        self.assertSays(finding["message"], "one@")

    def test_nobody_comes(self):
        self.suite({"test_a.py": PASSING % "A"})
        result = self.distributed("--wait", "1s", status=3)
        self.assertSays(result.err, "no worker came within 1 s",
                        'queue "default"', "mule worker")
        self.assertNotIn("hush", result.text)

    def test_a_node_that_does_not_know_mule_is_named(self):
        self.suite({"test_a.py": PASSING % "A",
                    "plain.py": "import celery\n"
                    "app = celery.Celery('plain')\n"})
        program = self.start(
            "-m", "celery", "-A", "plain", "-b", self.broker.url, "worker",
            "-Q", "default", "-n", "plain@here", "-c", "1", "--loglevel",
            "INFO", binary=celery_env.python("newest"))
        program.wait_text(r" ready\.")
        result = self.distributed("--wait", "1s", status=3)
        self.assertIn('1 node takes from queue "default" and does not know '
                      "mule: plain@here", result.notes)
        self.assertSays(result.err, "1 who take from it do not know mule")
        program.signal(signal.SIGTERM)
        program.wait()

    def test_the_broker_is_not_there(self):
        self.suite({"test_a.py": PASSING % "A"})
        port = brokers.free_port()
        url = self.broker.url.replace(str(self.broker.port), str(port))
        result = self.distributed("--broker", url, "--wait", "1s", status=3)
        self.assertSays(result.err, "refused", "mule doctor")

    def test_the_url_is_wrong(self):
        self.suite({"test_a.py": PASSING % "A"})
        result = self.distributed("--broker", "rabbit://here", status=4)
        self.assertSays(result.err, "rabbit://", "amqp")

    def test_what_cannot_be_distributed_is_refused(self):
        for words, what in ((["--pdb"], "the terminal"),
                            (["--no-capture"], "the terminal"),
                            (["--coverage"], "--coverage"),
                            (["--profile"], "--profile"),
                            (["--collect", "worker"], "--collect worker")):
            result = self.mule("test", "--distributed", *words)
            self.assertMistake(result, "--distributed", what)

    def test_a_broker_that_dies_and_comes_back_costs_no_test(self):
        ready, go = self.waiting(MANY_WAITING)
        self.start_worker(name="one")
        program = self.start_distributed("--lease", "60s")
        ready.line(program)
        self.broker.kill()
        program.wait_event("note", level="warning")
        self.broker.start()
        go.write("go\n")
        ready.line(program)
        go.write("go\n")
        ready.line(program)
        go.write("go\n")
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)
        self.assertEqual(result.count("passed"), 3)
        self.assertEqual(result.tally["retried"], 0)

    def test_what_happens_while_we_are_cut_off_is_told_later(self):
        ready, go = self.waiting()
        proxy = self.proxy()
        self.start_worker(name="one")
        program = self.start_distributed(
            "--broker", proxy.url(self.broker.url), "--lease", "6s")
        ready.line(program)
        proxy.drop()
        program.wait_event("note", level="warning")
        go.write()
        proxy.restore()
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)
        self.assertEqual(result.tally["retried"], 0)

    # ---------------------------------------------------------------- ends

    def test_the_first_failure_stops_the_fleet(self):
        ready, _ = self.waiting(MANY_WAITING + """
    class Z(unittest.TestCase):
        def test_fail(self):
            with open(os.environ["FAIL"]) as file:
                file.readline()
            self.fail("now")
    """)
        fail = self.fifo("fail")
        self.environment["FAIL"] = fail.path
        self.start_worker(name="one", slots=2)
        self.start_worker(name="two", slots=2)
        program = self.start_distributed("--failfast")
        for _ in range(3):
            ready.line(program)
        for name in "ABC":
            program.wait_event("test_started",
                               id=f"test_wait.{name}.test_wait")
        fail.write()
        failed = program.wait_event("test_finished", state="failed")
        result = self.result_of(program)
        self.assertEqual(result.status, 1, result.text)
        self.assertEqual(result.count("failed"), 1)
        self.assertEqual(result.count("not run"), 3)
        self.assertEqual(result.tally["stop"], "failures")
        began = {event["id"] for event in result.all("test_started")
                 if event["at_us"] > failed["at_us"]}
        self.assertEqual(began, set())

    def test_ctrl_c_ends_the_build_everywhere(self):
        ready, _ = self.waiting(MANY_WAITING)
        self.workspace()
        worker = self.start_worker(name="one", slots=2)
        program = self.start_distributed("--workspace", "ci")
        pids = [int(ready.line(program).split()[0]) for _ in range(2)]
        program.signal(signal.SIGINT)
        result = self.result_of(program)
        self.assertEqual(result.status, -signal.SIGINT, result.text)
        self.assertEqual(result.count("not run"), 3)
        self.assertEqual(processes.wait_for_end(pids, 10), [])
        self.assertEqual(len(self.noted("teardown")), 1)
        self.assertFalse(worker.has_ended())

    def test_a_killed_coordinator_leaves_nothing(self):
        ready, _ = self.waiting()
        self.workspace()
        self.start_worker()
        program = self.start_distributed("--workspace", "ci")
        pid = int(ready.line(program).split()[0])
        os.kill(program.pid, signal.SIGKILL)
        self.assertEqual(processes.wait_for_end([pid], 30), [])
        deadline = time.monotonic() + 30
        while not self.noted("teardown") and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(len(self.noted("teardown")), 1)

    def test_a_worker_that_is_stopped_gives_back_what_it_did_not_begin(self):
        ready, go = self.waiting(MANY_WAITING)
        self.start_worker(name="one")
        program = self.start_distributed()
        ready.line(program)
        os.kill(self.workers["one"].pid, signal.SIGTERM)
        self.start_worker(name="two")
        ready.line(program)
        go.write("go\ngo\ngo\n")
        result = self.result_of(program)
        self.assertEqual(result.status, 0, result.text)
        self.assertEqual(result.tally["retried"], 0)


class OnRedis(Builds, FleetCase):
    broker_kind = "redis"


class OnRabbit(Builds, FleetCase):
    broker_kind = "rabbitmq"
