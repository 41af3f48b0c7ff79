"""Runs one command and says what it took; and what many runs say together."""

import os
import signal
import statistics
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A command did not do what it was to be measured doing."""


class Sample:
    """Seconds and KiB of one run; `own_...` of the first process alone."""

    def __init__(self, wall, usage, own_rss, own_cpu):
        self.wall = wall
        self.user = usage.ru_utime
        self.system = usage.ru_stime
        self.rss = usage.ru_maxrss
        self.own_rss = own_rss
        self.own_cpu = own_cpu


def environment():
    """Without what would make one contender differ from another."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("PYTHON", "MULE", "GITHUB_", "MAKE"))
           and name not in ("MFLAGS", "CI", "VIRTUAL_ENV")}
    env["LANG"] = "C.UTF-8"
    return env


def peak_rss(pid):
    """KiB that the process had resident at most so far; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def cpu_seconds(pid):
    """Seconds of CPU of one process, its threads included."""
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def start(argv, log, cwd=None, stdin=None, env=None):
    """Starts argv with its output in the file `log`."""
    source = open(stdin, "rb") if stdin else subprocess.DEVNULL
    with open(log, "wb") as sink:
        process = subprocess.Popen(argv, cwd=cwd, stdin=source, stdout=sink,
                                   stderr=sink, env=env or environment(),
                                   start_new_session=True)
    if stdin:
        source.close()
    return process


def tail(log, size=2000):
    with open(log, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - size))
        return file.read().decode("utf-8", "replace")


def run(argv, log, cwd=None, stdin=None, expect=None, limit=900, watch=False,
        env=None):
    """Runs argv to its end, which has to be status 0.

    `expect` is a text that its output has to hold. `watch` asks for the peak
    of the first process's memory, which costs a little time.
    """
    own = 0
    began = time.monotonic()
    process = start(argv, log, cwd, stdin, env)
    ending = os.pidfd_open(process.pid)
    try:
        deadline = began + limit
        own = wait_for(process.pid, ending, deadline, watch)
        if own is None:
            os.killpg(process.pid, signal.SIGKILL)
        cpu = cpu_seconds(process.pid)  # it is there until it is waited for
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
    finally:
        os.close(ending)
    process.returncode = os.waitstatus_to_exitcode(status)
    words = " ".join(argv)[:300]
    if own is None:
        raise Failed(f"{words}: not done in {limit} s")
    if process.returncode != 0:
        raise Failed(f"{words}: status {process.returncode}: {tail(log)}")
    if expect and expect not in tail(log):
        raise Failed(f"{words}: no {expect!r} in its output: {tail(log)}")
    return Sample(wall, usage, own, cpu)


def wait_for(pid, ending, deadline, watch):
    """Waits until the process ended; gives its peak memory, None: too late."""
    import select
    poll = select.poll()
    poll.register(ending, select.POLLIN)
    peak = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        if poll.poll((0.02 if watch else left) * 1000):
            return peak
        peak = max(peak, peak_rss(pid))


def middle(values):
    return statistics.median(values)
