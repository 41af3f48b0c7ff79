"""`python -m unittest`, with a record of how each test ended.

usage: unittest_recorder.py RECORD CLASS [ARGUMENT OF unittest]...

Everything is as unittest has it: module `__main__`, sys.argv, sys.path and
output. Of what is loaded only the tests of CLASS run, or all if it is empty.
RECORD gets one Python literal a line:

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
from unittest.case import _SubTest as SubTest


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


def part_of(suite, name):
    """The tests of one class."""
    found = []
    for part in suite:
        if isinstance(part, unittest.BaseTestSuite):
            found += part_of(part, name)
        elif part.id().rpartition(".")[0] == name:
            found.append(part)
    return found


def recording(record, name):
    """A runner class whose result tells the record."""

    class Result(unittest.TextTestResult):
        running = None  # the test, and its id before it could change that
        name = None

        def note(self, kind, test):
            if isinstance(test, SubTest):
                test = test.test_case
            record.add(kind, self.name if test is self.running else test.id())

        def startTest(self, test):
            self.running, self.name = test, test.id()
            self.note("ran", test)
            super().startTest(test)

        def stopTest(self, test):
            super().stopTest(test)
            self.running = None

        def addSuccess(self, test):
            self.note("pass", test)
            super().addSuccess(test)

        def addFailure(self, test, err):
            self.note("failure", test)
            super().addFailure(test, err)

        def addError(self, test, err):
            self.note("error", test)
            super().addError(test, err)

        def addSubTest(self, test, subtest, err):
            if err is not None:
                failed = issubclass(err[0], test.failureException)
                self.note("failure" if failed else "error", test)
            super().addSubTest(test, subtest, err)

        def addSkip(self, test, reason):
            self.note("skip", test)
            super().addSkip(test, reason)

        def addExpectedFailure(self, test, err):
            self.note("xfail", test)
            super().addExpectedFailure(test, err)

        def addUnexpectedSuccess(self, test):
            self.note("xpass", test)
            super().addUnexpectedSuccess(test)

    class Runner(unittest.TextTestRunner):
        resultclass = Result

        def run(self, test):
            if name:
                test = unittest.TestSuite(part_of(test, name))
            plan(record, test)
            result = super().run(test)
            record.add("end", result.testsRun)
            return result

    return Runner


def main():
    record = Record(os.path.abspath(sys.argv.pop(1)))
    runner = recording(record, sys.argv.pop(1))
    program = sys.modules["__main__"]
    program.__spec__ = importlib.util.find_spec("unittest.__main__")
    program.__file__ = program.__spec__.origin
    sys.path[0] = os.getcwd()
    sys.argv[0] = os.path.basename(sys.executable) + " -m unittest"
    unittest.main(module=None, testRunner=runner)


__unittest = True

if __name__ == "__main__":
    main()
