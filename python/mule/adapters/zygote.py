"""The zygote: loads the suite once, and makes workers of itself."""

import contextlib
import faulthandler
import gc
import os
import signal
import sys

from .. import __version__
from .capture import Capture, CStreams, write_through
from ..harness import Harness, Unfit
from .found import Found, Loaded
from .own import select, wait4
from .page import page_map
from .protocol import Connection, Refused, dump_signal, forks, greeting, \
    move_up, rusage_of
from .settings import Settings
from .worker import Worker, apply_env

__unittest = True

_exit, _setpgid = os._exit, os.setpgid
_pidfd_open = getattr(os, "pidfd_open", None)
LOADED = 100000  # objects made between two looks at them while loading


def main(harness=None):
    """Serve as what MULE_ROLE says, until mule says stop."""
    path = os.environ.pop("MULE_SOCKET", None)
    role = os.environ.pop("MULE_ROLE", "zygote")
    harness = harness or Harness()
    if role == "tidy":
        sys.exit(harness.tidy(os.environ.get("MULE_BUILD_ID", "")))
    if path is None:
        sys.exit("this is started by mule, which sets MULE_SOCKET")
    dump_to(2, harness)
    write_through()
    try:
        if role == "zygote":
            Zygote(path, harness).serve()
        else:
            spawned(path, harness)
    except Refused as problem:
        sys.exit("mule: " + str(problem))


def dump_to(fd, harness):
    """Say on `fd` where every thread is: when asked to, and in a crash."""
    faulthandler.register(dump_signal(), file=fd, all_threads=True)
    if harness.faulthandler:
        faulthandler.enable(file=fd, all_threads=True)
    else:
        faulthandler.disable()


def unfit(problem):
    """What to say where nothing can be run."""
    message = {"msg": "unfit", "reason": str(problem)}
    if problem.hint:
        message["hint"] = problem.hint
    return message


@contextlib.contextmanager
def keeping():
    """What is made here stays: the collector looks for garbage less often.

    A suite that sets its threshold while it is loaded has its way.
    """
    theirs = gc.get_threshold()
    ours = (max(theirs[0], LOADED) if theirs[0] else 0, *theirs[1:])
    gc.set_threshold(*ours)
    try:
        yield
    finally:
        if gc.get_threshold() == ours:
            gc.set_threshold(*theirs)


