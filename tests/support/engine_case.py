"""A TestCase that plays the worker of an engine, `mule worker --engine`.

Speaks docs/protocol/engine.md over a socket, and remembers all that the engine
says: `engine.updates` is the list of its updates, `engine.said` of everything
else.
"""

import hashlib
import json
import os
import select
import socket

from .mule_case import MuleCase

# Seconds that the engine may take to call.
PATIENCE = 60


def digest_of(ids):
    text = "".join(id + "\n" for id in ids)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def order(job, name, ids, attempt=1, load=None, kind="class", **more):
    """An order for a job that was collected with these ids."""
    return {"o": [job, attempt], "name": name, "kind": kind,
            "load": name.rpartition(".")[0] if load is None else load,
            "digest": digest_of(ids), "total": len(ids), **more}


def program(job, name, attempt=1, **more):
    """An order for a program."""
    return {"o": [job, attempt], "name": name, "kind": "command",
            "file": name, "total": 1, **more}


class Engine:
    """One engine and the connection to it."""

    def __init__(self, case, *words, env=None, cwd=None):
        self.said = []
        self.updates = []
        self.buffer = bytearray()
        self.parsed = 0
        path = os.path.join(case.home, "w%d" % len(case.running))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        self.program = case.start("worker", "--engine", *words,
                                  env={"MULE_SOCKET": path, **(env or {})},
                                  cwd=cwd)
        try:
            ready, _, _ = select.select([listener, self.program.end], [], [],
                                        PATIENCE)
            if listener not in ready:
                raise AssertionError("no call: " + self.program.describe())
            self.socket = listener.accept()[0]
        finally:
            listener.close()
        case.addCleanup(self.socket.close)
        self.program.watch(self.socket.fileno(), self.buffer)
        self.hello = self.await_said("hello")

    def say(self, msg, **members):
        self.socket.setblocking(True)
        self.socket.sendall(json.dumps(
            {"msg": msg, **members}).encode() + b"\n")
        self.socket.setblocking(False)

    def _parse(self):
        while True:
            end = self.buffer.find(b"\n", self.parsed)
            if end < 0:
                return
            message = json.loads(self.buffer[self.parsed:end])
            self.parsed = end + 1
            if message["msg"] == "u":
                self.updates += message["u"]
            else:
                self.said.append(message)

    def wait(self, find, what):
        def condition():
            self._parse()
            return find()
        return self.program.wait_until(condition, what)

    def await_said(self, msg):
        def find():
            return next((m for m in self.said if m["msg"] == msg), None)
        return self.wait(find, msg)

    def all(self, kind, job=None):
        self._parse()
        return [u for u in self.updates
                if u["k"] == kind and (job is None or u["o"][0] == job)]

    def await_update(self, kind, job=None, attempt=None):
        def find():
            return next((u for u in self.all(kind, job)
                         if attempt is None or u["o"][1] == attempt), None)
        return self.wait(find, "%s of %s" % (kind, job))

    def states(self, job, attempt=1):
        """States by place, of what was collected."""
        return {u["i"]: u["state"] for u in self.all("result", job)
                if u["o"][1] == attempt}

    @property
    def text(self):
        """What its scripts printed."""
        return "".join(u["text"] for u in self.all("said"))

    def close(self):
        """As a worker that dies."""
        del self.program.sources[self.socket.fileno()]
        self.socket.close()


class EngineCase(MuleCase):

    def engine(self, *options, env=None, cwd=None, **plan):
        """An engine that has its plan."""
        engine = Engine(self, env=env, cwd=cwd)
        engine.say("plan", **{
            "build": "b1", "revision": "r7", "hash_seed": "77",
            "options": list(options), "base": 4, "slots": 2, "total": 9,
            "tree": {}, "workspace": None, "home": self.home,
            "node": "w@here", "prepared": False, "noop": False, **plan})
        return engine

    def ready(self, *options, **more):
        engine = self.engine(*options, **more)
        engine.await_said("ready")
        return engine

    def tear_down(self, engine, now=False):
        """Ends it as its worker does; gives what it said of that."""
        engine.say("teardown", now=now)
        left = engine.await_said("left")
        status = engine.program.wait()
        self.assertEqual(status, 0, engine.program.describe())
        return left
