#!/usr/bin/env python3
"""The bare loop of a runner of Django projects.

usage: django_zygote.py [-j FORKS] [--fresh]

Started in a project's folder: boots it, builds the suite and makes the
databases as Django's own runner does, then forks processes that take class
after class from a common heap and counts one line for each test that passed.
A server's database is cloned for each of them; one in memory is inherited.
Nothing is captured, no limit is kept, nobody is told what runs: what a real
runner takes beyond this is its own cost.

With --fresh each class gets a fork of its own, from FORKS parents.
"""

import argparse
import gc
import os
import sys
import time

import zygote


def build():
    """Django's runner, with its suite built."""
    import django
    from django.conf import settings
    from django.test.utils import get_runner
    django.setup()
    runner = get_runner(settings)(verbosity=0, interactive=False)
    runner.setup_test_environment()
    return runner, runner.build_suite([])


def databases(runner, suite, forks):
    aliases = runner.get_databases(suite)
    serialized = {alias for alias, wanted in aliases.items() if wanted}
    runner.parallel = forks
    made = runner.setup_databases(aliases=aliases,
                                  serialized_aliases=serialized)
    runner.run_checks(aliases)
    return made


def disconnect():
    """A connection in memory is its database, and stays."""
    from django.db import connections
    for one in connections.all():
        if one.vendor != "sqlite" or not one.is_in_memory_db():
            one.close()


def connect(number):
    from django.db import connections
    for one in connections.all():
        one.creation.setup_worker_connection(number)


def forked(parts, forks, fresh, descriptor):
    """Processes that take class after class, each on its own database."""
    heap = zygote.heap_of(len(parts))

    def whole(part):
        result = zygote.Passes()
        zygote.run_class(part, result, descriptor)
        return result.wasSuccessful()

    def apart(part):
        disconnect()
        pid = zygote.child(lambda: whole(part))
        return os.waitpid(pid, 0)[1] == 0

    def one(number):
        connect(number)
        good = True
        while (part := zygote.take(heap)) is not None:
            good = (apart if fresh else whole)(parts[part]) and good
        return good

    disconnect()
    return [zygote.child(lambda number=number: one(number))
            for number in range(1, forks + 1)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("--fresh", action="store_true")
    args = parser.parse_args()
    marks = [time.monotonic()]
    sys.path.insert(0, os.getcwd())
    gc.disable()
    runner, suite = build()
    from django.test.runner import partition_suite_by_case
    parts = partition_suite_by_case(suite)
    marks.append(time.monotonic())
    made = databases(runner, suite, args.j)
    marks.append(time.monotonic())
    gc.freeze()
    gc.enable()
    reader, writer = os.pipe()
    pids = forked(parts, args.j, args.fresh, writer)
    os.close(writer)
    lines = zygote.count_lines(reader)
    good = all([os.waitpid(pid, 0)[1] == 0 for pid in pids])
    marks.append(time.monotonic())
    runner.teardown_databases(made)
    marks.append(time.monotonic())
    took = [f"{end - start:.3f} s" for start, end in zip(marks, marks[1:])]
    print(f"{lines} tests; boot {took[0]}, databases {took[1]}, "
          f"run {took[2]}, drop {took[3]}")
    sys.stdout.flush()
    os._exit(0 if good else 1)


if __name__ == "__main__":
    main()
