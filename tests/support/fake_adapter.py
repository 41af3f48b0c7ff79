#!/usr/bin/env python3
"""An adapter without tests, as large, as fast and as unlucky as is wanted.

    mule test --adapter 'fake_adapter.py --items 1000000 --per-job 1000'
    mule test --adapter 'fake_adapter.py --misfortune run-die'

It speaks docs/protocol/adapter.md: as a zygote that forks workers or, with
--no-fork, as workers that mule starts itself. Its items are called
fake.Job0.test_0 and so on; all pass, but for --fail EVERY. A misfortune
strikes at one place, every time it is reached or, with --once FILE, only if
FILE is not there yet (it is made then). `--misfortunes` names them all.
"""

import argparse
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time

MISFORTUNES = {
    "never-connects": "the zygote stays away from the socket",
    "greeting-hang": "the zygote connects and says nothing",
    "greeting-die": "the zygote ends before it greets",
    "greeting-twice": "the zygote greets twice",
    "greeting-garbage": "the zygote's first line is no JSON",
    "greeting-major": "the zygote speaks protocol 2.0",
    "greeting-wrong": "the zygote's greeting has no pid",
    "greeting-slow": "the zygote's greeting comes byte by byte",
    "collect-hang": "no answer to collect",
    "collect-die": "the zygote is killed while it collects",
    "skip-ignored": "the same, and it does not care for `skip`",
    "collect-exit": "the zygote exits with 0 before `collected`",
    "collect-count": "`collected` counts one item too many",
    "collect-garbage": "a line of the collection is no JSON",
    "collect-long": "a line of the collection has 100 MB",
    "collect-close": "the zygote closes its connection while it collects",
    "collect-unknown": "every label is unknown",
    "import-hang": "loading fake_bad takes for ever, unless it is skipped",
    "import-die": "loading fake_bad ends the zygote, unless it is skipped",
    "fork-fail": "the zygote cannot fork",
    "fork-silent": "the zygote does not answer `fork`",
    "fork-die": "a worker ends before it greets",
    "fork-hang": "a worker never greets",
    "zygote-die": "the zygote is killed while workers run",
    "zygote-hang": "the zygote ignores everything after the first fork",
    "run-hang": "an item never ends",
    "run-stubborn": "an item never ends and ignores SIGTERM",
    "run-exit": "the worker exits with 0 in the middle of an item",
    "run-die": "the worker exits with 3 in the middle of an item",
    "run-kill": "the worker is killed in the middle of an item",
    "run-segv": "the worker's process crashes in the middle of an item",
    "run-before": "the worker is killed before the first item of a job",
    "run-after": "the worker is killed after the last item of a job",
    "run-close": "the worker closes its connection and lives on",
    "run-garbage": "the worker's line is no JSON",
    "run-wrong": "a member of a message has the wrong type",
    "run-long": "the worker sends a line of 100 MB",
    "run-greet": "the worker greets a second time",
    "run-unknown": "a result for an item that does not exist",
    "run-other": "a result for an item of another job",
    "run-job": "`done` for another job",
    "run-twice": "the same result twice",
    "run-missing": "`done`, and an item has no result",
    "run-left": "the worker gives the job back and has run none of it",
    "run-false-pid": "a worker with another's pid breaks the rules, and stays",
    "run-silent": "no `done` after the last result",
    "run-slow": "everything comes byte by byte",
    "run-noise": "messages that nobody knows",
    "run-grandchild": "the worker leaves a process behind, in its own session",
    "prepare-hang": "`prepare` is never done, until SIGINT",
    "prepare-stubborn": "the same, and SIGINT does not help",
    "prepare-unfit": "what `prepare` is to make cannot be made",
    "prepare-die": "the zygote is killed while it prepares",
    "prepare-exit": "the zygote exits with 0 while it prepares",
    "run-unfit": "a worker is unfit in place of running a job",
    "unfit-early": "the same, and the next one leads its group only afterwards",
    "stop-die": "the zygote is killed while it removes what it made",
    "stop-slow": "the zygote waits for SIGINT before it ends",
    "tidy-die": "the process that tidies up exits with 3",
    "tidy-hang": "the process that tidies up does not end",
    "tidy-complains": "the process that tidies up prints something",
    "note": "the zygote has notes",
    "stop-ignored": "neither `stop` nor the end of the connection ends it",
}
LONG = 100 * 1000 * 1000


