"""The connection to mule: JSON lines over a Unix socket.

Tests patch functions, close descriptors and fork. So everything that is used
while a test runs was looked up before the first one was imported, the socket
has a high number and is looked at before each use, and a process that a test
forked forgets it.
"""

import errno
import os
import sys
import time

from .own import fcntl, resource

try:
    from _socket import AF_UNIX, SHUT_WR, SOCK_STREAM, socket
except ImportError:  # not CPython
    from socket import AF_UNIX, SHUT_WR, SOCK_STREAM, socket

__unittest = True

PROTOCOL = "1.2"
LINE_LIMIT = 8 << 20
GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)

_read, _write, _fstat, _close = os.read, os.write, os.fstat, os.close
_getpid, _exit, _fork = os.getpid, os._exit, os.fork
monotonic_ns = time.monotonic_ns


def _make_codec():
    """(encode, decode) for which no module remains that a test can patch.

    The json package would also stand in the way of a folder that has a
    json.py of its own; what it is made of does not.
    """
    try:
        import _json

        class Context:
            strict = True
            object_hook = object_pairs_hook = None
            parse_float, parse_int = float, int
            parse_constant = float
            memo = {}

        scan = _json.make_scanner(Context)
        make = _json.make_encoder(None, str, _json.encode_basestring, None,
                                  ":", ",", False, False, True)
        if scan('{"a":[1,"b"]}', 0)[0] != {"a": [1, "b"]} \
                or "".join(make({"a": [1, "\n"]}, 0)) != '{"a":[1,"\\n"]}':
            raise ImportError
        return (lambda value: "".join(make(value, 0)),
                lambda text: scan(text, 0)[0])
    except (ImportError, AttributeError, TypeError):
        import json
        return (json.JSONEncoder(ensure_ascii=False,
                                 separators=(",", ":")).encode,
                json.JSONDecoder().decode)


encode_text, decode_text = _make_codec()


def encode(message):
    """One line. Lone surrogates, which are no UTF-8, become U+FFFD."""
    text = encode_text(message)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return repair(text).encode() + b"\n"


def repair(text):
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Forks:
    """Tells mule's own forks from those of a test."""

    def __init__(self):
        self.own = False
        self.listeners = []
        os.register_at_fork(after_in_child=self._after)

    def fork(self):
        self.own = True
        try:
            return _fork()
        finally:
            self.own = False

    def _after(self):
        if not self.own:
            for listener in self.listeners:
                listener()


forks = Forks()


def high_number():
    """A descriptor number that loops over small ones do not reach."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY or soft > 1024:
        soft = 1024
    return max(3, soft - 64)


_HIGH = high_number()


def move_up(fd):
    """The same file at a high number, closed on exec; `fd` is closed."""
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    except OSError:
        return fd
    _close(fd)
    return high


class Refused(Exception):
    """mule does not want this adapter; the reason is the message."""


class Connection:
    """JSON lines to and from mule."""

    def __init__(self, path, hello):
        self.path = path
        self.hello = hello
        self.muted = False
        self.sent = 0
        self.resumed = False
        self.position = None  # (job, attempt) that runs or ran last
        self.build = None
        self.gone = None  # what to call in place of ending when mule is gone
        self._lines = []
        self._rest = b""
        forks.listeners.append(self.mute)
        self.options = self._open(None)

    def _open(self, resume):
        peer = socket(AF_UNIX, SOCK_STREAM)
        peer.connect(self.path)
        self.fd = move_up(peer.detach())
        self._identity = self._look()
        message = dict(self.hello, msg="hello", protocol=PROTOCOL,
                       pid=_getpid())
        if resume is not None:
            message["resume"] = resume
        _write_all(self.fd, encode(message))
        answer = self.receive()
        if answer is None:
            return None
        if answer.get("msg") == "refused":
            raise Refused(answer.get("reason", "refused"))
        self.build = answer.get("build")
        major = str(answer.get("protocol", PROTOCOL)).partition(".")[0]
        if major != PROTOCOL.partition(".")[0]:
            raise Refused("mule speaks protocol %s, this adapter %s" % (
                answer["protocol"], PROTOCOL))
        return answer.get("options", {})

    def _look(self):
        status = _fstat(self.fd)
        return status.st_dev, status.st_ino

    def is_whole(self):
        """Is it still the socket that was opened?"""
        try:
            return self._look() == self._identity
        except OSError:
            return False

    def mute(self):
        """In a process that a test forked: forget mule."""
        if not self.muted:
            self.muted = True
            if self.is_whole():
                _close(self.fd)

    def close(self):
        forks.listeners.remove(self.mute)
        self.mute()

    def send(self, *messages):
        self.write(b"".join(map(encode, messages)), len(messages))

    def write(self, data, count):
        """Send `count` messages that are encoded already."""
        if self.muted:
            _exit(1)  # a test's child that came back into our loop
        if not self.is_whole():
            self._resume()
        try:
            _write_all(self.fd, data)
        except OSError as problem:
            if problem.errno in GONE:
                if self.gone is not None:
                    self.gone()
                _exit(0)  # mule is gone: stop at once and quietly
            if problem.errno != errno.EBADF:
                raise
            self._resume()  # closed by another thread at this very moment
            _write_all(self.fd, data)
        self.sent += count

    def _resume(self):
        job, attempt = self.position or (0, 0)
        self._rest = b""
        self._lines.clear()
        self.resumed = True
        self._open({"job": job, "attempt": attempt, "sent": self.sent})

    def finish(self):
        """Before a job's process ends: let mule hear what it said.

        Where the process had to connect again, the worker's `exit` comes by
        another way and could arrive first.
        """
        if self.resumed and not self.muted and self.is_whole():
            peer = socket(fileno=self.fd)
            peer.settimeout(10)
            peer.shutdown(SHUT_WR)
            while peer.recv(4096):
                pass

    def receive(self):
        """The next message, or None: the connection has ended."""
        while not self._lines:
            if not self._fill():
                return None
        line = self._lines.pop(0)
        return decode_text(line)

    def has_more(self):
        """Is there a message that came with an earlier one?"""
        return bool(self._lines)

    def take(self):
        """After poll: the messages that are there; None: it has ended."""
        if not self._lines and not self._fill():
            return None
        messages = [decode_text(line) for line in self._lines]
        self._lines.clear()
        return messages

    def _fill(self):
        try:
            data = _read(self.fd, 1 << 16)
        except OSError as problem:
            if problem.errno == errno.EBADF:
                self._resume()
                return True
            return False
        if not data:
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_LIMIT:
            return False
        self._lines += [line.decode("utf-8", "replace") for line in lines]
        return True


def _write_all(fd, data):
    done = _write(fd, data)
    if done < len(data):
        view = memoryview(data)
        while done < len(data):
            done += _write(fd, view[done:])


def greeting(role, can, version, adapter):
    return {"role": role, "adapter": adapter, "version": version,
            "language": "Python %d.%d.%d" % sys.version_info[:3],
            "can": can, "dump_signal": dump_signal()}


def dump_signal():
    import signal
    return getattr(signal, "SIGRTMAX", signal.SIGUSR2 + 2) - 2


MAXRSS_SCALE = 1024 if sys.platform == "darwin" else 1


def rusage_of(usage):
    return {"user_us": int(usage.ru_utime * 1000000),
            "system_us": int(usage.ru_stime * 1000000),
            "maxrss_kib": usage.ru_maxrss // MAXRSS_SCALE}