class Zygote:
    """One conversation with mule."""

    def __init__(self, path, harness):
        self.path = path
        self.harness = harness
        self.connection = Connection(path, greeting(
            "zygote", ["collect", "fork", "run", *harness.can], __version__,
            harness.name))
        if self.connection.options is None:
            _exit(0)
        self.c_streams = CStreams()
        self.settings = Settings(self.connection.options, self.c_streams,
                                 True, harness.command)
        self.collection = None
        self.children = {}  # pid: (slot, pidfd or None)
        self.poll = select.poll()
        self.poll.register(self.connection.fd, select.POLLIN)
        self.runner = None
        self.prepared = "prepare" not in harness.can
        harness.welcomed(self.connection.options, self.connection)
        if harness.can:
            self.connection.gone = self._end

    def serve(self):
        try:
            self._serve()
        except KeyboardInterrupt:
            self._end()

    def _serve(self):
        while True:
            if not self.connection.has_more() and not self._wait():
                continue
            messages = self.connection.take()
            if messages is None:
                break
            for message in messages:
                if not self._answer(message):
                    self._end()
        self._end()

    def _wait(self):
        """Until something happens; True: mule said something."""
        slow = any(fd is None for _, fd in self.children.values())
        ready = [fd for fd, _ in self.poll.poll(50 if slow else None)]
        if slow or ready != [self.connection.fd]:
            self._reap()
        return self.connection.fd in ready

    def _end(self, number=None):
        """Exit functions run; nobody waits for threads, or for memory.

        `number` is the signal that ends this process, if one does.
        """
        self.connection.gone = None
        status = 1
        try:
            self.harness.ending()
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        import atexit
        try:
            atexit._run_exitfuncs()
        except BaseException:
            pass
        self.settings.save()
        if number is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _exit(status)

    def _answer(self, message):
        kind = message.get("msg")
        if kind == "collect":
            self._collect(message)
        elif kind == "fork":
            self._fork(message)
        elif kind == "run":
            return self._run(message)
        elif kind == "prepare":
            if self._prepare():
                self.connection.send({"msg": "prepared"})
        elif kind == "stop":
            return False
        return True

    def _collect(self, message):
        labels = message.get("labels") or []
        self.collection = self.harness.collection(self.connection.send,
                                                  message.get("skip") or {})
        self.collection.named(labels)
        try:
            with keeping():
                self.collection.collect(
                    labels, message.get("basedir") or ".",
                    message.get("pattern") or "test*.py", message.get("top"))
        except Unfit as problem:
            self.connection.send(unfit(problem))
            return
        self.harness.collected()
        if self.prepared:
            self._settle()

    def _settle(self):
        """What is there now is there for good, and forks are to share it."""
        self.settings.before_forks()
        gc.collect()
        gc.freeze()

    def _prepare(self):
        """False: nothing can be run, and mule knows."""
        if self.prepared:
            return True
        self.prepared = True
        try:
            with keeping():
                self.harness.prepare(lambda text: self.connection.send(
                    {"msg": "preparing", "text": text}))
        except Unfit as problem:
            self.connection.send(unfit(problem))
            return False
        self._settle()
        return True

    def _run(self, message):
        """Run a job right here: the terminal belongs to it."""
        if self.runner is None:
            if not self._prepare():
                return True
            gc.unfreeze()
            self.harness.warn()
            self.harness.worker_began(0, True)
            self.runner = Worker(self.connection, Capture(), None,
                                 Found(self.collection), self.settings,
                                 self.harness)
        whole = self.runner.run(message)
        if self.settings.interrupted:
            self._end(signal.SIGINT)
        return whole

    # Workers.

    def _fork(self, message):
        slot = message["slot"]
        if not self._prepare():
            return
        try:
            pid = forks.fork()
        except OSError as problem:
            self.connection.send({"msg": "failed", "slot": slot,
                                  "reason": "fork: " + problem.strerror})
            return
        if pid == 0:
            self._be_worker(message)
        fd = None
        if _pidfd_open is not None:
            try:
                fd = move_up(_pidfd_open(pid))
                self.poll.register(fd, select.POLLIN)
            except OSError:
                fd = None
        self.children[pid] = (slot, fd)
        self.connection.send({"msg": "forked", "slot": slot, "pid": pid})

    def _reap(self):
        for pid in list(self.children):
            found, status, usage = wait4(pid, os.WNOHANG)
            if found == 0:
                continue
            slot, fd = self.children.pop(pid)
            if fd is not None:
                self.poll.unregister(fd)
                os.close(fd)
            self.connection.send({
                "msg": "exited", "slot": slot, "pid": pid, "status": status,
                "rusage": rusage_of(usage)})

    def _be_worker(self, message):
        """In the fork; does not return."""
        try:
            _setpgid(0, 0)
            self.connection.close()
            for _, fd in self.children.values():
                if fd is not None:
                    os.close(fd)
            apply_env(message.get("env"))
            capture = Capture(message.get("out"), message.get("err"))
            dump_to(capture.err, self.harness)
            words, can = None, ["run", "process"]
            if message.get("page"):
                words = page_map(message["page"])
                can.append("page")
            hello = dict(greeting("worker", can, __version__,
                                  self.harness.name), slot=message["slot"])
            connection = Connection(self.path, hello)
            if connection.options is None:
                _exit(0)
            self.harness.warn()
            begin(self.harness, connection, message["slot"], True)
            worker = Worker(connection, capture, words,
                            Found(self.collection), self.settings,
                            self.harness)
            if worker.isolated:
                gc.freeze()
            elif not self.harness.stays_frozen:
                gc.unfreeze()
            worker.serve()
            _exit(0)
        except Refused as problem:
            os.write(2, ("mule: %s\n" % problem).encode())
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            _exit(1)


def begin(harness, connection, slot, forked):
    """In a new worker. Ends it where nothing can be run."""
    try:
        harness.worker_began(slot, forked)
    except Unfit as problem:
        connection.send(unfit(problem))
        if not forked:
            harness.ending()
        _exit(0)


def spawned(path, harness):
    """A worker that loads what each of its jobs names."""
    slot = os.environ.get("MULE_SLOT", "")
    hello = greeting("worker", ["run"], __version__, harness.name)
    if slot.isdigit():
        hello["slot"] = int(slot)
    capture = Capture()
    dump_to(capture.err, harness)
    connection = Connection(path, hello)
    if connection.options is None:
        _exit(0)
    settings = Settings(connection.options, CStreams(), False,
                        harness.command)
    harness.welcomed(connection.options, connection)
    begin(harness, connection, hello.get("slot", 0), False)
    worker = Worker(connection, capture, None, Loaded(harness.collection),
                    settings, harness)
    worker.serve()
    harness.ending()
    _exit(0)
