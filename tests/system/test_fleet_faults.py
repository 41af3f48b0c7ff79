"""Nothing is lost, whatever dies: each fault with each broker and worker.

There are four combinations of broker and kind of worker. By default each
fault meets one of them, another one for each MULE_FLEET_ROTATION (a number;
CI takes that of the day); MULE_FLEET_ALL=1 lets each fault meet all four.
After each test FleetCase looks at processes, files and the broker.
"""

import contextlib
import os
import signal
import time

from support import processes
from support.fleet_case import LEASE, SMALL, SMALL_STATES, WAITING, FleetCase

LEASE_SECONDS = float(LEASE.rstrip("s"))
MANY = """
    import unittest
    def make(number):
        class Case(unittest.TestCase):
            def test_it(self): pass
        Case.__name__ = Case.__qualname__ = f"C{number:03}"
        return Case
    for number in range(60):
        case = make(number)
        globals()[case.__name__] = case
    del case
    """
# Ends the worker that runs it, as often as it runs.
DEADLY = """
    import os, signal, unittest
    class Deadly(unittest.TestCase):
        def test_kill(self):
            with open(os.environ["GO"]) as file:
                file.readline()
            pid, killed = os.getpid(), None
            while True:
                with open(f"/proc/{pid}/stat") as file:
                    pid = int(file.read().rpartition(")")[2].split()[1])
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\\0")
                if b"worker" in words and b"--engine" not in words:
                    killed = pid  # its guardian first, then itself
                elif killed is not None:
                    break
            os.kill(killed, signal.SIGKILL)
            signal.pause()
    """


