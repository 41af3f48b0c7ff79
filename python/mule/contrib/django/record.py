"""Which databases were created, so that somebody else can drop them.

A file for each process that owns databases; docs/protocol/databases.md has
its format. A name is on the disk before the database is created. The owner
holds a POSIX lock on the file, which forks do not inherit and which ends with
the process. Knows nothing of Django, and drops nothing itself.
"""

import fcntl
import json
import os
import re
import secrets
import socket
import time

__unittest = True

VERSION = 1
LONGEST = 1 << 24  # bytes of a file that is worth reading

# Files that this process holds. To open and close one would end its lock.
_held = set()


def folder():
    """Where the files are."""
    place = os.environ.get("MULE_STATE")
    if not place:
        state = os.environ.get("XDG_STATE_HOME")
        if not state or not os.path.isabs(state):
            state = os.path.join(os.path.expanduser("~"), ".local", "state")
        place = os.path.join(state, "mule")
    return os.path.join(os.path.abspath(place), "databases")


def boot():
    """Changes when the machine starts anew; "" where nobody knows."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def place_of(header):
    """The machine that a header speaks of."""
    return header.get("host"), header.get("boot")


class Record:
    """One file. `header` is its first line."""

    def __init__(self, path, header, fd=None, sync=True):
        self.path = path
        self.header = header
        self.fd = fd
        self.sync = sync
        self.pid = os.getpid() if fd is not None else None

    @classmethod
    def begin(cls, build, sync=True):
        """Of this process, which becomes the owner. OSError: no such place.

        Without `sync` it does not outlive a loss of power, which is well
        where all that is recorded lies in the same folder.
        """
        home = folder()
        os.makedirs(home, mode=0o700, exist_ok=True)
        header = {"mule": "databases", "version": VERSION, "build": build,
                  "host": socket.gethostname(), "boot": boot(),
                  "pid": os.getpid(), "time": int(time.time())}
        word = re.sub("[^A-Za-z0-9.-]", "_", build)[:40].lstrip(".")
        path = os.path.join(home, "%s-%d-%s.jsonl" % (
            word, os.getpid(), secrets.token_hex(4)))
        # It has its lock and its header before it has its name.
        hidden = path + ".new"
        fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND
                     | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            record = cls(path, header, fd, sync)
            record._append(header)
            os.rename(hidden, path)
        except BaseException:
            os.close(fd)
            os.unlink(hidden)
            raise
        _held.add(path)
        if sync:
            _sync_folder(home)
        return record

    @classmethod
    def join(cls, path):
        """Of another process that lives: only to append to."""
        with open(path, "rb") as file:
            return cls(path, _header(file.readline(LONGEST)))

    def create(self, server, name, **more):
        """Before the database is created."""
        self._append(dict(create=name, server=server, **more))

    def drop(self, server, name):
        """After it is gone."""
        self._append(dict(drop=name, server=server))

    def left(self):
        """What is still there: {(server, name): line}, oldest first."""
        left = {}
        for line in self._lines()[1:]:
            server = line.get("server")
            if not isinstance(server, str):
                continue
            if isinstance(line.get("create"), str):
                left[server, line["create"]] = line
            elif isinstance(line.get("drop"), str):
                left.pop((server, line["drop"]), None)
        return left

    def beside(self, ending):
        """A path for what goes with the record."""
        return self.path[:-len(".jsonl")] + ending

    def end(self):
        """By who holds it. The file goes if nothing is left."""
        if self.fd is None:
            return
        try:
            if not self.left():
                os.unlink(self.path)
                os.unlink(self.beside(".plan"))
        except FileNotFoundError:
            pass
        os.close(self.fd)
        self.fd = None
        _held.discard(self.path)

    def _lines(self):
        if self.fd is not None and self.pid == os.getpid():
            # Another descriptor of the file, once closed, ends the lock.
            data = os.pread(self.fd, LONGEST, 0)
        else:
            with open(self.path, "rb") as file:
                data = file.read(LONGEST)
        return [line for line in map(_parsed, data.split(b"\n"))
                if line is not None]

    def _append(self, line):
        data = json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n"
        if self.fd is not None and self.pid == os.getpid():
            _write(self.fd, data, self.sync)
            return
        fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            _write(fd, data, self.sync)
        finally:
            os.close(fd)


def _write(fd, data, sync):
    """Appends a whole line; with `sync` it is on the disk after this."""
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b"\n":
        data = b"\n" + data  # after half a line of one who died
    if os.write(fd, data) != len(data):
        raise OSError(28, "No space left on device")
    if sync:
        os.fsync(fd)


def _sync_folder(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    except OSError:
        pass  # some file systems cannot
    finally:
        os.close(fd)


def _parsed(line):
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _header(line):
    header = _parsed(line)
    if header is None or header.get("mule") != "databases" \
            or header.get("version") != VERSION:
        return None
    return header


def dead(build=None):
    """Records whose owner is dead, one after another, each of them locked.

    Who takes one calls its end(). With `build`, only those of that build.
    """
    home = folder()
    try:
        names = sorted(os.listdir(home))
    except OSError:
        return
    for name in names:
        path = os.path.join(home, name)
        if name.endswith(".jsonl") and path not in _held:
            record = _taken(path, build)
            if record is not None:
                yield record


def _taken(path, build):
    """The record, or None: alive, of another machine, or unreadable."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        return None
    header = None
    try:
        if _locked(fd) and os.path.samestat(os.fstat(fd), os.stat(path)):
            first = os.pread(fd, LONGEST, 0).split(b"\n", 1)[0]
            header = _header(first)
    except OSError:
        pass
    if header is None or not _here(header) \
            or build is not None and header.get("build") != build:
        os.close(fd)
        return None
    _held.add(path)
    return Record(path, header, fd)


def _locked(fd):
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _here(header):
    """Whether a lock that could be taken means that the owner is dead.

    It does under the same kernel, whatever a container calls its host. After
    a new start of this host nobody of before lives. Of other machines that
    share the folder nothing is known.
    """
    now = boot()
    if now and header.get("boot") == now:
        return True
    return header.get("host") == socket.gethostname()


def alive(build):
    """Paths of the records of a build whose owner lives on this machine."""
    home = folder()
    found = []
    for name in sorted(os.listdir(home)) if os.path.isdir(home) else ():
        path = os.path.join(home, name)
        if not name.endswith(".jsonl") or path in _held:
            continue
        try:
            with open(path, "r+b") as file:
                header = _header(file.readline(LONGEST))
                if header and header.get("build") == build \
                        and not _locked(file.fileno()):
                    found.append(path)
        except OSError:
            continue
    return found
