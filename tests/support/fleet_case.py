"""A TestCase with a real broker, workers of both kinds, and builds on them.

A class has a broker of its own, of the kind that `broker_kind` says. After
each test nothing may be left: no process, no file (as in MuleCase), and
nothing at the broker that bears the name of a build.
"""

import contextlib
import os
import socket
import sys
import time

from . import brokers, celery_env, processes
from .mule_case import BINARY, ROOT, MuleCase
from .proxy import Proxy
from .running import PATIENCE

LEASE = "2s"
# A suite whose tests say that they run and wait until they may end.
WAITING = """
    import os, unittest
    class Waiting(unittest.TestCase):
        def test_wait(self):
            with open(os.environ["READY"], "w") as file:
                file.write(f"{os.getpid()} {os.environ['MULE_SLOT']}\\n")
            with open(os.environ["GO"]) as file:
                file.readline()
    """
SMALL = """
    import unittest
    class First(unittest.TestCase):
        def test_a(self): pass
        def test_b(self): self.fail("this is wrong")
    class Second(unittest.TestCase):
        @unittest.skip("not today")
        def test_c(self): pass
        def test_d(self): print("said by d")
    """
SMALL_STATES = {"test_small.First.test_a": "passed",
                "test_small.First.test_b": "failed",
                "test_small.Second.test_c": "skipped",
                "test_small.Second.test_d": "passed"}


