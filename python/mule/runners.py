"""Runners for scripts that run themselves: `unittest.main(testRunner=...)`.

`JSONTestRunner` prints one line of JSON for each test as it ends, in the form
that `mule test --runner '...' --format json` reads. What the tests print goes
where it went before.
"""

import io
import json
import os
import sys
import time
import unittest
import warnings

from .suite import ResultMixin, run_piece

__unittest = True

_MULE = "1.0"


class JSONTestResult(ResultMixin, unittest.TestResult):
    """A TestResult that is told to a `LineReporter`; knows `--buffer`."""

    def startTest(self, test):
        self._mirrorOutput = False
        self._setupStdout()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        self._restoreStdout()


class LineReporter:
    """Prints what happens to the items of one run."""

    def __init__(self, write):
        self.write = write
        self.results = 0
        self.ids = {}
        self.begun = self.marked = 0

    def say(self, kind, **members):
        self.write(json.dumps(dict({"mule": _MULE, "msg": kind}, **members),
                              separators=(",", ":")))

    def plan(self, tests):
        """Tell which items there are; returns their ids, in order."""
        ids = []
        for test in tests:
            ident = test.id()
            count = self.ids[ident] = self.ids.get(ident, 0) + 1
            ids.append(ident if count == 1 else "%s#%d" % (ident, count))
        self.say("plan", items=ids)
        return ids

    def begin(self, key, test):
        self.begun = time.perf_counter()

    def passed(self, key, test):
        self._finished(key, {"state": "passed"}, self.begun)

    def finished(self, key, test, ending):
        members = {"state": ending.state}
        if key is None:  # nobody planned it, but it went wrong
            key = test.id()
        if ending.reason is not None:
            members["reason"] = ending.reason
        if not ending.ran:
            members["ran"] = False
        if not ending.counted:
            members["counted"] = False
        if ending.findings:
            members["findings"] = list(ending.findings)
        self._finished(key, members, self.begun if test is not None else None)

    def fixture(self, ident, ending):
        count = self.ids[ident] = self.ids.get(ident, 0) + 1
        if count > 1:
            ident = "%s#%d" % (ident, count)
        self.finished(ident, None, ending)

    def mark(self):
        pass

    def end(self):
        self.say("end", tests=self.results)

    def _finished(self, key, members, begun):
        if key is None:
            return
        us = 0
        if begun is not None:
            us = int((time.perf_counter() - begun) * 1000000)
        self.results += 1
        self.say("finished", id=key, us=us, **members)


class _Raw(io.RawIOBase):
    """A descriptor that remembers whether it is at the start of a line."""

    def __init__(self, fd):
        self.fd = fd
        self.at_start = True

    def writable(self):
        return True

    def fileno(self):
        return self.fd

    def write(self, data):
        data = bytes(data)
        done = os.write(self.fd, data)
        if done:
            self.at_start = data[done - 1:done] == b"\n"
        return done


class JSONTestRunner:
    """A test runner whose only output are mule's JSON lines."""

    resultclass = JSONTestResult

    def __init__(self, stream=None, descriptions=True, verbosity=1,
                 failfast=False, buffer=False, resultclass=None,
                 warnings=None, *, tb_locals=False, durations=None):
        self.failfast = failfast
        self.buffer = buffer
        self.tb_locals = tb_locals
        self.warnings = warnings
        self.stream = stream
        if resultclass is not None:
            self.resultclass = resultclass

    def run(self, test):
        if self.stream is not None:
            return self._run(test, self._to_stream)
        raw = _Raw(os.dup(1))

        def write(line):
            sys.stdout.flush()
            start = b"" if raw.at_start else b"\n"
            data = start + line.encode() + b"\n"
            while data:
                data = data[raw.write(data):]

        old = sys.stdout
        old.flush()
        sys.stdout = io.TextIOWrapper(
            raw, getattr(old, "encoding", None),
            getattr(old, "errors", None), write_through=True)
        try:
            return self._run(test, write)
        finally:
            sys.stdout = old
            os.close(raw.fd)

    def _to_stream(self, line):
        self.stream.write(line + "\n")
        self.stream.flush()

    def _run(self, test, write):
        reporter = LineReporter(write)
        result = self.resultclass(reporter=reporter)
        result.failfast = self.failfast
        result.buffer = self.buffer
        result.tb_locals = self.tb_locals
        unittest.registerResult(result)
        tests = list(_leaves(test))
        with warnings.catch_warnings():
            if self.warnings:
                warnings.simplefilter(self.warnings)
            result.startTestRun()
            try:
                if not run_piece(result, test, tests, reporter.plan(tests)):
                    result.close()
                    raise KeyboardInterrupt
            finally:
                result.stopTestRun()
        reporter.end()
        return result


def _leaves(test):
    try:
        inner = iter(test)
    except TypeError:
        yield test
        return
    for one in inner:
        if one is not None:
            yield from _leaves(one)


if __name__ == "__main__":
    unittest.main(module=None, testRunner=JSONTestRunner)