class Faults:
    """The faults. A class below adds the broker and the kind of worker."""

    kind = "native"
    dies_whole = 1  # whoever is killed can tear nothing down

    # ---------------------------------------------------------------- help

    def setUp(self):
        super().setUp()
        self.ready = self.fifo("ready")
        self.go = self.fifo("go")
        self.environment["READY"] = self.ready.path
        self.environment["GO"] = self.go.path

    def worker(self, name, *args, **more):
        return self.start_worker(*args, name=name, kind=self.kind, **more)

    def waiting_build(self, *args, **files):
        """Starts a build whose one long test has begun; gives its pid."""
        self.suite({"test_waiting.py": WAITING, **files})
        program = self.start_distributed(*args)
        pid, _ = self.ready.line(program).split()
        # What nobody has heard of has not begun, and is not counted.
        program.wait_event("job_started", name="test_waiting.Waiting")
        return program, int(pid)

    def worker_of(self, pid):
        """The name of the worker below which the process runs."""
        above = [pid]
        while above[-1] > 1:
            above.append(processes.parent_of(above[-1]))
        for name, program in self.workers.items():
            if program.pid in above:
                return name
        raise AssertionError(f"{pid} runs below none of the workers")

    def below(self, name, part):
        """The first process of a worker whose command holds that."""
        for pid in processes.descendants_of(self.workers[name].pid):
            if part in processes.command_of(pid):
                return pid
        raise AssertionError(f"{name} has no process {part}")

    def expect_second_attempt(self, program):
        """The long test begins again; lets it end, and the build with it."""
        self.ready.line(program)
        self.go.write()
        result = self.result_of(program)
        self.assertEqual(result.states["test_waiting.Waiting.test_wait"],
                         "passed", result.text)
        self.assertEqual(self.attempts(result), [1, 2], result.text)
        self.assertEqual(result.status, 0, result.text)
        return result

    def expect_same_attempt(self, program):
        self.go.write()
        result = self.result_of(program)
        self.assertEqual(result.states["test_waiting.Waiting.test_wait"],
                         "passed", result.text)
        self.assertEqual(self.attempts(result), [1], result.text)
        self.assertEqual(result.status, 0, result.text)
        return result

    @staticmethod
    def attempts(result):
        """At the job of the long test, as far as anybody heard of them."""
        return [event["attempt"] for event in result.all("job_started")
                if event["name"] == "test_waiting.Waiting"]

    def wait_joined(self, program, count):
        """Waits until so many joins have come in all."""
        program.wait_until(
            lambda: sum(event["event"] == "worker"
                        and event["what"] == "joined"
                        for event in program.events) >= count,
            f"{count} workers")

    # ------------------------------------------------------- what may die

    def test_a_worker_is_killed_in_a_test(self):
        self.workspace()
        for name in ("one", "two"):
            self.worker(name)
        program, pid = self.waiting_build("--workspace", "ci")
        name = self.worker_of(pid)
        os.kill(self.workers.pop(name).pid, signal.SIGKILL)
        result = self.expect_second_attempt(program)
        self.assertEqual([event["worker"].split("@")[0]
                          for event in result.all("worker")
                          if event["what"] == "lost"], [name])
        self.assertEqual(processes.wait_for_end([pid], 10), [])
        # Each of the other one's joins; and that of the dead one where
        # something of it lived on.
        self.assertEqual(len(self.noted("teardown")),
                         len(self.noted("setup")) - self.dies_whole)

    def test_a_killed_worker_tears_down_when_it_starts_again(self):
        self.workspace()
        for name in ("one", "two"):
            self.worker(name)
        program, pid = self.waiting_build("--workspace", "ci")
        name = self.worker_of(pid)
        os.kill(self.workers.pop(name).pid, signal.SIGKILL)
        processes.wait_for_end([pid], 10)
        self.worker(name)
        self.expect_second_attempt(program)
        for one in list(self.workers):
            self.stop_worker(one)
        self.assertEqual(len(self.noted("teardown")),
                         len(self.noted("setup")))

    def test_an_engine_is_killed_in_a_test(self):
        self.worker("one")
        program, pid = self.waiting_build()
        os.kill(self.below("one", "--engine"), signal.SIGKILL)
        self.assertEqual(processes.wait_for_end([pid], 10), [])
        self.expect_second_attempt(program)

    def test_a_worker_is_stopped_for_longer_than_its_lease(self):
        for name in ("one", "two"):
            self.worker(name)
        program, pid = self.waiting_build()
        name = self.worker_of(pid)
        stopped = [self.workers[name].pid,
                   *processes.descendants_of(self.workers[name].pid)]
        for one in stopped:
            os.kill(one, signal.SIGSTOP)
        try:
            self.ready.line(program)  # it has begun elsewhere
        finally:
            while self.workers[name].pump(0):
                pass
            said = len(self.workers[name].err)
            for one in reversed(stopped):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGCONT)
        # The first one ends because its time is over, not because it is
        # told to.
        self.assertEqual(processes.wait_for_end([pid], 30), [])
        # What it says to a build that is over makes Redis have that queue
        # again, until its time is over.
        self.workers[name].wait_text("left build", after=said)
        self.go.write()
        result = self.result_of(program)
        self.assertEqual(result.states, {
            "test_waiting.Waiting.test_wait": "passed"}, result.text)
        self.assertEqual(result.status, 0, result.text)

    def test_the_broker_is_killed_and_comes_back(self):
        self.worker("one")
        program, _ = self.waiting_build("--lease", "60s",
                                        **{"test_small.py": SMALL})
        self.broker.kill()
        self.broker.start()
        self.go.write()
        result = self.result_of(program)
        self.assertEqual(result.states, {
            "test_waiting.Waiting.test_wait": "passed", **SMALL_STATES},
            result.text)
        self.assertEqual(result.status, 1, result.text)

    def test_a_connection_is_gone_for_a_second(self):
        proxy = self.proxy()
        self.worker("one", broker=proxy.url(self.broker.url))
        program, _ = self.waiting_build("--lease", "20s")
        proxy.drop()
        time.sleep(1)  # what is tested is just this
        proxy.restore()
        self.expect_same_attempt(program)

    def test_a_connection_hangs_for_longer_than_the_lease(self):
        proxy = self.proxy()
        self.worker("one", broker=proxy.url(self.broker.url))
        program, pid = self.waiting_build()
        proxy.cut()
        # Its lease ends, and with it the test, though nobody can say so.
        self.assertEqual(
            processes.wait_for_end([pid], LEASE_SECONDS + 15), [])
        proxy.drop()
        proxy.restore()
        self.expect_second_attempt(program)

    def test_the_connection_of_the_coordinator_is_gone_for_a_second(self):
        proxy = self.proxy()
        self.worker("one")
        self.environment["MULE_BROKER"] = proxy.url(self.broker.url)
        program, _ = self.waiting_build("--lease", "20s")
        proxy.drop()
        time.sleep(1)
        proxy.restore()
        self.expect_same_attempt(program)

    def test_the_coordinator_is_killed(self):
        self.workspace()
        for name in ("one", "two"):
            self.worker(name)
        program, pid = self.waiting_build("--workspace", "ci")
        program.process.kill()
        self.assertEqual(
            processes.wait_for_end([pid], LEASE_SECONDS + 5), [])
        self.check_broker()
        deadline = time.monotonic() + 30
        while (len(self.noted("teardown")) < len(self.noted("setup"))
               and time.monotonic() < deadline):
            time.sleep(0.05)
        # One whose setup was ended before it could note anything tears down,
        # too.
        self.assertGreaterEqual(len(self.noted("teardown")),
                                len(self.noted("setup")))
        self.assertLessEqual(len(self.noted("teardown")), 2)
        # They are free for the next build.
        self.suite({"test_small.py": SMALL})
        result = self.distributed("test_small", status=1)
        self.assertStates(result, SMALL_STATES)

    def test_ctrl_c(self):
        self.workspace()
        self.worker("one")
        program, pid = self.waiting_build("--workspace", "ci")
        program.signal(signal.SIGINT)
        result = self.result_of(program)
        self.assertEqual(result.status, -signal.SIGINT, result.text)
        self.assertEqual(result.states, {
            "test_waiting.Waiting.test_wait": "not run"}, result.text)
        self.assertEqual(processes.wait_for_end([pid], 10), [])
        self.assertEqual(len(self.noted("teardown")), 1)
        self.check_broker()

    # ----------------------------------------------------------- coming, going

    def test_setup_fails_on_one_worker(self):
        self.suite({"mule.yaml": """
            workspaces:
              ci:
                setup: test "$FAIL" != yes || { echo no disk here; exit 7; }
                teardown: 'true'
            """, "test_small.py": SMALL})
        self.worker("bad", env={"FAIL": "yes"})
        self.worker("good")
        result = self.distributed("--workspace", "ci", status=1)
        self.assertStates(result, SMALL_STATES)
        self.assertSays(result.text, "no disk here")

    def test_setup_fails_on_all_workers(self):
        self.suite({"mule.yaml": """
            workspaces:
              ci:
                setup: echo no disk here; exit 7
            """, "test_small.py": SMALL})
        self.worker("one")
        result = self.distributed("--workspace", "ci", "--wait", "10s",
                                  status=3)
        self.assertSays(result.text, "no disk here", "one@")
        self.assertEqual(set(result.states.values()), {"not run"},
                         result.text)

    def test_a_worker_comes_late(self):
        self.worker("one")
        program, _ = self.waiting_build(**{"test_zmany.py": MANY})
        self.worker("two")
        self.wait_joined(program, 2)
        self.go.write()
        result = self.result_of(program)
        self.assertEqual(result.count("passed"), 61, result.text)

    def test_a_worker_leaves_politely(self):
        for name in ("one", "two"):
            self.worker(name)
        # Nothing is laid behind what is known to take long.
        program, pid = self.waiting_build(**{
            "test_zmany.py": MANY, "mule.yaml":
            "overrides: [{match: '*.Waiting', expect: 60s}]\n"})
        self.wait_joined(program, 2)
        name = self.worker_of(pid)
        leaving = self.workers.pop(name)
        os.kill(leaving.pid, signal.SIGTERM)
        program.wait_until(
            lambda: sum(event["event"] == "test_finished"
                        for event in program.events) >= 60, "the others")
        self.go.write()  # the one that runs may end
        self.assertEqual(leaving.wait(), 0, leaving.describe())
        result = self.result_of(program)
        self.assertEqual(result.count("passed"), 61, result.text)
        self.assertEqual(self.attempts(result), [1])

    def test_a_worker_restarts(self):
        self.worker("one")
        program, pid = self.waiting_build()
        os.kill(self.workers.pop("one").pid, signal.SIGKILL)
        self.assertEqual(processes.wait_for_end([pid], 10), [])
        self.worker("one")
        self.expect_second_attempt(program)

    def test_two_builds_at_once(self):
        for name in ("one", "two"):
            self.worker(name)
        first, _ = self.waiting_build("test_waiting",
                                      **{"test_small.py": SMALL})
        second = self.start_distributed("test_small")
        # The first one needs only one of them: the other one is released.
        result = self.result_of(second)
        self.assertStates(result, SMALL_STATES)
        self.expect_same_attempt(first)

    def test_a_job_that_kills_its_worker_each_time(self):
        self.suite({"test_deadly.py": DEADLY, "test_many.py": MANY})
        for name in ("one", "two", "three"):
            self.worker(name)
        program = self.start_distributed()
        for attempt in (1, 2):
            # A death before anybody heard of the beginning is no loss, and
            # would cost one more of the workers.
            program.wait_event("job_started", name="test_deadly.Deadly",
                               attempt=attempt)
            self.go.write()
        result = self.result_of(program)
        self.assertEqual(result.states["test_deadly.Deadly.test_kill"],
                         "lost", result.text)
        self.assertEqual(result.count("passed"), 60, result.text)
        self.assertEqual(result.status, 1, result.text)


