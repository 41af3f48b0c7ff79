"""`python -m unittest`, with a record of how each test ended.

usage: unittest_recorder.py RECORD [ARGUMENT OF unittest]...

Everything is as unittest has it: module `__main__`, sys.argv, sys.path and
output. RECORD gets one Python literal a line:

    ("plan", id)            a test of the loaded suite, before anything runs
    ("ran", id)             unittest counted it as run
    (KIND, id)              failure, error, skip, xfail, xpass or pass
    ("end", testsRun)       unittest came to its own end

Each line is written by a file of its own opening, with references taken now,
because tests close descriptors, patch modules and fork. Nothing is imported
that unittest does not import.
"""

import importlib.util
import os
import runpy  # noqa: F401  python -m has it loaded
import sys
import unittest


class Record:
    """Appends lines to a file from the process that made it."""

    def __init__(self, path):
        self.path = path
        self.pid = os.getpid()

    def add(self, kind, what, *, open=os.open, write=os.write, close=os.close,
            getpid=os.getpid, show=ascii,
            flags=os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC):
        if getpid() != self.pid:
            return
        descriptor = open(self.path, flags, 0o600)
        try:
            write(descriptor, (show((kind, what)) + "\n").encode("ascii"))
        finally:
            close(descriptor)


def plan(record, suite):
    """Notes the tests of a suite without disturbing it."""
    try:
        parts = list(suite)
    except TypeError:
        if suite is not None:
            record.add("plan", suite.id())
        return
    for part in parts:
        plan(record, part)


def owner_of(test):
    """A subtest is a part of its test."""
    return getattr(test, "test_case", test)


def recording(record):
    """A runner class whose result tells the record."""

    class Result(unittest.TextTestResult):
        def startTest(self, test):
            record.add("ran", test.id())
            super().startTest(test)

        def addSuccess(self, test):
            record.add("pass", test.id())
            super().addSuccess(test)

        def addFailure(self, test, err):
            record.add("failure", owner_of(test).id())
            super().addFailure(test, err)

        def addError(self, test, err):
            record.add("error", owner_of(test).id())
            super().addError(test, err)

        def addSubTest(self, test, subtest, err):
            if err is not None:
                failed = issubclass(err[0], test.failureException)
                record.add("failure" if failed else "error", test.id())
            super().addSubTest(test, subtest, err)

        def addSkip(self, test, reason):
            record.add("skip", owner_of(test).id())
            super().addSkip(test, reason)

        def addExpectedFailure(self, test, err):
            record.add("xfail", test.id())
            super().addExpectedFailure(test, err)

        def addUnexpectedSuccess(self, test):
            record.add("xpass", test.id())
            super().addUnexpectedSuccess(test)

    class Runner(unittest.TextTestRunner):
        resultclass = Result

        def run(self, test):
            plan(record, test)
            result = super().run(test)
            record.add("end", result.testsRun)
            return result

    return Runner


def main():
    runner = recording(Record(os.path.abspath(sys.argv.pop(1))))
    program = sys.modules["__main__"]
    program.__spec__ = importlib.util.find_spec("unittest.__main__")
    program.__file__ = program.__spec__.origin
    sys.path[0] = os.getcwd()
    sys.argv[0] = os.path.basename(sys.executable) + " -m unittest"
    unittest.main(module=None, testRunner=runner)


__unittest = True

if __name__ == "__main__":
    main()