class Notices:
    """The socket on which a service tells systemd how it is."""

    def __init__(self, case, name):
        self.path = os.path.join(case.home, name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        case.addCleanup(self.socket.close)
        self.heard = []

    def wait_for(self, word, program):
        """Waits until it is told; the program must live on."""
        self.socket.settimeout(0.5)
        deadline = time.monotonic() + PATIENCE
        while not any(word in one.split("\n") for one in self.heard):
            with contextlib.suppress(TimeoutError):
                self.heard.append(self.socket.recv(1 << 16).decode())
                continue
            while program.pump(0):
                pass
            if program.process.poll() is not None:
                raise AssertionError("it ended:\n" + program.describe())
            if time.monotonic() > deadline:
                raise AssertionError(f"no {word}:\n" + program.describe())


class FleetCase(MuleCase):

    broker_kind = "redis"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        missing = brokers.missing(cls.broker_kind)
        if missing:
            raise RuntimeError(f"{missing} is not installed")
        server = (brokers.RedisServer if cls.broker_kind == "redis"
                  else brokers.RabbitServer)
        cls.broker = cls.enter_class(server())

    @classmethod
    def enter_class(cls, context):
        value = context.__enter__()
        cls.addClassCleanup(context.__exit__, None, None, None)
        return value

    def kept(self):
        return self.broker.pids()

    def _look_behind(self):
        # What Python's multiprocessing leaves when a Celery worker is killed.
        for name in os.listdir(self.tmp):
            if name.startswith("pymp-"):
                os.rmdir(os.path.join(self.tmp, name))
        super()._look_behind()

    def setUp(self):
        super().setUp()
        self.environment["MULE_BROKER"] = self.broker.url
        self.environment["XDG_STATE_HOME"] = os.path.join(self.home, "state")
        self.builds = []
        self.workers = {}  # by name, those that are to be ended
        self.begun = []
        self.addCleanup(self.check_broker)

    # ------------------------------------------------------------- workers

    def start_worker(self, *args, name="one", kind="native", slots=1,
                     broker=None, wait=True, env=None, cwd=None):
        """Starts a worker, native or Python's, and waits until it serves.

        Its log is what it writes to standard error.
        """
        start = (self._start_native if kind == "native"
                 else self._start_stock)
        program = start(args, name, slots, broker or self.broker.url, env,
                        cwd, wait)
        self.workers[name] = program
        self.begun.append(program)
        return program

    def _start_native(self, args, name, slots, url, env, cwd, wait):
        notices = Notices(self, f"notices-{name}-{len(self.running)}")
        program = self.start(
            "worker", "-n", name, "-c", str(slots), *args, cwd=cwd,
            env={"MULE_BROKER": url, "NOTIFY_SOCKET": notices.path,
                 **(env or {})})
        program.notices = notices
        if wait:
            notices.wait_for("READY=1", program)
        return program

    stock_version = "newest"

    def _start_stock(self, args, name, slots, url, env, cwd, wait):
        python = celery_env.python(self.stock_version)
        program = self.start(
            "-m", "celery", "-A", "mule.tasks", "-b", url, "worker", "-Q",
            "default", "-n", f"{name}@%h", "-c", str(slots), "--loglevel",
            "INFO", "--without-mingle", *args, binary=python, cwd=cwd,
            env={"PYTHONPATH": os.path.join(ROOT, "python"),
                 "MULE_BINARY": BINARY, "MULE_BROKER": None, **(env or {})})
        if wait:
            program.wait_text(r" ready\.")
        return program

    def stop_worker(self, name="one"):
        """As an operator stops it; gives its exit status."""
        program = self.workers.pop(name)
        os.kill(program.pid, 15)
        return program.wait()

    def _close_all(self):
        # A worker that is told to end cleans up; one that is killed leaves
        # that to the next one of its name.
        for program in self.workers.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(program.pid, 15)
        for program in self.workers.values():
            with contextlib.suppress(AssertionError):
                program.wait()
        for program in self.begun:
            while program.pump(0):
                pass
            print(program.describe())  # seen where the test fails
        super()._close_all()

    # -------------------------------------------------------------- builds

    def _words(self, args):
        words = ["--distributed"]
        if "--lease" not in args:
            words += ["--lease", LEASE]
        if "--id" not in args:
            build = f"b{len(self.builds)}-{self.mark}"
            words += ["--id", build]
        else:
            build = args[args.index("--id") + 1]
        self.builds.append(build)
        return [*words, *args]

    def distributed(self, *args, **more):
        """Runs a build on the fleet to its end."""
        return self.mule_test(*self._words(args), **more)

    def start_distributed(self, *args, **more):
        return self.start_test(*self._words(args), **more)

    def workspace(self):
        """A mule.yaml whose scripts note each time they run.

        `noted("setup")` gives the lines: build and process.
        """
        note = 'echo "$BUILD_ID $WORKSPACE" >>"%s"'
        self.suite({"mule.yaml": "workspaces:\n  ci:\n" + "".join(
            f"    {which}: {note % os.path.join(self.home, which)}\n"
            for which in ("setup", "teardown"))})

    def noted(self, which):
        try:
            with open(os.path.join(self.home, which)) as file:
                return file.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    # --------------------------------------------------------------- after

    def proxy(self):
        return self.enterContext(Proxy(self.broker.port))

    if sys.version_info < (3, 11):
        def enterContext(self, context):
            value = context.__enter__()
            self.addCleanup(context.__exit__, None, None, None)
            return value

    def leftovers(self):
        """What bears the name of one of this test's builds."""
        if self.broker.process is None:
            return []
        if self.broker_kind == "redis":
            found = [key for key in self.broker.keys() if self._ours(key)]
            for key in self.broker.keys():
                kind = self.broker.command("TYPE", key)
                if kind == b"list":
                    values = self.broker.command("LRANGE", key, 0, -1)
                elif kind == b"hash":
                    values = self.broker.command("HVALS", key)
                else:
                    continue
                found += [f"a message in {key}" for value in values
                          if self._ours(value.decode("utf-8", "replace"))]
            return found
        return [name for name in [*self.broker.queues(),
                                  *self.broker.exchanges()]
                if self._ours(name)]

    def _ours(self, text):
        return any(build in text for build in self.builds)

    def check_broker(self):
        """Nothing is left there once everybody is done, within a lease."""
        if not self.builds:
            return
        deadline = time.monotonic() + 10
        while (left := self.leftovers()) and time.monotonic() < deadline:
            # Nobody tells when the last worker has cleaned up.
            time.sleep(0.1)
        self.assertEqual(left, [])

    def kill_tree(self, pid):
        """Kills a process and all below it, as a machine that dies does."""
        pids = [pid, *processes.descendants_of(pid)]
        for one in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, 9)
