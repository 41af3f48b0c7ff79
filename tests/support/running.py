"""A program that runs while a test looks at it.

Reads what the program prints, through pipes or through a terminal, waits for
lines and events with a deadline, and never blocks without one.
"""

import errno
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from . import processes

# Seconds that anything may take; it is only spent when something is wrong.
PATIENCE = float(os.environ.get("MULE_TEST_PATIENCE", "90"))


class TooLate(AssertionError):
    """What was waited for did not come."""


def _prepare(limits, controlling):
    """Gives a preexec_fn; `controlling`: take over the terminal on fd 0."""
    def run():
        # A suite may have been started by something that ignores signals.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP,
                       signal.SIGTTIN, signal.SIGTTOU, signal.SIGHUP,
                       signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if controlling:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if limits is not None:
            limits()
    return run


class Running:
    """One program. `out` and `err` are the bytes that came so far."""

    def __init__(self, argv, cwd, env, stdin=None, limits=None):
        self.argv = argv
        self.process = subprocess.Popen(
            argv, cwd=cwd, env=env, start_new_session=True,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=_prepare(limits, False))
        self._begin()
        self.watch(self.process.stdout.fileno(), self.out)
        self.watch(self.process.stderr.fileno(), self.err)
        if stdin is not None:
            self.process.stdin.write(stdin)
            self.process.stdin.close()

    def _begin(self):
        self.pid = self.process.pid
        self.end = processes.descriptor_of(self.pid)
        self.master = None
        self.out = bytearray()
        self.err = bytearray()
        self.sources = {}
        self.events = []
        self._parsed = 0

    # ------------------------------------------------------------- reading

    def watch(self, number, buffer):
        """From here on, what comes from the descriptor goes to the buffer."""
        os.set_blocking(number, False)
        self.sources[number] = buffer

    def _read(self, number):
        """Reads once; False when there is nothing."""
        try:
            data = os.read(number, 1 << 16)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # the far end of a pty is closed
                raise
            data = b""
        self.sources[number].extend(data)
        if not data:
            del self.sources[number]
        return bool(data)

    def pump(self, seconds):
        """Waits for something to come, or for the end; whether data came."""
        poll = select.poll()
        for number in [*self.sources, self.end]:
            poll.register(number, select.POLLIN)
        came = False
        for number, _ in poll.poll(max(0, seconds) * 1000):
            if number in self.sources:
                came = self._read(number) or came
        self._parse()
        return came

    def _parse(self):
        """Events stand on standard output under --json -."""
        if "--json" not in self.argv:
            return
        while True:
            end = self.out.find(b"\n", self._parsed)
            if end < 0:
                return
            line = self.out[self._parsed:end]
            self._parsed = end + 1
            if line.startswith(b'{"event":'):
                self.events.append(json.loads(line))

    def has_ended(self):
        poll = select.poll()
        poll.register(self.end, select.POLLIN)
        return bool(poll.poll(0))

    def wait_until(self, condition, what, seconds=PATIENCE, ticking=False):
        """Reads until the condition is true, and gives its value.

        `ticking`: nothing tells when it becomes true, so look now and then.
        """
        deadline = time.monotonic() + seconds
        while True:
            ended = self.has_ended()
            value = condition()
            if value:
                return value
            left = deadline - time.monotonic()
            came = self.pump(0 if ended else min(left, 0.02) if ticking
                             else left)
            if left <= 0 or (ended and not came):
                raise TooLate(f"{what} did not come; {self.describe()}")

    def wait_text(self, pattern, stream="err", seconds=PATIENCE, after=0):
        """Waits for a regular expression in what it prints."""
        wanted = re.compile(pattern.encode(), re.MULTILINE)
        return self.wait_until(
            lambda: wanted.search(bytes(getattr(self, stream)), after),
            f"{pattern!r} on {stream}", seconds)

    def wait_event(self, kind, seconds=PATIENCE, **members):
        """Waits for an event with these members; needs --json -."""
        def find():
            for event in self.events:
                if event["event"] == kind and all(
                        event.get(name) == value
                        for name, value in members.items()):
                    return event
            return None
        return self.wait_until(find, f"event {kind} {members}", seconds)

    def expect_silence(self, seconds, stream="out"):
        """Passes when nothing is printed and nothing ends for so long."""
        before = len(getattr(self, stream))
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.pump(deadline - time.monotonic())
            if len(getattr(self, stream)) != before or self.has_ended():
                raise AssertionError(
                    f"it did not keep still; {self.describe()}")

    # -------------------------------------------------------------- acting

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, seconds=PATIENCE):
        """Waits for its end, reads the rest and gives its status."""
        deadline = time.monotonic() + seconds
        while not self.has_ended():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TooLate(f"it did not end; {self.describe()}")
            self.pump(left)
        for number in list(self.sources):
            while self._read(number):
                pass
        self._parse()
        status = self.process.wait()
        return status

    def describe(self):
        state = processes.state_of(self.pid)
        return (f"{' '.join(self.argv)} (state {state}) printed:\n"
                f"{self.out[-4000:].decode('utf-8', 'replace')}\n"
                f"-- and on standard error:\n"
                f"{self.err[-4000:].decode('utf-8', 'replace')}")

    def kill(self):
        """Ends it and all below it."""
        below = processes.descendants_of(self.pid)
        for pid in [self.pid, *below]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.kill()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        if self.end is not None:
            os.close(self.end)
            self.end = None
        if self.master is not None:
            os.close(self.master)
            self.master = None


class OnTerminal(Running):
    """One program with a terminal of its own; `out` is what it shows."""

    def __init__(self, argv, cwd, env, columns=100, lines=30):
        self.argv = argv
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", lines, columns, 0, 0))
        try:
            self.process = subprocess.Popen(
                argv, cwd=cwd, env=env, start_new_session=True, stdin=slave,
                stdout=slave, stderr=slave, preexec_fn=_prepare(None, True))
        finally:
            os.close(slave)
        self._begin()
        self.master = master
        self.watch(master, self.out)

    def type(self, text):
        os.write(self.master, text.encode())

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", lines, columns, 0, 0))

    def wait_shown(self, pattern, seconds=PATIENCE):
        """Waits for a regular expression in what it has shown."""
        wanted = re.compile(pattern, re.MULTILINE)
        return self.wait_until(lambda: wanted.search(self.shown()),
                               f"{pattern!r} on the terminal", seconds)

    def shown(self):
        """What it showed, without the sequences that move and colour."""
        text = self.out.decode("utf-8", "replace")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)
