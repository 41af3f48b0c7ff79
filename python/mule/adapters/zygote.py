"""The zygote: loads the suite once, and makes workers of itself."""

import faulthandler
import gc
import os
import signal
import sys

from .. import __version__
from .capture import Capture, CStreams, write_through
from .collect import Collection
from .found import Found, Loaded
from .own import select, wait4
from .page import page_map
from .protocol import Connection, Refused, dump_signal, forks, greeting, \
    move_up, rusage_of
from .settings import Settings, warn_as_unittest
from .worker import Worker, apply_env

__unittest = True

_exit, _setpgid = os._exit, os.setpgid
_pidfd_open = getattr(os, "pidfd_open", None)


def main():
    """Serve as what MULE_ROLE says, until mule says stop."""
    path = os.environ.pop("MULE_SOCKET", None)
    role = os.environ.pop("MULE_ROLE", "zygote")
    if path is None:
        sys.exit("this is started by mule, which sets MULE_SOCKET")
    dump_to(2)
    write_through()
    try:
        if role == "zygote":
            Zygote(path).serve()
        else:
            spawned(path)
    except Refused as problem:
        sys.exit("mule: " + str(problem))


def dump_to(fd):
    """Say on `fd` where every thread is: when asked to, and in a crash."""
    faulthandler.register(dump_signal(), file=fd, all_threads=True)
    faulthandler.enable(file=fd, all_threads=True)


class Zygote:
    """One conversation with mule."""

    def __init__(self, path):
        self.path = path
        self.connection = Connection(path, greeting(
            "zygote", ["collect", "fork", "run"], __version__))
        if self.connection.options is None:
            _exit(0)
        self.c_streams = CStreams()
        self.settings = Settings(self.connection.options, self.c_streams,
                                 True)
        self.collection = None
        self.children = {}  # pid: (slot, pidfd or None)
        self.poll = select.poll()
        self.poll.register(self.connection.fd, select.POLLIN)
        self.runner = None

    def serve(self):
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
        import atexit
        try:
            atexit._run_exitfuncs()
        except BaseException:
            pass
        self.settings.save()
        if number is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _exit(0)

    def _answer(self, message):
        kind = message.get("msg")
        if kind == "collect":
            self._collect(message)
        elif kind == "fork":
            self._fork(message)
        elif kind == "run":
            return self._run(message)
        elif kind == "stop":
            return False
        return True

    def _collect(self, message):
        labels = message.get("labels") or []
        sys.argv[1:] = labels
        self.collection = Collection(self.connection.send,
                                     message.get("skip") or {})
        self.collection.collect(labels, message.get("basedir") or ".",
                                message.get("pattern") or "test*.py",
                                message.get("top"))
        self.settings.before_forks()
        gc.collect()
        gc.freeze()

    def _run(self, message):
        """Run a job right here: the terminal belongs to it."""
        if self.runner is None:
            gc.unfreeze()
            warn_as_unittest()
            self.runner = Worker(self.connection, Capture(), None,
                                 Found(self.collection), self.settings)
        whole = self.runner.run(message)
        if self.settings.interrupted:
            self._end(signal.SIGINT)
        return whole

    # Workers.

    def _fork(self, message):
        slot = message["slot"]
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
            dump_to(capture.err)
            words, can = None, ["run", "process"]
            if message.get("page"):
                words = page_map(message["page"])
                can.append("page")
            hello = dict(greeting("worker", can, __version__),
                         slot=message["slot"])
            connection = Connection(self.path, hello)
            if connection.options is None:
                _exit(0)
            warn_as_unittest()
            worker = Worker(connection, capture, words,
                            Found(self.collection), self.settings)
            if worker.isolated:
                gc.freeze()
            else:
                gc.unfreeze()
            worker.serve()
            _exit(0)
        except Refused as problem:
            os.write(2, ("mule: %s\n" % problem).encode())
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            _exit(1)


def spawned(path):
    """A worker that loads what each of its jobs names."""
    slot = os.environ.get("MULE_SLOT", "")
    hello = greeting("worker", ["run"], __version__)
    if slot.isdigit():
        hello["slot"] = int(slot)
    capture = Capture()
    dump_to(capture.err)
    connection = Connection(path, hello)
    if connection.options is None:
        _exit(0)
    settings = Settings(connection.options, CStreams(), False)
    near = Collection(lambda message: None).notes.near
    worker = Worker(connection, capture, None, Loaded(near), settings)
    worker.serve()
    _exit(0)
