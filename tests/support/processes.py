"""What /proc knows of processes, and how to wait for their end.

Every process that a test starts carries a variable of the test's own in its
environment, so that what is left of it can be found wherever it went: into a
session of its own, or under another parent.
"""

import ctypes
import os
import select
import time

PR_SET_CHILD_SUBREAPER = 36


def reap_orphans():
    """Makes orphans of this process's descendants its own children."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def stat_of(pid):
    """The fields of /proc/PID/stat from the state on; [] when it is gone."""
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].decode().split()


def state_of(pid):
    """R, S, T, Z, ...; the empty text when there is no such process."""
    fields = stat_of(pid)
    return fields[0] if fields else ""


def parent_of(pid):
    fields = stat_of(pid)
    return int(fields[1]) if fields else 0


def command_of(pid):
    words = _read(f"/proc/{pid}/cmdline").split(b"\0")
    return b" ".join(words).decode("utf-8", "replace").strip()


def environment_of(pid):
    """What its environment was when its program began."""
    pairs = (entry.partition(b"=")
             for entry in _read(f"/proc/{pid}/environ").split(b"\0"))
    return {name.decode("utf-8", "replace"): value.decode("utf-8", "replace")
            for name, _, value in pairs if name}


def with_variable(name, value):
    """The living processes in whose environment the variable is."""
    wanted = f"{name}={value}".encode()
    return [pid for pid in pids()
            if wanted in _read(f"/proc/{pid}/environ").split(b"\0")
            and state_of(pid) not in ("Z", "X", "")]


def children_of(pid):
    """Its children, zombies included."""
    return [child for child in pids() if parent_of(child) == pid]


def descendants_of(pid):
    """All below it, zombies included."""
    parents = {child: parent_of(child) for child in pids()}
    found = []
    layer = {pid}
    while layer:
        layer = {child for child, parent in parents.items()
                 if parent in layer}
        found += layer
    return found


def zombies_below(pid):
    return [child for child in descendants_of(pid) if state_of(child) == "Z"]


def descriptor_of(pid):
    """A descriptor that is readable when the process has ended, or None."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def wait_for_end(pids_, seconds):
    """Waits for processes that need not be children; gives those that live."""
    deadline = time.monotonic() + seconds
    living = []
    for pid in pids_:
        descriptor = descriptor_of(pid)
        if descriptor is None:
            continue
        try:
            left = max(0, deadline - time.monotonic())
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(left * 1000) and state_of(pid) not in ("Z", ""):
                living.append(pid)
        finally:
            os.close(descriptor)
    return living


def bury_children():
    """Reaps what has ended; gives the pids of children that still live."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return []
        if pid == 0:
            return [child for child in children_of(os.getpid())
                    if state_of(child) != "Z"]
