#!/usr/bin/env python3
"""The bare loop of a runner of unittest suites.

usage: zygote.py [-j FORKS] [--fresh] [--parents N] FOLDER

Imports the package `pkg` in FOLDER once, then runs its classes in forks of
that process and counts one line for each test that passed. Nothing is
captured, no limit is kept, nobody is told what runs: what a real runner takes
beyond this is its own cost.

As it stands, FORKS processes take class after class from a common heap.
With --fresh each class gets a fork of its own: from one parent that keeps
FORKS of them running, or from N parents that run one each.
"""

import argparse
import gc
import os
import select
import struct
import sys
import time
import unittest

TOKEN = struct.Struct("I")
PIPE_ROOM = 65536


class Passes(unittest.TestResult):
    """Collects one line for each test that passed."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def addSuccess(self, test):
        super().addSuccess(test)
        self.lines.append(test.id())

    def flush(self, descriptor):
        data = "".join(line + " ok\n" for line in self.lines).encode()
        self.lines.clear()
        while data:
            data = data[os.write(descriptor, data):]


def classes_of(suite, found):
    for part in suite:
        if not isinstance(part, unittest.TestSuite):
            continue
        if any(isinstance(test, unittest.TestCase) for test in part):
            found.append(part)
        else:
            classes_of(part, found)
    return found


def run_class(part, result, descriptor):
    part.run(result)
    result.flush(descriptor)


def child(action):
    """Forks; the child does `action` and tells by its status how it went."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if action() else 1)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(2)
    return pid


def fork_and_run(part, descriptor):
    def action():
        result = Passes()
        run_class(part, result, descriptor)
        return result.wasSuccessful()

    return child(action)


def heap_of(count):
    """A pipe that holds the numbers 0 to count - 1, one for each read."""
    reader, writer = os.pipe()
    data = b"".join(TOKEN.pack(number) for number in range(count))
    if len(data) > PIPE_ROOM:
        import fcntl
        fcntl.fcntl(writer, 1031, len(data))  # F_SETPIPE_SZ
    os.write(writer, data)
    os.close(writer)
    return reader


def take(heap):
    data = os.read(heap, TOKEN.size)
    return TOKEN.unpack(data)[0] if data else None


def shared(parts, forks, descriptor):
    """Every fork takes class after class."""
    heap = heap_of(len(parts))

    def action():
        result = Passes()
        while (number := take(heap)) is not None:
            run_class(parts[number], result, descriptor)
        return result.wasSuccessful()

    return [child(action) for _ in range(forks)]


def parents(parts, count, descriptor):
    """Every parent takes class after class and forks for each."""
    heap = heap_of(len(parts))

    def action():
        good = True
        while (number := take(heap)) is not None:
            pid = fork_and_run(parts[number], descriptor)
            good = os.waitpid(pid, 0)[1] == 0 and good
        return good

    return [child(action) for _ in range(count)]


def count_lines(reader):
    lines = 0
    while data := os.read(reader, PIPE_ROOM):
        lines += data.count(b"\n")
    return lines


def one_parent(parts, forks):
    """This process forks for each class and reads what comes back."""
    waiting = iter(parts)
    running = {}
    poll = select.poll()
    lines = 0
    good = True

    def start():
        part = next(waiting, None)
        if part is None:
            return
        reader, writer = os.pipe()
        running[reader] = fork_and_run(part, writer)
        os.close(writer)
        poll.register(reader, select.POLLIN)

    for _ in range(forks):
        start()
    while running:
        for reader, _ in poll.poll():
            data = os.read(reader, PIPE_ROOM)
            lines += data.count(b"\n")
            if data:
                continue
            poll.unregister(reader)
            os.close(reader)
            good = os.waitpid(running.pop(reader), 0)[1] == 0 and good
            start()
    return lines, good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--parents", type=int, default=1)
    parser.add_argument("folder")
    args = parser.parse_args()
    began = time.monotonic()
    os.chdir(args.folder)
    sys.path.insert(0, os.getcwd())
    gc.disable()
    parts = classes_of(
        unittest.defaultTestLoader.discover("pkg", top_level_dir="."), [])
    gc.freeze()
    gc.enable()
    imported = time.monotonic()
    if args.fresh and args.parents == 1:
        lines, good = one_parent(parts, args.j)
    else:
        reader, writer = os.pipe()
        if args.fresh:
            pids = parents(parts, args.parents, writer)
        else:
            pids = shared(parts, args.j, writer)
        os.close(writer)
        lines = count_lines(reader)
        good = all([os.waitpid(pid, 0)[1] == 0 for pid in pids])
    ended = time.monotonic()
    print(f"{lines} tests, import {imported - began:.3f} s, "
          f"run {ended - imported:.3f} s")
    sys.stdout.flush()
    os._exit(0 if good else 1)


if __name__ == "__main__":
    main()
