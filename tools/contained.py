"""Runs one command so that nothing of it is left behind.

The command leads a session of its own, in an empty working directory and with
a TMPDIR of its own, its standard input is empty and its output goes to a
file. When it ends, or when its time is up, its process group is killed, and
then every process that it left elsewhere: the caller becomes the reaper of
orphans, so that a grandchild in a session of its own is found too.
"""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time

PR_SET_CHILD_SUBREAPER = 36

# What a test suite might react to and what its second run would not have.
UNWANTED = ("DISPLAY", "WAYLAND_DISPLAY", "MAKEFLAGS", "MAKELEVEL", "MFLAGS",
            "CI", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")


class Ended:
    """How a command ended. `status` is negative for a signal."""

    def __init__(self, status, timed_out, seconds, usage, leftovers):
        self.status = status
        self.timed_out = timed_out
        self.seconds = seconds
        self.usage = usage
        self.leftovers = leftovers


def reap_orphans():
    """Makes orphans of this process's children its own children."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def environment(extra=()):
    """The environment that both sides of a comparison get."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("PYTHON", "MULE", "GITHUB_", "LC_"))
           and name not in UNWANTED}
    env["LANG"] = "C.UTF-8"
    env.update(extra)
    return env


def children_of(pid):
    """The children of a process, by /proc."""
    found = []
    for task in _listed(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(word) for word in file.read().split()]
        except OSError:
            pass
    return found


def _listed(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _kill_orphans(keep=()):
    """Kills every child of this process and their children, and waits."""
    killed = 0
    while True:
        pids = [pid for pid in children_of(os.getpid()) if pid not in keep]
        if not pids:
            return killed
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass


def _wait(process, seconds):
    """Waits for the process without reaping it; False when time is up."""
    descriptor = os.pidfd_open(process.pid)
    try:
        import select
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(descriptor)


def _in_child():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in range(1, signal.NSIG):
        try:
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            pass
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def run(argv, seconds, output, cwd=None, env=None):
    """Runs argv with `output` (a path) as its standard output and error.

    Without `cwd` it runs in a folder of its own that is removed afterwards.
    The caller has called reap_orphans(); children that it has already, such
    as a server, are left alone.
    """
    keep = children_of(os.getpid())
    scratch = tempfile.mkdtemp(prefix="contained-")
    tmpdir = os.path.join(scratch, "tmp")
    empty = os.path.join(scratch, "cwd")
    os.mkdir(tmpdir)
    os.mkdir(empty)
    env = dict(environment() if env is None else env, TMPDIR=tmpdir)
    try:
        began = time.monotonic()
        with open(output, "wb") as sink:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                cwd=cwd or empty, env=env, start_new_session=True,
                preexec_fn=_in_child)
        in_time = _wait(process, seconds)
        took = time.monotonic() - began
        # Not reaped yet, so that the number still stands for this group.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        leftovers = _kill_orphans(keep)
        return Ended(process.returncode, not in_time, took, usage, leftovers)
    finally:
        _remove(scratch)


def _remove(folder):
    def again(function, path, _):
        try:
            os.chmod(os.path.dirname(path), 0o700)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
            function(path)
        except OSError:
            pass

    shutil.rmtree(folder, onerror=again)