class StockFaults(Faults):
    """What only a Celery worker of Python's has to lose."""

    kind = "stock"
    dies_whole = 0  # its native half sees its end, and tears down

    def test_a_pool_child_is_killed_in_a_test(self):
        self.worker("one")
        program, _ = self.waiting_build()
        main = self.workers["one"].pid
        for pid in processes.children_of(main):
            if "celery" in processes.command_of(pid):
                os.kill(pid, signal.SIGKILL)
        # The worker itself lives, and its engine: nothing was lost.
        self.expect_same_attempt(program)

    def test_the_native_half_is_killed_in_a_test(self):
        for name in ("one", "two"):
            self.worker(name)
        program, pid = self.waiting_build()
        os.kill(self.below(self.worker_of(pid), "--carrier"), signal.SIGKILL)
        self.assertEqual(processes.wait_for_end([pid], 10), [])
        self.expect_second_attempt(program)


def combinations():
    """The classes, each with the faults that it is to meet this time."""
    every = os.environ.get("MULE_FLEET_ALL") == "1"
    turn = int(os.environ.get("MULE_FLEET_ROTATION") or 0)
    bases = [("RedisNative", "redis", Faults), ("RabbitStock", "rabbitmq",
             StockFaults), ("RabbitNative", "rabbitmq", Faults),
             ("RedisStock", "redis", StockFaults)]
    names = sorted(name for name in dir(StockFaults)
                   if name.startswith("test_"))
    for place, (title, broker, base) in enumerate(bases):
        members = {"broker_kind": broker, "__doc__": None}
        for number, name in enumerate(names):
            fitting = [index for index, (_, _, other) in enumerate(bases)
                       if hasattr(other, name)]
            mine = fitting[(number + turn) % len(fitting)] == place
            if hasattr(base, name) and not (every or mine):
                members[name] = None  # meets another one this time
        yield title, type(title, (base, FleetCase),
                          dict(members, __module__=__name__))


for _title, _class in combinations():
    globals()[_title] = _class
del _title, _class
