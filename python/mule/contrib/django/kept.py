"""What --keepdb needs: that nobody else has the same databases, and how to
tell whether a clone is as its template is.

A lock is a file of this machine's, and a lock of the server's own for whoever
comes from elsewhere. A stamp is a hash of what a template is like; a clone
that carries it is as good as new. It is taken off before the clone changes.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import time

from ...harness import Unfit
from . import record

__unittest = True

PAUSE = 0.3  # seconds between two looks at a lock that somebody has
FRESH = 2 * 24 * 3600  # seconds that what was prepared for a build is kept


class Guard:
    """Locks on databases, held until `release` or the end of the process."""

    def __init__(self, build):
        self.build = build
        self._pid = os.getpid()
        self._stack = contextlib.ExitStack()
        self._sessions = []

    def take(self, wanted, say):
        """`wanted`: (server, connection, name), all of a run's. Waits as long
        as somebody else has one, and says who it is."""
        for server, wrapper, name in sorted(
                wanted, key=lambda one: (one[0].place, one[2])):
            self._wait(lambda: self._file(server, name), name, say)
            cursor = self._stack.enter_context(server.session(wrapper)) \
                if server.guards else None
            if cursor is not None:
                self._sessions.append(cursor)
                self._wait(lambda: server.hold(cursor, name, self._label()),
                           name, say)

    def _label(self):
        return "mule %s %s:%d" % (self.build, socket.gethostname(),
                                  os.getpid())

    def _wait(self, attempt, name, say):
        told = None
        while True:
            holder = attempt()
            if holder is None:
                return
            if self.build and f"mule {self.build} " in holder:
                raise Unfit(
                    f"{name} is in use by another machine of this build: "
                    f"{holder}", "with --keepdb each machine needs a server "
                    "of its own; leave --keepdb out")
            if holder != told:
                say(f"waiting for {holder}, which uses {name}")
                told = holder
            time.sleep(PAUSE)

    def _file(self, server, name):
        """None: the file is locked. Else who has it."""
        home = record.folder()
        os.makedirs(home, mode=0o700, exist_ok=True)
        path = os.path.join(home, "keep-%s.lock" % digest(
            server.place, name))
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            text = os.read(fd, 500).decode("utf-8", "replace")
            os.close(fd)
            return text or "another run"
        os.ftruncate(fd, 0)
        os.write(fd, self._label().encode())
        self._stack.callback(os.close, fd)
        return None

    def forget(self):
        """In a fork, whose parent goes on holding them. A driver that says
        goodbye to the server when it is collected would end that."""
        if os.getpid() == self._pid:
            return
        for cursor in self._sessions:
            fileno = getattr(cursor.db.connection, "fileno", None)
            if cursor.db.vendor == "mysql" and fileno is not None:
                with contextlib.suppress(Exception):
                    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
                    os.dup2(null, fileno(), inheritable=False)
                    os.close(null)

    def release(self):
        self._sessions = []
        self._stack.close()


def digest(*words):
    return hashlib.sha256(
        "\0".join(map(str, words)).encode("utf-8", "surrogatepass")
    ).hexdigest()[:16]


# What `mule --bootstrap` made, for the build whose setup script said so.

def _prepared(build):
    return os.path.join(record.folder(), digest(build) + ".prepared")


def prepared_for():
    """The build that a setup script runs for, or ""."""
    return os.environ.get("MULE_BUILD_ID") or os.environ.get("BUILD_ID") or ""


def write_prepared(build, pairs):
    """Workers of `build` find these templates: (place, name)."""
    path = _prepared(build)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump({"build": build, "databases": pairs}, file)
    os.replace(path + ".new", path)


def read_prepared(build):
    """The templates that were prepared for a build; a set."""
    try:
        with open(_prepared(build), encoding="utf-8") as file:
            value = json.load(file)
        if value["build"] != build:
            return set()
        return {(place, name) for place, name in value["databases"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def forget_old():
    """Builds do not last that long."""
    home = record.folder()
    with contextlib.suppress(OSError):
        for name in os.listdir(home):
            path = os.path.join(home, name)
            if name.endswith(".prepared") \
                    and os.stat(path).st_mtime < time.time() - FRESH:
                os.unlink(path)