def known(names):
    for name in names.split(","):
        if name not in MISFORTUNES:
            raise argparse.ArgumentTypeError("no misfortune: " + name)
    return names


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=10)
    parser.add_argument("--per-job", type=int, default=0,
                        help="items of a job (default: 10 or, of more than "
                        "1000 items, 100)")
    parser.add_argument("--fail", type=int, default=0, metavar="EVERY")
    parser.add_argument("--sleep-ms", type=float, default=0)
    parser.add_argument("--no-fork", action="store_true")
    parser.add_argument("--prepare", action="store_true",
                        help="make FILE when asked to prepare")
    parser.add_argument("--made", metavar="FILE",
                        help="what is made; removed at the end")
    parser.add_argument("--log", metavar="FILE", action="append", default=[],
                        help="a line for all that has to do with it")
    parser.add_argument("--misfortune", type=known, metavar="NAME,...")
    parser.add_argument("--at", type=int, default=1, metavar="ITEM")
    parser.add_argument("--once", metavar="FILE")
    parser.add_argument("--misfortunes", action="store_true")
    options = parser.parse_args()
    if not options.per_job:
        options.per_job = 10 if options.items <= 1000 else 100
    return options


class Fake:
    """What zygote and worker have in common."""

    def __init__(self, options):
        self.options = options
        self.socket = None
        self.unread = b""

    def meets(self, name):
        """Whether a misfortune strikes here and now."""
        if name not in (self.options.misfortune or "").split(","):
            return False
        if self.options.once:
            try:
                os.close(os.open(self.options.once,
                                 os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                return False
        return True

    def log(self, what):
        for path in self.options.log:
            with open(path, "ab", buffering=0) as file:
                file.write(what.encode() + b"\n")

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.environ["MULE_SOCKET"])

    def send(self, **message):
        self.send_bytes(json.dumps(message, separators=(",", ":")).encode()
                        + b"\n")

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.leave()

    def trickle(self, data):
        for byte in data:
            Fake.send_bytes(self, bytes([byte]))
            time.sleep(0.001)

    def send_long(self):
        self.send_bytes(b'{"msg":"warning","text":"' + b"x" * LONG + b'"}\n')

    def hello(self, role, can, **more):
        message = {"msg": "hello", "protocol": "1.0", "role": role,
                   "adapter": "fake", "version": "0",
                   "language": "Python %d.%d.%d" % sys.version_info[:3],
                   "pid": os.getpid(), "can": can, **more}
        return message

    def read(self):
        """Takes what has come; gives whole lines, or leaves at the end."""
        try:
            data = self.socket.recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            self.leave()
        *lines, self.unread = (self.unread + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def leave(self):
        if self.meets("stop-ignored"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            hang()
        os._exit(0)


def hang():
    while True:
        signal.pause()


class Zygote(Fake):
    def __init__(self, options):
        super().__init__(options)
        self.children = {}
        self.forked = False

    def greet(self):
        if self.meets("never-connects"):
            hang()
        self.connect()
        if self.meets("greeting-hang"):
            hang()
        if self.meets("greeting-die"):
            os._exit(3)
        can = ["collect"] if self.options.no_fork else ["collect", "fork"]
        if self.options.prepare:
            can += ["prepare", "tidy", "run"]
        hello = self.hello("zygote", can)
        if self.meets("greeting-major"):
            hello["protocol"] = "2.0"
        if self.meets("greeting-wrong"):
            del hello["pid"]
        if self.meets("greeting-garbage"):
            self.send_bytes(b"hello, this is no JSON\n")
        if self.meets("greeting-slow"):
            self.trickle(json.dumps(hello).encode() + b"\n")
            return
        self.send(**hello)
        if self.meets("greeting-twice"):
            self.send(**hello)

    def serve(self):
        self.greet()
        wake, wakened = socket.socketpair()
        for end in (wake, wakened):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakened.fileno())
        selector = selectors.DefaultSelector()
        selector.register(self.socket, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while True:
            try:
                self.serve_once(selector, wake)
            except KeyboardInterrupt:
                # Meant for what it prepared: that was done just now.
                self.log("interrupted")
                self.leave()

    def serve_once(self, selector, wake):
        ready = [key.fileobj for key, _ in selector.select()]
        if wake in ready:
            wake.recv(4096)
            self.bury()
        if self.socket in ready:
            for message in self.read():
                self.answer(message)

    def answer(self, message):
        if self.forked and self.meets("zygote-hang"):
            hang()
        kind = message["msg"]
        if kind == "collect":
            self.collect(message)
        elif kind == "fork":
            self.fork(message)
        elif kind == "prepare":
            self.prepare()
        elif kind == "welcome":
            self.log("options " + json.dumps(message["options"]))
        elif kind in ("stop", "refused"):
            self.leave()

    # ---------------------------------------------------------- preparing

    def prepare(self):
        if self.meets("prepare-stubborn"):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self.log("prepare")
            if self.meets("prepare-unfit"):
                self.send(msg="unfit", reason="no server\nis there at all",
                          hint="start one")
                return
            self.send(msg="preparing", text="making the thing")
            open(self.options.made, "w", encoding="utf-8").close()
            if self.meets("prepare-die"):
                os.kill(os.getpid(), signal.SIGKILL)
            if self.meets("prepare-exit"):
                os._exit(0)
            if self.meets("prepare-hang"):
                hang()
            if self.meets("prepare-stubborn"):
                hang()
        except KeyboardInterrupt:
            self.log("interrupted")
            self.leave()
        print("printed by the one who prepares", flush=True)
        self.send(msg="prepared")

    def leave(self):
        """What was made is removed."""
        self.log("leave")
        if self.meets("stop-die"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.meets("stop-slow"):
            try:
                self.log("slow")
                hang()
            except KeyboardInterrupt:
                self.log("interrupted")
        if self.options.made and os.path.exists(self.options.made):
            os.unlink(self.options.made)
        super().leave()

    def bury(self):
        while self.children:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            self.send(msg="exited", slot=self.children.pop(pid), pid=pid,
                      status=status,
                      rusage={"user_us": int(usage.ru_utime * 1e6),
                              "system_us": int(usage.ru_stime * 1e6),
                              "maxrss_kib": usage.ru_maxrss})

    # --------------------------------------------------------- collecting

    def collect(self, request):
        if self.meets("collect-hang"):
            hang()
        if self.meets("collect-unknown"):
            for label in request["labels"]:
                self.send(msg="unknown", label=label, reason="says the fake")
            self.send(msg="collected", jobs=0, items=0)
            return
        if self.meets("note"):
            self.send(msg="note", level="info", text="it is \x1b[1mold")
            self.send(msg="note", level="warning", text="something is left",
                      hint="take it away")
        self.load("fake_bad", request["skip"])
        if ("fake" in request["skip"]
                and self.options.misfortune != "skip-ignored"):
            self.send(msg="collected", jobs=0, items=0)
            return
        self.send(msg="importing", module="fake", file="fake.py")
        if self.meets("collect-die") or self.meets("skip-ignored"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.meets("collect-garbage"):
            self.send_bytes(b"{]\n")
        if self.meets("collect-long"):
            self.send_long()
        if self.meets("collect-close"):
            self.socket.shutdown(socket.SHUT_RDWR)
            hang()
        labels = [label for label in request["labels"]
                  if label not in (".", "fake", "fake.py")]
        if labels:
            jobs, items = self.send_some(labels)
        else:
            jobs, items = self.send_jobs(), self.options.items
        if self.meets("collect-exit"):
            os._exit(0)
        wrong = 1 if self.meets("collect-count") else 0
        self.send(msg="collected", jobs=jobs, items=items + wrong)

    def send_some(self, labels):
        """Single jobs and tests, by their names."""
        jobs = items = 0
        for label in labels:
            match = re.fullmatch(r"fake\.Job(\d+)(?:\.test_(\d+))?", label)
            job, test = match.groups() if match else (None, None)
            first = int(job or 0) * self.options.per_job
            count = min(self.options.per_job, self.options.items - first)
            if not match or int(test or 0) >= count:
                self.send(msg="unknown", label=label, reason="says the fake")
                continue
            tests = range(count) if test is None else [int(test)]
            self.send(msg="job", name=f"fake.Job{job}", kind="class",
                      file="fake.py", load="fake",
                      items=[[f".test_{i}", i + 1] for i in tests])
            jobs += 1
            items += len(tests)
        return jobs, items

    def load(self, module, skip):
        if self.options.misfortune not in ("import-hang", "import-die"):
            return
        if module in skip:
            return
        self.send(msg="importing", module=module, file=module + ".py")
        if self.meets("import-hang"):
            hang()
        if self.meets("import-die"):
            os._exit(3)

    def send_jobs(self):
        per_job = self.options.per_job
        jobs = 0
        lines = []
        items = self.items_text(per_job)
        for first in range(0, self.options.items, per_job):
            count = min(per_job, self.options.items - first)
            if count < per_job:
                items = self.items_text(count)
            lines.append('{"msg":"job","name":"fake.Job%d","kind":"class",'
                         '"file":"fake.py","load":"fake","items":[%s]}\n'
                         % (jobs, items))
            jobs += 1
            if len(lines) == 1000:
                self.send_bytes("".join(lines).encode())
                lines.clear()
        self.send_bytes("".join(lines).encode())
        return jobs

    @staticmethod
    def items_text(count):
        return ",".join('[".test_%d",%d]' % (i, i + 1) for i in range(count))

    # ------------------------------------------------------------ forking

    def fork(self, request):
        slot = request["slot"]
        if self.meets("fork-fail"):
            self.send(msg="failed", slot=slot, reason="the fake cannot fork")
            return
        if self.meets("fork-silent"):
            return
        pid = os.fork()
        if pid == 0:
            self.become_worker(request)
        self.forked = True
        self.children[pid] = slot
        self.send(msg="forked", slot=slot, pid=pid)
        if self.meets("zygote-die"):
            os.kill(os.getpid(), signal.SIGKILL)

    def await_siblings(self):
        """Until the workers that were forked before are gone."""
        end = time.monotonic() + 20
        for pid in self.children:
            while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
                time.sleep(0.005)

    def become_worker(self, request):
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.socket.close()
            if self.meets("unfit-early"):
                self.await_siblings()
            os.setpgid(0, 0)
            for name, value in request["env"].items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            for number, path in ((1, request["out"]), (2, request["err"])):
                file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT,
                               0o600)
                os.dup2(file, number)
                os.close(file)
            if self.meets("fork-die"):
                os._exit(3)
            if self.meets("fork-hang"):
                hang()
            Worker(self.options, request["slot"]).serve()
        finally:
            os._exit(70)


class Worker(Fake):
    def __init__(self, options, slot):
        super().__init__(options)
        self.slot = slot

    def serve(self):
        self.connect()
        self.greet()
        while True:
            for message in self.read():
                if message["msg"] == "run":
                    self.run(message)
                elif message["msg"] in ("stop", "refused"):
                    self.leave()

    def greet(self):
        hello = self.hello("worker", ["run"], slot=self.slot)
        if self.options.misfortune == "run-false-pid":
            hello["pid"] = 1
        self.send(**hello)

    def run(self, request):
        items = request.get("items")
        if items is None:
            items = range(request["first"],
                          request["first"] + request["count"])
        began = time.monotonic()
        if self.meets("run-unfit") or self.meets("unfit-early"):
            self.send(msg="unfit", reason="no clone of the thing",
                      hint="make room")
            self.leave()
        if self.meets("run-before"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.meets("run-left"):
            self.send(msg="done", job=request["job"], us=1, left=True)
            self.leave()
        quick = self.options.items > 1000 and not (
            self.options.fail or self.options.sleep_ms)
        unlucky = self.options.misfortune and self.options.at in items
        if quick and not unlucky:
            self.pass_all(items)
        else:
            self.run_one_by_one(items)
        if self.meets("run-after"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.meets("run-silent"):
            return
        job = request["job"] + (1000 if self.meets("run-job") else 0)
        self.send(msg="done", job=job,
                  us=int((time.monotonic() - began) * 1e6))

    def pass_all(self, items):
        """Without `started`: nothing here can crash."""
        for at in range(0, len(items), 64):
            batch = ",".join(["[%d,1]" % i for i in items[at:at + 64]])
            self.send_bytes(b'{"msg":"passed","items":[%s]}\n'
                            % batch.encode())

    def run_one_by_one(self, items):
        for item in items:
            self.send(msg="started", item=item)
            if item == self.options.at:
                self.strike(item)
                if self.meets("run-missing"):
                    continue
            if self.options.sleep_ms:
                time.sleep(self.options.sleep_ms / 1000)
            if self.options.fail and item % self.options.fail == 0:
                self.send(msg="finished", item=item, state="failed", us=1,
                          findings=[{"kind": "failure",
                                     "type": "AssertionError",
                                     "message": "the fake fails this"}])
            else:
                self.send(msg="passed", items=[[item, 1]])

    def strike(self, item):
        """The misfortunes in the middle of an item."""
        if self.meets("run-stubborn"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            hang()
        ends = {"run-hang": hang, "run-exit": lambda: os._exit(0),
                "run-die": lambda: os._exit(3), "run-close": self.close,
                "run-kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
                "run-segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
                "run-garbage": lambda: self.send_bytes(b"\x00\xff no JSON\n"),
                "run-wrong": lambda: self.send(msg="started", item="one"),
                "run-long": self.send_long, "run-greet": self.greet,
                "run-unknown": lambda: self.send(
                    msg="passed", items=[[self.options.items + 7, 1]]),
                "run-other": lambda: self.send(
                    msg="passed", items=[[self.options.items - 1, 1]]),
                "run-twice": lambda: self.send(msg="passed",
                                               items=[[item, 1]]),
                "run-false-pid": self.stay,
                "run-grandchild": self.leave_grandchild,
                "run-noise": lambda: self.send(msg="weather", degrees=12)}
        if self.meets("run-slow"):
            self.send_bytes = self.trickle
        for name, strike in ends.items():
            if self.meets(name):
                strike()

    def stay(self):
        self.send(msg="passed", items=[[self.options.items + 7, 1]])
        hang()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        hang()

    @staticmethod
    def leave_grandchild():
        subprocess.Popen(["sleep", "1000"], start_new_session=True,
                         stdin=subprocess.DEVNULL)


def tidy(options):
    fake = Fake(options)
    fake.log("tidy %s %s" % (os.environ["MULE_BUILD_ID"],
                             os.environ.get("MULE_SOCKET")))
    if fake.meets("tidy-hang"):
        hang()
    if fake.meets("tidy-complains"):
        print("this stays", file=sys.stderr)
    if fake.meets("tidy-die"):
        sys.exit(3)
    if options.made and os.path.exists(options.made):
        os.unlink(options.made)


def main():
    options = parse_options()
    if options.misfortunes:
        for name, text in MISFORTUNES.items():
            print(f"{name:16} {text}")
        return
    if os.environ.get("MULE_ROLE") == "tidy":
        tidy(options)
        return
    if "MULE_SOCKET" not in os.environ:
        sys.exit("fake_adapter.py: no MULE_SOCKET: mule starts this")
    if os.environ.get("MULE_ROLE") == "worker":
        Worker(options, int(os.environ["MULE_SLOT"])).serve()
    else:
        Zygote(options).serve()


if __name__ == "__main__":
    main()
