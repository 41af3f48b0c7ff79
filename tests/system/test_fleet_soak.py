"""Faults drawn by lot, one after another, while builds run on a small fleet.

MULE_SOAK_FAULTS says how many (20), MULE_SOAK_SEED with which seed; the seed
is printed, and the same one draws the same faults. `make soak` draws 200.
Whatever happens, each build has one state for each test, every test that
passes by itself has passed or is lost with a reason, and nothing is left.
"""

import contextlib
import os
import random
import shutil
import signal
import sys

from support import processes
from support.fleet_case import FleetCase

FAULTS = int(os.environ.get("MULE_SOAK_FAULTS") or 20)
SEED = int(os.environ.get("MULE_SOAK_SEED") or random.randrange(1 << 32))
CLASSES = 40
SUITE = """
    import time, unittest
    def make(number):
        class Case(unittest.TestCase):
            def test_pass(self): time.sleep(0.05)
            if number %% 8 == 0:
                def test_fail(self): self.fail("it always does")
        Case.__name__ = Case.__qualname__ = f"C{number:03}"
        return Case
    for number in range(%d):
        case = make(number)
        globals()[case.__name__] = case
    del case
    """ % CLASSES
TESTS = {f"test_soak.C{number:03}.test_pass" for number in range(CLASSES)}
FAILING = {f"test_soak.C{number:03}.test_fail"
           for number in range(0, CLASSES, 8)}
TESTS |= FAILING


class Soak:
    """A class below adds the broker. Workers of both kinds come and go."""

    share = 2  # faults are shared among so many classes
    workers_wanted = (("native-a", "native"), ("native-b", "native"),
                      ("stock", "stock"))

    def setUp(self):
        super().setUp()
        self.suite({"test_soak.py": SUITE})
        self.workspace()
        self.random = random.Random(f"{SEED} {self.broker_kind}")
        self.guardians_died = False
        self.restarted = False
        self.link = self.proxy()

    def _look_behind(self):
        # Where a guardian was killed nobody was left to remove a folder.
        for name in os.listdir(self.tmp):
            if self.guardians_died and name.startswith("mule-"):
                shutil.rmtree(os.path.join(self.tmp, name))
        super()._look_behind()

    def start_missing(self):
        for name, kind in self.workers_wanted:
            if name not in self.workers:
                self.start_worker(name=name, kind=kind, slots=2,
                                  broker=self.link.url(self.broker.url))

    # ------------------------------------------------------------- faults

    def any_worker(self):
        names = sorted(self.workers)
        return self.random.choice(names) if names else None

    def kill_a_worker(self):
        name = self.any_worker()
        if name is not None:
            os.kill(self.workers.pop(name).pid, signal.SIGKILL)

    def kill_a_machine(self):
        name = self.any_worker()
        if name is not None:
            self.guardians_died = True
            self.kill_tree(self.workers.pop(name).pid)

    def end_a_worker(self):
        name = self.any_worker()
        if name is not None:
            os.kill(self.workers.pop(name).pid, signal.SIGTERM)

    def kill_something_below(self):
        name = self.any_worker()
        below = processes.descendants_of(self.workers[name].pid) if name else ()
        if below:
            self.guardians_died = True  # it may be one
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.random.choice(sorted(below)), signal.SIGKILL)

    def start_workers(self):
        self.start_missing()

    def suspend_a_worker(self):
        name = self.any_worker()
        if name is not None:
            pid = self.workers[name].pid
            os.kill(pid, signal.SIGSTOP)
            self.suspended.append(pid)

    def drop_connections(self):
        self.link.drop()
        self.link.restore()

    def hang_connections(self):
        self.link.cut()
        self.hanging = True

    def restart_the_broker(self):
        self.restarted = True
        self.broker.kill()
        self.broker.start()

    def leftovers(self):
        """A worker that comes back after RabbitMQ's restart may declare a
        queue that was deleted meanwhile: empty, it goes by its x-expires."""
        found = super().leftovers()
        if not self.restarted or self.broker_kind == "redis":
            return found
        queues = self.broker.queues()
        return [name for name in found if queues.get(name, 1) > 0]

    faults = (kill_a_worker, kill_a_machine, end_a_worker,
              kill_something_below, start_workers, suspend_a_worker,
              drop_connections, hang_connections, restart_the_broker)

    def undo(self):
        """What lasts is ended before the next fault."""
        if self.hanging:
            self.link.restore()
            self.hanging = False
        for pid in self.suspended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.suspended = []

    # ------------------------------------------------------------- a build

    def build(self, faults):
        """Runs a build with faults at places that are drawn."""
        self.start_missing()
        self.suspended, self.hanging = [], False
        places = sorted(self.random.sample(range(CLASSES), len(faults)))
        program = self.start_distributed("--workspace", "ci", "-j", "1",
                                         "--wait", "60s")
        try:
            for place, fault in zip(places, faults):
                program.wait_until(
                    lambda place=place: self.finished(program) > place
                    or program.has_ended(), f"test {place}")
                self.undo()
                print(f"after {place}: {fault.__name__}", file=sys.stderr)
                fault(self)
            program.wait_until(
                lambda: self.finished(program) > places[-1] + 2
                or program.has_ended(), "what follows")
        finally:
            self.undo()
        return self.result_of(program)

    @staticmethod
    def finished(program):
        return sum(event["event"] == "test_finished"
                   for event in program.events)

    def test_faults(self):
        print(f"MULE_SOAK_SEED={SEED}", file=sys.stderr)
        left = FAULTS // self.share
        while left > 0:
            count = min(left, self.random.randrange(1, 5))
            left -= count
            result = self.build(self.random.choices(self.faults, k=count))
            self.check(result)
            self.check_broker()

    @staticmethod
    def blamed(result, id):
        return result.states.get(f"process ({id.rpartition('.')[0]})")

    def check(self, result):
        # Twice on a worker that died, or in a process that was killed: then
        # the process carries the blame for tests that it had not begun.
        misfortunes = {"lost", "crashed", "error"}
        self.assertEqual(TESTS - set(result.states), set(), result.text)
        for id, state in result.states.items():
            wanted = misfortunes | {"failed" if id in FAILING else "passed"}
            if id not in TESTS:
                wanted = misfortunes  # a process that died between two tests
            elif self.blamed(result, id) in misfortunes:
                wanted = wanted | {"not run"}  # it had not begun
            self.assertIn(state, wanted, f"{id}\n{result.text}")
        self.assertEqual(result.status, 1, result.text)


class RedisSoak(Soak, FleetCase):
    broker_kind = "redis"


class RabbitSoak(Soak, FleetCase):
    broker_kind = "rabbitmq"
