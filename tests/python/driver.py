"""Plays mule's part of the adapter protocol for the tests of the Python side.

Small on purpose: one thread, every wait has a deadline, and just enough of
mule's judgement (what crashed, what is left) to run a suite to its end.
"""

import json
import mmap
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
ADAPTER = os.path.join(ROOT, "python", "mule", "adapters", "__main__.py")
PATIENCE = 30  # seconds that anything may take


class Gone(Exception):
    """The other side ended the connection."""


class Peer:
    """One connection to an adapter process."""

    def __init__(self, sock):
        self.sock = sock
        self.rest = b""
        self.messages = []
        self.log = []
        self.open = True
        self.hello = None

    def send(self, message):
        self.sock.sendall(json.dumps(message).encode() + b"\n")

    def read(self):
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            self.open = False
            self.sock.close()
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line.decode("utf-8"))
            self.messages.append(message)
            self.log.append(message)


class Driver:
    """A suite in a temporary folder, its zygote and one worker."""

    def __init__(self, files=None, python=sys.executable, options=None,
                 page=True, merged=False, args=()):
        self.home = os.path.realpath(tempfile.mkdtemp(prefix="mule-"))
        self.folder = os.path.join(self.home, "suite")
        os.mkdir(self.folder)
        for name, text in (files or {}).items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(textwrap.dedent(text))
        self.python = python
        self.args = args
        self.options = dict({"isolation": "class", "verbosity": 1,
                             "max_output": 100000}, **(options or {}))
        self.page = page
        self.merged = merged
        self.socket_path = os.path.join(self.home, "s")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket_path)
        self.listener.listen(16)
        self.peers = []
        self.process = None
        self.zygote = None
        self.jobs = []
        self.ids = []
        self.lines = []
        self.run_number = 0
        self.worker_pids = set()
        self.exited = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for peer in self.peers:
            peer.sock.close()
        self.listener.close()
        if self.process is not None:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in self.worker_pids:
            try:
                os.killpg(pid, signal.SIGKILL)
            except OSError:
                pass
        shutil.rmtree(self.home, ignore_errors=True)

    # Conversation.

    def poll(self, deadline):
        """Let one thing happen."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the adapter is silent: %r" % [
                peer.log[-5:] for peer in self.peers])
        socks = [peer.sock for peer in self.peers if peer.open]
        ready = select.select([self.listener] + socks, [], [], left)[0]
        for sock in ready:
            if sock is self.listener:
                self.peers.append(Peer(sock.accept()[0]))
            else:
                next(p for p in self.peers if p.sock is sock).read()

    def message(self, peer, *kinds):
        """The next message of that peer, which must be of these kinds."""
        deadline = time.monotonic() + PATIENCE
        while not peer.messages:
            if not peer.open:
                raise Gone("no %s: %r" % (kinds, peer.log[-5:]))
            self.poll(deadline)
        message = peer.messages.pop(0)
        if kinds and message["msg"] not in kinds:
            raise AssertionError("%s expected, not %r" % (kinds, message))
        return message

    def accept(self):
        """The next peer that says hello."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for peer in self.peers:
                if peer.hello is None and peer.messages:
                    peer.hello = self.message(peer, "hello")
                    peer.send({"msg": "welcome", "protocol": "1.0",
                               "version": "0", "build": "b",
                               "options": self.options})
                    return peer
            self.poll(deadline)

    def spawn(self, role, slot=None, env=None, stdout=None, stderr=None):
        """Start the adapter's command; returns its peer."""
        environ = dict(os.environ, MULE_SOCKET=self.socket_path,
                       MULE_ROLE=role, PYTHONHASHSEED="0", **(env or {}))
        environ.pop("PYTHONUNBUFFERED", None)
        environ.pop("PYTHONPATH", None)
        if slot is not None:
            environ["MULE_SLOT"] = str(slot)
        out = open(stdout or os.path.join(self.home, "z.out"), "ab")
        err = open(stderr or os.path.join(self.home, "z.err"), "ab")
        with out, err:
            self.process = subprocess.Popen(
                [self.python, *self.args, ADAPTER, "unittest"],
                cwd=self.folder, env=environ, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, start_new_session=True)
        return self.accept()

    def start(self, **kwargs):
        self.zygote = self.spawn("zygote", **kwargs)
        return self.zygote

    def collect(self, *labels, **options):
        """Fill `jobs` and `ids`; the other messages are returned."""
        if self.zygote is None:
            self.start()
        self.zygote.send(dict({"msg": "collect", "labels": labels,
                               "basedir": ".", "pattern": "test*.py",
                               "top": None, "skip": {}}, **options))
        others = []
        self.jobs, self.ids, self.lines = [], [], []
        while True:
            message = self.message(self.zygote)
            if message["msg"] == "collected":
                assert message["jobs"] == len(self.jobs), message
                assert message["items"] == len(self.ids), message
                return others
            if message["msg"] != "job":
                others.append(message)
                continue
            message["first"] = len(self.ids)
            message["count"] = len(message["items"])
            self.jobs.append(message)
            for ident, line in message["items"]:
                if ident.startswith("."):
                    ident = message["name"] + ident
                self.ids.append(ident)
                self.lines.append(line)

    def fork(self, slot=0, env=None):
        """A worker made by the zygote."""
        base = os.path.join(self.home, "%d." % slot)
        message = {"msg": "fork", "slot": slot, "env": env or {},
                   "out": base + "out", "err": base + "err"}
        if self.merged:
            message["err"] = message["out"]
        if self.page:
            with open(base + "page", "wb") as file:
                file.write(bytes(4096))
            message["page"] = base + "page"
        self.zygote.send(message)
        answer = self.message(self.zygote, "forked", "exited")
        while answer["msg"] == "exited":
            self.exited.append(answer)
            answer = self.message(self.zygote, "forked", "exited")
        pid = answer["pid"]
        self.worker_pids.add(pid)
        worker = self.accept()
        assert worker.hello["pid"] == pid, worker.hello
        assert worker.hello["slot"] == slot
        return worker

    def fork_ended(self, slot):
        """Wait until the workers of that slot have ended."""
        pids = {peer.hello["pid"] for peer in self.peers if peer.hello
                and peer.hello.get("slot") == slot
                and "resume" not in peer.hello}
        while not pids <= {message["pid"] for message in self.exited}:
            self.exited.append(self.message(self.zygote, "exited"))

    def read_page(self, slot=0):
        """What the page says: (pid, job, passed items, running item)."""
        with open(os.path.join(self.home, "%d.page" % slot), "rb") as file:
            words = struct.unpack("1024I", file.read(mmap.PAGESIZE))
        begun, ended = words[2], words[3]
        items = [words[16 + 2 * k] - 1 for k in range(begun)]
        return (words[0], words[1] - 1, items[:ended],
                items[ended] if begun > ended else None)

    # A whole run.

    def ask(self, worker, job, items=None, env=None):
        """Send `run` for a job of the collection."""
        self.run_number += 1
        message = {"msg": "run", "job": self.run_number, "attempt": 1,
                   "name": job["name"], "load": job["load"],
                   "first": job["first"], "count": job["count"],
                   "env": env or {}}
        if items is not None:
            del message["first"], message["count"]
            message["items"] = items
        if self.zygote is None or worker.hello.get("can") == ["run"]:
            asked = items if items is not None else range(
                job["first"], job["first"] + job["count"])
            message["ids"] = [self.spawn_id(n) for n in asked]
        worker.send(message)
        return self.run_number

    def spawn_id(self, number):
        """The id, with #2 for the second of its kind."""
        before = self.ids[:number].count(self.ids[number])
        return self.ids[number] + ("#%d" % (before + 1) if before else "")

    def run(self, worker=None):
        """Run every job of the collection, as mule would; an `Outcome`."""
        outcome = Outcome(self)
        for job in self.jobs:
            items = None
            while items is None or items:
                if worker is None or not worker.open:
                    worker = self.successor(worker) or self.fork()
                number = self.ask(worker, job, items)
                items = self.follow(worker, job, items, number, outcome)
        if worker is not None and worker.open:
            worker.send({"msg": "stop"})
        return outcome

    def follow(self, worker, job, items, number, outcome):
        """Follow one run to its end; what is left of it."""
        left = items
        if left is None:
            left = range(job["first"], job["first"] + job["count"])
        left = list(left)
        running, crashed = None, False
        while True:
            try:
                message = self.message(self.speaker(worker))
            except Gone:
                _, _, passed, running = self.read_page()
                for item in passed:
                    outcome.end(item, {"state": "passed"})
                    left.remove(item)
                if running is not None:
                    outcome.end(running, {"state": "crashed"})
                    left.remove(running)
                return left
            kind = message["msg"]
            if kind == "started":
                running = message["item"]
            elif kind == "passed":
                for item, us in message["items"]:
                    outcome.end(item, {"state": "passed", "us": us})
                    left.remove(item)
                running = None
            elif kind == "finished":
                outcome.end(message["item"], message)
                left.remove(message["item"])
                running = None
            elif kind == "fixture":
                outcome.fixtures.append(message)
            elif kind == "exit":
                outcome.exits.append(message)
                if running is not None:
                    outcome.end(running, {"state": "crashed"})
                    left.remove(running)
                    running, crashed = None, True
            elif kind == "done":
                outcome.done.append(message)
                if left and not crashed and not message.get("left"):
                    raise AssertionError("no result for %r" % left)
                if message.get("left") \
                        and self.options["isolation"] == "worker":
                    worker.open = False  # it ends itself now
                return left
            elif kind != "process":
                raise AssertionError("unexpected %r" % message)

    def speaker(self, worker):
        """The worker, or who came back for it with `resume`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for peer in self.peers:
                if peer.hello is None and peer.messages:
                    self.accept()
                if peer.hello and "resume" in peer.hello and peer.messages \
                        and peer.hello["slot"] == worker.hello["slot"]:
                    return peer
            if worker.messages:
                return worker
            if not worker.open and self.has_exited(worker):
                return worker
            self.poll(deadline)

    def successor(self, worker):
        """The connection that a worker made after it lost its own."""
        if worker is None or self.options["isolation"] != "worker":
            return None
        for peer in self.peers:
            if peer.open and peer.hello and "resume" in peer.hello \
                    and peer.hello["pid"] == worker.hello["pid"]:
                return peer
        return None

    def has_exited(self, worker):
        """Has the zygote said so? A worker may also come back."""
        if worker.hello["can"] == ["run"]:
            return True
        for message in list(self.zygote.messages):
            if message["msg"] == "exited":
                self.exited.append(message)
                self.zygote.messages.remove(message)
        return worker.hello["pid"] in [
            message["pid"] for message in self.exited]

    def output(self, slot=0, stream="out"):
        with open(os.path.join(self.home, "%d.%s" % (slot, stream)),
                  "rb") as file:
            return file.read()

    def zygote_output(self):
        text = b""
        for name in ("z.out", "z.err"):
            with open(os.path.join(self.home, name), "rb") as file:
                text += file.read()
        return text


class Outcome:
    """What a run came to, and unittest's totals for it."""

    def __init__(self, driver):
        self.driver = driver
        self.results = {}
        self.fixtures = []
        self.exits = []
        self.done = []

    def end(self, item, message):
        assert item not in self.results, (item, message)
        self.results[item] = message

    def __getitem__(self, ident):
        """The result of the item whose id ends with `ident`."""
        found = [n for n, name in enumerate(self.driver.ids)
                 if name == ident or name.endswith("." + ident)]
        assert len(found) == 1, (ident, self.driver.ids)
        return self.results[found[0]]

    def states(self):
        return {self.driver.ids[n]: result["state"]
                for n, result in self.results.items()}

    def totals(self):
        """Counted as the protocol page says that unittest counts."""
        totals = dict.fromkeys(("run", "failures", "errors", "skipped",
                                "expectedFailures", "unexpectedSuccesses"), 0)
        for result in list(self.results.values()) + self.fixtures:
            if result.get("msg") != "fixture":
                totals["run"] += result.get("ran", True)
            kinds = [f["kind"] for f in result.get("findings", ())]
            totals["failures"] += kinds.count("failure")
            totals["errors"] += kinds.count("error")
            if result["state"] == "skipped" and "skip" not in kinds:
                totals["skipped"] += result.get("counted", True)
            totals["skipped"] += kinds.count("skip")
            totals["expectedFailures"] += result["state"] == "xfailed"
            totals["unexpectedSuccesses"] += result["state"] == "xpassed"
        return totals


def unittest_totals(folder, python=sys.executable, labels=()):
    """The same totals from `python -m unittest` itself, in `folder`."""
    code = textwrap.dedent("""
        import json, os, sys, unittest
        sys.path[0] = os.getcwd()
        real = os.dup(1)
        class Result(unittest.TextTestResult):
            pass
        class Runner(unittest.TextTestRunner):
            resultclass = Result
            def run(self, test):
                result = super().run(test)
                os.write(real, b"\\n\\0" + json.dumps({
                    "run": result.testsRun,
                    "failures": len(result.failures),
                    "errors": len(result.errors),
                    "skipped": len(result.skipped),
                    "expectedFailures": len(result.expectedFailures),
                    "unexpectedSuccesses": len(result.unexpectedSuccesses),
                }).encode() + b"\\0")
                return result
        unittest.main(module=None, testRunner=Runner,
                      argv=["unittest"] + sys.argv[1:])
    """)
    found = subprocess.run(
        [python, "-c", code, *labels], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=PATIENCE)
    parts = found.stdout.split(b"\0")
    assert len(parts) == 3, found.stderr.decode()
    return json.loads(parts[1])
