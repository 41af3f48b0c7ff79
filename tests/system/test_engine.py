"""What a worker's engine does, spoken to as its worker does it."""

import base64
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile

from support import processes
from support.engine_case import Engine, EngineCase, order, program
from support.mule_case import CLASS, ROOT

FAKE = os.path.join(ROOT, "tests", "support", "fake_adapter.py")
IDS = ["test_it.T.test_a", "test_it.T.test_b", "test_it.T.test_c"]
SUITE = CLASS + """
    def test_a(self):
        print("from a")
    def test_b(self):
        self.fail("in b")
    def test_c(self):
        pass
"""


class Orders(EngineCase):

    def test_its_greeting_names_the_protocol_and_itself(self):
        engine = Engine(self)
        self.assertEqual(engine.hello["protocol"], "1.0")
        self.assertEqual(engine.hello["pid"], engine.program.pid)
        self.assertRegex(engine.hello["version"], r"^\d+\.\d+")
        self.assertTrue(self.tear_down(engine)["ok"])

    def test_a_job_gives_a_result_for_each_of_its_items(self):
        self.suite({"test_it.py": SUITE})
        engine = self.ready()
        engine.say("run", orders=[order(17, "test_it.T", IDS)])
        end = engine.await_update("end", 17)
        self.assertEqual((end["o"], end["end"]), ([17, 1], "done"))
        self.assertEqual(engine.states(17),
                         {0: "passed", 1: "failed", 2: "passed"})
        first, second = [u for u in engine.all("result", 17) if u["i"] < 2]
        self.assertEqual(first["out"], "from a\n")
        self.assertEqual(second["findings"][0]["kind"], "failure")
        self.assertIn("in b", second["findings"][0]["message"])
        self.assertIn(engine.all("job", 17)[0]["slot"], (4, 5))
        self.tear_down(engine)

    def test_the_word_for_the_interpreter_is_its_own(self):
        # The interpreter of the coordinator may not even exist here.
        engine = self.ready("--adapter", f"'$PYTHON' {FAKE} --items 2", "--",
                            env={"MULE_PYTHON": sys.executable})
        ids = ["fake.Job0.test_0", "fake.Job0.test_1"]
        engine.say("run", orders=[order(1, "fake.Job0", ids)])
        engine.await_update("end", 1)
        self.assertEqual(engine.states(1), {0: "passed", 1: "passed"})
        self.tear_down(engine)

    def test_a_part_of_a_job_runs_alone(self):
        self.suite({"test_it.py": SUITE})
        engine = self.ready()
        engine.say("run", orders=[order(3, "test_it.T", IDS, items=[0, 2])])
        engine.await_update("end", 3)
        self.assertEqual(engine.states(3), {0: "passed", 2: "passed"})
        self.tear_down(engine)

    def test_the_same_job_may_be_tried_again(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        self.assertEqual(os.environ["MULE_ATTEMPT"], "2")
"""})
        engine = self.ready()
        for attempt in 1, 2:
            engine.say("run", orders=[order(0, "test_it.T", IDS[:1],
                                            attempt=attempt)])
            engine.await_update("end", 0, attempt)
        self.assertEqual(engine.states(0, 1), {0: "failed"})
        self.assertEqual(engine.states(0, 2), {0: "passed"})
        self.tear_down(engine)

    def test_many_jobs_all_end(self):
        text = "import unittest\n"
        orders = []
        for i in range(100):
            text += ("class T%d(unittest.TestCase):\n"
                     "    def test_x(self): pass\n" % i)
            orders.append(order(i, "test_it.T%d" % i,
                                ["test_it.T%d.test_x" % i]))
        self.suite({"test_it.py": text})
        engine = self.ready("--isolation", "worker")
        for i in range(0, 100, 10):
            engine.say("run", orders=orders[i:i + 10])
        engine.wait(lambda: len(engine.all("end")) == 100, "all ends")
        self.assertEqual([engine.states(i) for i in range(100)],
                         [{0: "passed"}] * 100)
        self.tear_down(engine)

    def test_a_crash_names_the_item_that_ran(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        pass
    def test_b(self):
        print("last words")
        os.abort()
"""})
        engine = self.ready()
        engine.say("run", orders=[order(5, "test_it.T", IDS[:2])])
        end = engine.await_update("end", 5)
        self.assertEqual((end["end"], end["i"]), ("crashed", 1))
        self.assertEqual(end["status"] & 0x7f, signal.SIGABRT)
        self.assertEqual(end["out"], "last words\n")
        self.assertEqual(engine.states(5), {0: "passed"})
        self.tear_down(engine)

    def test_a_test_that_takes_too_long_is_ended(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import time
        time.sleep(1000)
"""})
        engine = self.ready("--grace", "0.2")
        engine.say("run", orders=[order(5, "test_it.T", IDS[:1],
                                        test_timeout_ms=300, slow_ms=100)])
        end = engine.await_update("end", 5)
        self.assertEqual((end["end"], end["i"]), ("timeout", 0))
        self.assertIn("0.3 s", end["problem"])
        self.assertEqual(engine.all("slow")[0]["i"], 0)
        self.tear_down(engine)

    def test_a_process_that_a_test_leaves_behind_is_told(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import subprocess
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
"""})
        engine = self.ready()
        engine.say("run", orders=[order(5, "test_it.T", IDS[:1])])
        engine.await_update("end", 5)
        self.tear_down(engine)
        leak = engine.await_update("leak")
        self.assertEqual(leak["job"], "test_it.T")
        self.assertIn("sleep 1000", leak["command"])

    def test_a_fixture_that_fails_appears(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("no fixture")
    def test_a(self):
        pass
"""})
        engine = self.ready()
        engine.say("run", orders=[order(5, "test_it.T", IDS[:1])])
        engine.await_update("end", 5)
        appeared = engine.all("appeared", 5)[0]
        self.assertEqual(appeared["id"], "setUpClass (test_it.T)")
        self.assertEqual(appeared["state"], "error")
        self.tear_down(engine)


class Environment(EngineCase):

    def test_a_test_sees_its_build(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        for name in sorted(os.environ):
            print(name + "=" + os.environ[name])
"""})
        engine = self.ready(slots=1, env={
            "MULE_BROKER": "redis://:pw@host/", "MULE_SECRET": "s",
            "CELERY_BROKER_URL": "amqp://u:pw@host/"})
        engine.say("run", orders=[order(5, "test_it.T", IDS[:1])])
        result = engine.await_update("result", 5)
        seen = dict(line.split("=", 1) for line in
                    result["out"].splitlines() if "=" in line)
        wanted = {"MULE_BUILD_ID": "b1", "MULE_SLOT": "4", "MULE_SLOTS": "9",
                  "MULE_LOCAL_SLOT": "0", "PYTHONHASHSEED": "77",
                  "MULE_ATTEMPT": "1"}
        self.assertEqual({name: seen.get(name) for name in wanted}, wanted)
        for name in "MULE_BROKER", "MULE_SECRET", "CELERY_BROKER_URL":
            self.assertNotIn(name, seen)
        self.tear_down(engine)

    def test_spawned_workers_have_the_slots_of_the_build_too(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        print(os.environ["MULE_SLOT"], os.environ["MULE_LOCAL_SLOT"])
"""})
        engine = self.ready("--start", "spawn", slots=1)
        engine.say("run", orders=[order(5, "test_it.T", IDS[:1])])
        self.assertEqual(engine.await_update("result", 5)["out"], "4 0\n")
        self.tear_down(engine)


class Differences(EngineCase):

    def test_a_job_with_other_tests_differs(self):
        self.suite({"test_it.py": SUITE})
        engine = self.ready()
        other = IDS[:2] + ["test_it.T.test_other"]
        engine.say("run", orders=[
            order(1, "test_it.T", other), order(2, "test_it.T", IDS[:2]),
            order(3, "test_it.Nobody", IDS), order(4, "test_it.T", IDS)])
        engine.await_update("end", 4)
        reasons = {u["o"][0]: u["reason"] for u in engine.all("differs")}
        self.assertEqual(set(reasons), {1, 2, 3})
        self.assertIn("other names", reasons[1])
        self.assertIn("3 tests here instead of 2", reasons[2])
        self.assertIn("not known here", reasons[3])
        self.assertEqual(engine.all("result", 1), [])
        self.tear_down(engine)

    def test_a_module_that_cannot_be_loaded_here_is_the_reason(self):
        self.suite({"test_it.py": SUITE,
                    "test_bad.py": "import os\nos._exit(3)\n"})
        engine = self.ready()
        engine.say("run", orders=[order(1, "test_bad.T", IDS)])
        differs = engine.await_update("differs", 1)
        self.assertIn("test_bad: ", differs["reason"])
        self.assertIn("status 3", differs["reason"])
        self.tear_down(engine)

    def test_a_worker_without_an_interpreter_fails(self):
        self.suite({"test_it.py": SUITE})
        engine = self.ready("--adapter", "/nowhere/adapter")
        engine.say("run", orders=[order(1, "test_it.T", IDS)])
        self.assertIn("adapter", engine.await_said("failed")["why"])
        self.assertEqual(engine.all("end"), [])
        self.tear_down(engine)

    def test_options_that_make_no_sense_fail(self):
        engine = self.engine("--isolation", "marble")
        self.assertIn("marble", engine.await_said("failed")["why"])
        self.tear_down(engine)


class Programs(EngineCase):

    def test_a_program_runs_by_its_name(self):
        self.suite({"good": "#!/bin/sh\necho \"$TEST $WORKSPACE\"\n",
                    "bad": "#!/bin/sh\nexit 7\n"})
        engine = self.ready("--runner", "./$TEST", workspace={"name": "ci"})
        engine.say("run", orders=[program(0, "good"), program(1, "bad")])
        engine.wait(lambda: len(engine.all("end")) == 2, "both ends")
        self.assertEqual(engine.states(0), {0: "passed"})
        self.assertEqual(engine.states(1), {0: "failed"})
        self.assertEqual(engine.all("result", 0)[0]["out"], "good ci\n")
        self.assertIn(engine.all("begin", 0)[0]["slot"], (4, 5))
        self.tear_down(engine)

    def test_points_of_tap_appear(self):
        self.suite({"points.t": """
            #!/bin/sh
            echo 1..3
            echo ok 1 - first
            echo not ok 2 - second
            echo Bail out! enough
            """})
        engine = self.ready("--tap", "points.t")
        engine.say("run", orders=[program(9, "points.t")])
        engine.await_update("end", 9)
        points = engine.all("appeared", 9)
        self.assertEqual([(u["state"], u.get("whole", False))
                          for u in points[:2]],
                         [("passed", True), ("failed", False)])
        self.assertIn("enough", engine.all("bail", 9)[0]["reason"])
        self.tear_down(engine)

    def test_a_program_that_is_not_there_is_an_error(self):
        engine = self.ready("--runner", "/nowhere/$TEST")
        engine.say("run", orders=[program(0, "x")])
        engine.await_update("end", 0)
        self.assertIn(engine.states(0)[0], ("error", "failed"))
        self.tear_down(engine)

    def test_a_retry_is_a_new_attempt(self):
        self.suite({"it": "#!/bin/sh\ntest \"$MULE_ATTEMPT\" = 2\n"})
        engine = self.ready("--runner", "./$TEST")
        for attempt in 1, 2:
            engine.say("run", orders=[program(0, "it", attempt)])
            engine.await_update("end", 0, attempt)
        self.assertEqual(engine.states(0, 1), {0: "failed"})
        self.assertEqual(engine.states(0, 2), {0: "passed"})
        self.tear_down(engine)

    def test_noop_passes_everything_and_starts_nothing(self):
        engine = self.ready(noop=True)
        engine.say("run", orders=[
            order(0, "some.Class", ["a", "b"]), program(1, "anything"),
            order(2, "some.Class", ["a", "b"], items=[1])])
        engine.wait(lambda: len(engine.all("end")) == 3, "all ends")
        self.assertEqual(engine.states(0), {0: "passed", 1: "passed"})
        self.assertEqual(engine.states(1), {0: "passed"})
        self.assertEqual(engine.states(2), {1: "passed"})
        self.tear_down(engine)


SLEEPER = "#!/bin/sh\necho up\nexec sleep 1000\n"


class Ending(EngineCase):

    def sleepers(self, count, slots=2):
        self.suite({"sleeper": SLEEPER})
        engine = self.ready("--runner", "./$TEST", "--grace", "0.2",
                            slots=slots)
        engine.say("run", orders=[program(i, "sleeper", file="%d" % i)
                                  for i in range(count)])
        return engine

    def begun(self, engine, count):
        engine.wait(lambda: len(engine.all("begin")) >= count, "begins")

    def test_cancel_ends_all_and_all_that_comes(self):
        engine = self.sleepers(5)
        self.begun(engine, 1)
        engine.say("cancel", now=False)
        engine.wait(lambda: len(engine.all("end")) == 5, "all ends")
        engine.say("run", orders=[program(7, "sleeper")])
        engine.await_update("end", 7)
        self.assertEqual({u["end"] for u in engine.all("end")},
                         {"cancelled"})
        self.tear_down(engine)

    def test_cancel_of_one_leaves_the_others(self):
        self.suite({"sleeper": SLEEPER, "quick": "#!/bin/sh\n"})
        engine = self.ready("--runner", "./$TEST", "--grace", "0.2", slots=1)
        engine.say("run", orders=[program(0, "sleeper"), program(1, "quick"),
                                  program(2, "quick")])
        self.begun(engine, 1)
        engine.say("cancel", orders=[[0, 1], [1, 1], [8, 1]], now=True)
        engine.await_update("end", 2)
        self.assertEqual({u["o"][0]: u["end"] for u in engine.all("end")},
                         {0: "cancelled", 1: "cancelled", 2: "done"})
        self.tear_down(engine)

    def test_cancel_of_one_test_job_leaves_the_others(self):
        text = "import time, unittest\n"
        for name in "ABC":
            text += ("class %s(unittest.TestCase):\n"
                     "    def test_x(self): time.sleep(%d)\n"
                     % (name, 1000 if name == "A" else 0))
        self.suite({"test_it.py": text})
        engine = self.ready("--grace", "0.2", slots=1)
        engine.say("run", orders=[
            order(i, "test_it." + name, ["test_it.%s.test_x" % name])
            for i, name in enumerate("ABC")])
        engine.wait(lambda: engine.all("begin", 0), "begin of A")
        engine.say("cancel", orders=[[0, 1], [2, 1]], now=False)
        engine.wait(lambda: len(engine.all("end")) == 3, "all ends")
        self.assertEqual({u["o"][0]: u["end"] for u in engine.all("end")},
                         {0: "cancelled", 1: "done", 2: "cancelled"})
        self.tear_down(engine)

    def test_what_comes_while_a_worker_is_ended_gets_another_one(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        with open(os.environ["READY"], "w") as file:
            file.write("%d\\n" % os.getppid())
        with open(os.environ["GO"]) as file:
            file.readline()
"""})
        ready, go = self.fifo("ready"), self.fifo("go")
        engine = self.ready(slots=1, env={"READY": ready.path,
                                          "GO": go.path})

        def run(attempt):
            engine.say("run", orders=[order(0, "test_it.T", IDS[:1],
                                            attempt=attempt)])

        def has_heard(count):
            engine.say("pool", slots=1)
            engine.wait(lambda: [m["msg"] for m in engine.said].count("pool")
                        == count, "an answer")

        run(1)
        worker = int(ready.line(engine.program))
        # While those who do the killing stand still, the job ends by itself.
        guardians = processes.children_of(engine.program.pid)
        for pid in guardians:
            os.kill(pid, signal.SIGSTOP)
        engine.say("cancel", orders=[[0, 1]], now=True)
        has_heard(1)
        go.write()
        end = engine.await_update("end", 0)
        self.assertEqual(end["end"], "cancelled")
        run(2)
        has_heard(2)
        for pid in guardians:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(processes.wait_for_end([worker], 60), [])
        go.write()
        end = engine.await_update("end", 0, attempt=2)
        self.assertEqual(end["end"], "done", engine.updates)
        self.assertEqual(engine.states(0, 2), {0: "passed"})
        self.tear_down(engine)

    def test_teardown_ends_what_runs(self):
        engine = self.sleepers(3)
        self.begun(engine, 2)
        self.assertTrue(self.tear_down(engine)["ok"])
        self.assertEqual({u["end"] for u in engine.all("end")},
                         {"cancelled"})

    def test_teardown_while_the_suite_is_loaded_ends_that(self):
        up = self.fifo("up")
        self.suite({"test_it.py": "import time\n"
                                  "open(%r, 'w').write('up\\n')\n"
                                  "time.sleep(1000)\n" % up.path})
        engine = self.ready()
        engine.say("run", orders=[order(0, "test_it.T", IDS)])
        up.line(engine.program)
        self.assertTrue(self.tear_down(engine)["ok"])
        self.assertEqual(engine.await_update("end", 0)["end"], "cancelled")

    def test_the_end_of_the_connection_ends_everything(self):
        up = self.fifo("up")
        self.suite({"it": "#!/bin/sh\nsetsid sleep 1000 &\necho $! > %s\n"
                          "exec sleep 1000\n" % up.path})
        engine = self.ready("--runner", "./$TEST")
        engine.say("run", orders=[program(i, "it") for i in range(3)])
        pids = [int(up.line(engine.program)) for _ in range(2)]
        engine.close()
        self.assertEqual(engine.program.wait(), 3)
        self.assertEqual(processes.wait_for_end(pids, 5), [])

    def test_the_end_of_the_connection_ends_a_suite(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import time
        time.sleep(1000)
"""})
        engine = self.ready()
        engine.say("run", orders=[order(0, "test_it.T", IDS[:1])])
        self.begun(engine, 1)
        engine.close()
        self.assertEqual(engine.program.wait(), 3)

    def test_the_end_of_the_connection_ends_a_setup_script(self):
        engine = self.engine(workspace={
            "name": "ci", "setup": "echo up; sleep 1000"})
        engine.wait(lambda: "up" in engine.text, "up")
        engine.close()
        self.assertEqual(engine.program.wait(), 3)

    def test_nonsense_ends_it(self):
        engine = self.ready()
        engine.say("run", orders=[{"o": "x"}])
        self.assertEqual(engine.program.wait(), 3)

    def test_more_slots_take_more_orders(self):
        engine = self.sleepers(4, slots=1)
        self.begun(engine, 1)
        engine.say("pool", slots=3)
        self.begun(engine, 3)
        self.assertEqual({u["slot"] for u in engine.all("begin")}, {4, 5, 6})
        self.tear_down(engine, now=True)

    def test_with_no_slots_nothing_begins(self):
        go = self.fifo("go")
        self.suite({"waiter": "#!/bin/sh\nread line < %s\n" % go.path,
                    "quick": "#!/bin/sh\n"})
        engine = self.ready("--runner", "./$TEST", slots=1)
        engine.say("run", orders=[program(0, "waiter"), program(1, "quick")])
        self.begun(engine, 1)
        engine.say("pool", slots=0)
        self.assertEqual(engine.await_said("pool")["slots"], 0)
        go.write()
        engine.await_update("end", 0)
        engine.say("cancel", orders=[[1, 1]])
        self.assertEqual(engine.await_update("end", 1)["end"], "cancelled")
        self.assertEqual(engine.all("job", 1), [])
        engine.say("run", orders=[program(2, "quick")])
        engine.say("pool", slots=2)
        self.assertEqual(engine.await_update("end", 2)["end"], "done")
        self.tear_down(engine)

    def test_more_slots_of_a_suite_take_more_orders(self):
        text = "import time, unittest\n"
        for name in "ABC":
            text += ("class %s(unittest.TestCase):\n"
                     "    def test_x(self): time.sleep(1000)\n" % name)
        self.suite({"test_it.py": text})
        engine = self.ready(slots=1)
        engine.say("run", orders=[
            order(i, "test_it." + name, ["test_it.%s.test_x" % name])
            for i, name in enumerate("ABC")])
        self.begun(engine, 1)
        engine.say("pool", slots=3)
        self.begun(engine, 3)
        self.assertEqual({u["slot"] for u in engine.all("begin")}, {4, 5, 6})
        self.tear_down(engine, now=True)


class Workspaces(EngineCase):

    def workspace(self, setup="true", teardown="true", **more):
        return {"name": "ci", "setup": "echo setup >> log; " + setup,
                "teardown": "echo teardown >> log; " + teardown, **more}

    def log(self):
        return self.read("log").split()

    def test_scripts_know_the_build_and_are_heard(self):
        engine = self.ready(workspace=self.workspace(
            "echo $BUILD_ID $WORKSPACE $MULE_REVISION",
            "printf 'good\\303'; printf '\\251'; echo"))
        self.assertEqual(engine.text, "b1 ci r7\n")
        left = self.tear_down(engine)
        self.assertTrue(left["ok"])
        self.assertEqual(engine.text, "b1 ci r7\ngood\u00e9\n")
        self.assertEqual(self.log(), ["setup", "teardown"])

    def test_scripts_have_the_environment_of_the_build(self):
        engine = self.ready(
            workspace=self.workspace("env", "env"), env={
                "MULE_BROKER": "redis://:pw@host/", "MULE_SECRET": "s",
                "CELERY_BROKER_URL": "amqp://u:pw@host/"})
        self.tear_down(engine)
        self.assertNotIn("pw@", engine.text)
        self.assertNotIn("MULE_SECRET", engine.text)
        self.assertEqual(engine.text.count("PYTHONHASHSEED=77\n"), 2)
        self.assertEqual(engine.text.count("MULE_BUILD_ID=b1\n"), 2)

    def test_setup_is_heard_while_it_runs(self):
        go = self.fifo("go")
        engine = self.engine(workspace=self.workspace(
            "echo waiting; read line < %s; echo done" % go.path))
        engine.wait(lambda: "waiting" in engine.text, "waiting")
        self.assertEqual(engine.said[1:], [])
        go.write()
        engine.await_said("ready")
        self.assertEqual(engine.text, "waiting\ndone\n")
        self.tear_down(engine)

    def test_setup_that_fails_is_told_and_torn_down(self):
        engine = self.engine(workspace=self.workspace("echo no; exit 3"))
        why = engine.await_said("failed")["why"]
        self.assertSays(why, "setup of workspace \"ci\"", "status 3")
        self.assertEqual(engine.text, "no\n")
        self.tear_down(engine)
        self.assertEqual(self.log(), ["setup", "teardown"])

    def test_teardown_that_fails_is_told(self):
        engine = self.ready(workspace=self.workspace(teardown="exit 4"))
        left = self.tear_down(engine)
        self.assertFalse(left["ok"])
        self.assertSays(left["why"], "teardown", "status 4")

    def test_teardown_while_setup_runs_ends_it(self):
        engine = self.engine("--grace", "0.2", workspace=self.workspace(
            "echo up; sleep 1000"))
        engine.wait(lambda: "up" in engine.text, "up")
        self.tear_down(engine)
        self.assertEqual(self.log(), ["setup", "teardown"])

    def test_what_is_prepared_is_not_set_up_again(self):
        engine = self.ready(workspace=self.workspace(), prepared=True)
        self.tear_down(engine)
        self.assertEqual(self.log(), ["teardown"])

    def test_much_output_keeps_its_two_ends(self):
        engine = self.ready("--output-limit", "2K", workspace=self.workspace(
            "echo begin; seq 10000; echo end"))
        text = engine.text
        self.assertTrue(text.startswith("begin\n1\n"))
        self.assertTrue(text.endswith("10000\nend\n"))
        self.assertIn("bytes left out", text)
        self.assertLess(len(text), 4096)
        self.tear_down(engine)


class Trees(EngineCase):

    def git(self, *words):
        return subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@y", *words],
            cwd=self.folder, env=self.variables(), check=True,
            stdout=subprocess.PIPE).stdout.decode().strip()

    def repository(self):
        self.suite({"test_it.py": SUITE})
        self.git("init", "-q", ".")
        self.git("add", ".")
        self.git("commit", "-qm", "one")
        return self.git("rev-parse", "HEAD")

    def elsewhere(self):
        path = os.path.join(self.home, "elsewhere")
        os.mkdir(path)
        return path

    def test_a_revision_of_git_is_checked_out_and_removed(self):
        revision = self.repository()
        self.suite({"test_it.py": "raise RuntimeError('not committed')\n"})
        engine = self.engine(
            cwd=self.elsewhere(), revision="",
            tree={"git": self.folder, "revision": revision},
            workspace={"name": "ci", "setup": "pwd; echo $MULE_REVISION",
                       "teardown": "pwd"})
        engine.await_said("ready")
        tree, seen = engine.text.splitlines()[-2:]
        self.assertEqual(seen, revision)
        self.assertTrue(tree.startswith(os.path.join(self.home, "trees")))
        engine.say("run", orders=[order(1, "test_it.T", IDS)])
        engine.await_update("end", 1)
        self.assertEqual(engine.states(1),
                         {0: "passed", 1: "failed", 2: "passed"})
        self.assertTrue(os.path.isdir(tree))
        self.assertTrue(self.tear_down(engine)["ok"])
        self.assertEqual(engine.text.splitlines()[-1], tree)
        self.assertFalse(os.path.exists(tree))

    def test_a_revision_that_is_not_there_fails(self):
        self.repository()
        engine = self.engine(
            cwd=self.elsewhere(),
            tree={"git": self.folder, "revision": "no-such-branch"},
            workspace={"name": "ci", "setup": "echo up",
                       "teardown": "echo down"})
        self.assertIn("no-such-branch", engine.await_said("failed")["why"])
        self.tear_down(engine)
        self.assertNotIn("up", engine.text)
        self.assertNotIn("down", engine.text)

    def archive(self):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w",
                          format=tarfile.PAX_FORMAT) as tar:
            data = SUITE.encode()
            info = tarfile.TarInfo("test_it.py")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        data = file.getvalue()
        return data, hashlib.sha256(data).hexdigest()

    def test_a_shipped_tree_is_pulled_in_pieces(self):
        data, hash = self.archive()
        engine = self.engine(cwd=self.elsewhere(),
                             tree={"ship": hash, "bytes": len(data)})
        want = engine.await_said("want")
        self.assertEqual((want["hash"], want["at"]), (hash, 0))
        for at in range(0, len(data), 4096):
            piece = base64.b64encode(data[at:at + 4096]).decode()
            engine.say("piece", at=at, data=piece)
        engine.await_said("ready")
        engine.say("run", orders=[order(1, "test_it.T", IDS)])
        engine.await_update("end", 1)
        self.assertEqual(engine.states(1),
                         {0: "passed", 1: "failed", 2: "passed"})
        self.tear_down(engine)

    def test_teardown_ends_a_tree_that_never_comes(self):
        data, hash = self.archive()
        engine = self.engine(cwd=self.elsewhere(),
                             tree={"ship": hash, "bytes": len(data)})
        engine.await_said("want")
        self.tear_down(engine)


class Live(EngineCase):

    def printed(self, engine, job, stream="out"):
        """What came of a stream while it ran; pieces follow each other."""
        text = ""
        for message in engine.said:
            if (message["msg"] == "output" and message["o"][0] == job and
                    message["stream"] == stream):
                self.assertEqual(message["at"], len(text.encode()))
                text += message["text"]
        return text

    def wait_printed(self, engine, job, wanted, stream="out"):
        engine.wait(lambda: self.printed(engine, job, stream) == wanted,
                    "%r of %s" % (wanted, job))

    def test_what_a_test_prints_is_seen_while_it_runs(self):
        go = self.fifo("go")
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        print("first")
        print("bad", file=sys.stderr)
        open(%r).readline()
        print("second \\u00e9")
        open(%r).readline()
    def test_b(self):
        print("not asked for")
""" % (go.path, go.path)})
        engine = self.ready()
        engine.say("live", pattern="test_a", credit=1000)
        engine.say("run", orders=[order(5, "test_it.T", IDS[:2])])
        self.wait_printed(engine, 5, "first\n")
        self.wait_printed(engine, 5, "bad\n", "err")
        go.write()
        self.wait_printed(engine, 5, "first\nsecond \u00e9\n")
        go.write()
        engine.await_update("end", 5)
        output = engine.await_said("output")
        self.assertEqual((output["i"], output["id"]), (0, IDS[0]))
        self.assertEqual(engine.all("result", 5)[0]["out"],
                         "first\nsecond \u00e9\n")
        self.tear_down(engine)

    def test_credit_is_all_that_is_sent(self):
        go = self.fifo("go")
        self.suite({"it": "#!/bin/sh\necho 0123456789\nread line < %s\n"
                          % go.path})
        engine = self.ready("--runner", "./$TEST")
        engine.say("live", pattern="i*", credit=4)
        engine.say("run", orders=[program(5, "it")])
        self.wait_printed(engine, 5, "0123")
        engine.say("live", pattern="i*", credit=4)
        self.wait_printed(engine, 5, "01234567")
        engine.say("live", pattern="", credit=0)
        go.write()
        engine.await_update("end", 5)
        self.assertEqual(self.printed(engine, 5), "01234567")
        self.tear_down(engine)


class Start(EngineCase):

    def test_without_a_worker_it_is_a_mistake(self):
        result = self.mule("worker", "--engine")
        self.assertMistake(result, "started by a worker")

    def test_a_worker_that_is_gone_is_told(self):
        result = self.mule("worker", "--engine",
                           env={"MULE_SOCKET": os.path.join(self.home, "no")})
        self.assertMistake(result, "call the worker", status=3)
