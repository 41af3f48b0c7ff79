"""A unittest result that somebody else reports, and how to run tests into it.

`ResultMixin` goes in front of any TestResult. It decides how each test ended,
exactly as unittest would count it, and tells a *reporter*; it knows neither
files nor sockets. A reporter has these methods:

    begin(key, test)        a test is about to run
    passed(key, test)       it passed, and there is nothing else to say
    finished(key, test, ending)      it ended, with an `Ending`; a test that
                            never ran ends without having begun
    fixture(ident, ending)  a class or module fixture went wrong
    mark()                  what was written up to here belongs to no test

`key` is what the caller gave for the test, None for one nobody asked for.
"""

import os
import sys
import unittest
from unittest.case import _SubTest
from unittest.suite import TestSuite, _ErrorHolder
from unittest.util import strclass

__unittest = True  # keeps these frames out of the tracebacks of tests

# The functions of unittest between its loop and the code of a test.
_WHERE = {
    "_callSetUp": "setUp",
    "_callTestMethod": "test",
    "_callTearDown": "tearDown",
    "_callCleanup": "cleanup",
    "doCleanups": "cleanup",
    "_handleClassSetUp": "fixture",
    "_tearDownPreviousClass": "fixture",
    "_handleModuleFixture": "fixture",
    "_handleModuleTearDown": "fixture",
}
# The same functions for fixtures: what they run, and which local variable
# says whose fixture it is.
_FIXTURES = {
    "_handleClassSetUp": ("setUpClass", "currentClass"),
    "_tearDownPreviousClass": ("tearDownClass", "previousClass"),
    "_handleModuleFixture": ("setUpModule", "currentModule"),
    "_handleModuleTearDown": ("tearDownModule", "previousModule"),
}


class Ending:
    """How an item ended: what `finished` says of it."""

    __slots__ = ("state", "reason", "findings", "ran", "counted")

    def __init__(self, state, reason=None, findings=(), ran=True,
                 counted=True):
        self.state = state
        self.reason = reason
        self.findings = findings
        self.ran = ran
        self.counted = counted


class ResultMixin:
    """Decides how tests ended and tells `reporter`; put before TestResult."""

    max_text = 1 << 20  # bytes of one text of a finding
    hint = None  # what to say when a test wanted a terminal: takes its id
    debugger = None  # where to go with what a test raised: takes sys.exc_info

    def __init__(self, *args, reporter, **kwargs):
        super().__init__(*args, **kwargs)
        self.reporter = reporter
        self._begin = reporter.begin
        self._passed = reporter.passed
        self._waiting = {}
        self._classes = ()
        self._current = None
        self._key = None
        self._state = None
        self._reason = None
        self._findings = None
        self._ran = True
        self._fixture = None
        self._unsettled = False

    # What runs, and what is left of it.

    def expect(self, tests, keys):
        """These tests come next; afterwards they are not held any more."""
        idents = list(map(id, tests))
        self._waiting = dict(zip(idents, keys))
        self._classes = list(zip(idents, map(type, tests)))
        self._previousTestClass = None
        self._moduleSetUpFailed = False
        self._testRunEntered = False
        self.shouldStop = False

    def is_waiting(self, test):
        return id(test) in self._waiting

    def close(self):
        """Nothing more comes: what never ran says so."""
        self._settle()
        for ident, _ in self._classes if self._waiting else ():
            if ident in self._waiting:
                key = self._waiting.pop(ident)
                self.reporter.finished(key, None, Ending(
                    "not run", "its suite did not run it", (), False, False))
        self._classes = ()

    def stopped(self, err):
        """An exception that unittest lets through ended the run.

        What was raised in a test was seen by `stopTest`; here are fixtures,
        and tests that fail before they start. False: it was neither.
        """
        self._settle()
        self._testRunEntered = False
        self._previousTestClass = None
        self._moduleSetUpFailed = False
        name = _fixture_of(err[2])
        if name is not None:
            self.addError(_ErrorHolder(name), err)
        else:
            test = _test_of(err[2], self._waiting)
            if test is None:
                return False
            self.addError(test, err)
        self._settle()
        return True

    # Called by unittest. The first three are the hot path.

    def startTest(self, test):
        if self._unsettled:
            self._settle()
        self.testsRun += 1
        self._current = test
        self._key = key = self._waiting.pop(id(test), None)
        self._begin(key, test)

    def addSuccess(self, test):
        self._state = "passed"

    def stopTest(self, test):
        if self._state == "passed" and self._findings is None:
            self._state = self._current = None
            self._passed(self._key, test)
        elif self._current is not None:
            if self._state is None and self._findings is None:
                err = sys.exc_info()
                if err[0] is not None:
                    self.addError(test, err)
            self._finish()

    def addDuration(self, test, elapsed):
        pass

    def addError(self, test, err):
        self._add_problem("error", self.errors, test, err)

    def addFailure(self, test, err):
        self._add_problem("failure", self.failures, test, err)

    def addSubTest(self, test, subtest, err):
        if err is None:
            return
        if issubclass(err[0], test.failureException):
            self._add_problem("failure", self.failures, subtest, err)
        else:
            self._add_problem("error", self.errors, subtest, err)

    def addSkip(self, test, reason):
        self.skipped.append((test, reason))
        reason = str(reason)
        finding = {"kind": "skip", "message": self._cut(reason)}
        if isinstance(test, _ErrorHolder):
            finding["where"] = "fixture"
            self._add_fixture(test, finding)
            return
        self._name_sub(finding, test)
        self._add(test, finding)
        self._reason = reason

    def addExpectedFailure(self, test, err):
        if _is_skip(err[0]):
            self.addSkip(test, str(err[1]))
            return
        finding = self._finding("xfail", test, err)
        self.expectedFailures.append((test, finding["trace"]))
        self._add(test, finding)
        self._state = "xfailed"

    def addUnexpectedSuccess(self, test):
        self.unexpectedSuccesses.append(test)
        self._own(test)
        self._state = "xpassed"
        if self.failfast:
            self.stop()

    def _setupStdout(self):
        if self._unsettled:
            self._settle()
        super()._setupStdout()

    def _restoreStdout(self):
        super()._restoreStdout()
        self.reporter.mark()

    # What they have in common.

    def _add_problem(self, kind, where, test, err):
        if _is_skip(err[0]):
            self.addSkip(test, str(err[1]))
            return
        finding = self._finding(kind, test, err)
        where.append((test, finding["trace"]))
        if self.debugger is not None:
            self.debugger(err)
        if isinstance(test, _ErrorHolder):
            self._add_fixture(test, finding)
        else:
            self._add(test, finding)
        if self.failfast:
            self.stop()

    def _add(self, test, finding):
        self._own(test)
        if self._findings is None:
            self._findings = []
        self._findings.append(finding)

    def _own(self, test):
        """Make `test` the current one, where unittest did not start it."""
        if self._current is not None:
            return
        if self._unsettled:
            self._settle()
        test = _whole(test)
        self._current = test
        self._key = self._waiting.pop(id(test), None)
        self._ran = False
        self._unsettled = True
        self._begin(self._key, test)

    def _finish(self):
        findings = self._findings or []
        kinds = {finding["kind"] for finding in findings}
        if "error" in kinds:
            state = "error"
        elif "failure" in kinds:
            state = "failed"
        elif self._state is not None and self._state != "passed":
            state = self._state
        elif "skip" in kinds:
            state = "skipped"
        else:
            state = "passed"
        if state == "skipped" and len(findings) == 1 \
                and "sub" not in findings[0]:
            findings = []  # the reason says it all
        ending = Ending(state, self._reason, findings, self._ran)
        key, test = self._key, self._current
        self._current = self._state = self._reason = self._findings = None
        self._ran = True
        self._unsettled = self._fixture is not None
        self.reporter.finished(key, test, ending)

    def _settle(self):
        """Close what had no end of its own: a test, or a fixture."""
        if self._current is not None:
            self._finish()
        self._unsettled = False
        fixture, self._fixture = self._fixture, None
        if fixture is None:
            return
        ident, findings = fixture
        stopped = self._stopped_by(ident)
        if stopped and all(f["kind"] == "skip" for f in findings):
            self._skip_all(stopped, findings[0]["message"])
            return
        state = "error"
        if findings[0]["kind"] == "skip" and len(findings) == 1:
            state = "skipped"
        reason = findings[0]["message"] if state == "skipped" else None
        self.reporter.fixture(ident, Ending(
            state, reason, findings if reason is None else [], False))
        for key in stopped:
            self.reporter.finished(key, None, Ending(
                "not run", ident + " failed", (), False, False))

    def _skip_all(self, keys, reason):
        """A fixture skipped these: one skip to unittest, none of them run."""
        counted = True
        for key in keys:
            self.reporter.finished(key, None, Ending(
                "skipped", reason, (), False, counted))
            counted = False

    def _add_fixture(self, holder, finding):
        if self._fixture is not None and self._fixture[0] != holder.id():
            self._settle()
        if self._fixture is None:
            self._fixture = (holder.id(), [])
            self._unsettled = True
        finding["where"] = "fixture"
        self._fixture[1].append(finding)

    def _stopped_by(self, ident):
        """Keys of the waiting tests that this fixture kept from running."""
        method, _, owner = ident.partition(" (")
        owner = owner[:-1]
        keys = []
        if method not in ("setUpClass", "setUpModule"):
            return keys
        for number, kind in self._classes:
            name = kind.__module__
            if method == "setUpClass":
                name = strclass(kind)
            if name == owner and number in self._waiting:
                keys.append(self._waiting.pop(number))
        return keys

    # Findings.

    def _finding(self, kind, test, err):
        try:
            trace = self._exc_info_to_string(err, test)
        except Exception as problem:  # an exception that cannot be shown
            trace = "%s (its traceback cannot be shown: %s)\n" % (
                _type_name(err[0]), _type_name(type(problem)))
        try:
            message = str(err[1])
        except Exception:
            message = "<%s that cannot be shown>" % _type_name(err[0])
        if type(test).__name__ == "_FailedTest":
            message = message.strip().rpartition("\n")[2]
        if self.hint is not None and err[0].__name__ == "BdbQuit":
            message = self.hint(test.id())
        finding = {"kind": kind, "type": _type_name(err[0]),
                   "message": self._cut(message), "trace": self._cut(trace)}
        where, path, line = _place(test, err[2])
        if where != "test":
            finding["where"] = where
        if path is not None:
            finding["file"] = path
            finding["line"] = line
        self._name_sub(finding, test)
        return finding

    @staticmethod
    def _name_sub(finding, test):
        if isinstance(test, _SubTest):
            finding["sub"] = test._subDescription()
            finding["where"] = "subtest"

    def _cut(self, text):
        limit = self.max_text
        if len(text) <= limit:
            return text
        half = limit // 2
        return "%s\n[... %d characters ...]\n%s" % (
            text[:half], len(text) - 2 * half, text[-half:])


def run_piece(result, suite, tests, keys):
    """Run `suite`, which holds `tests`, into `result`.

    False: a test raised KeyboardInterrupt, and this process should not go on;
    what has no result yet is somebody else's. Does not hold on to the tests,
    so that they go away when unittest lets go of them.
    """
    result.expect(tests, keys)
    if tests is not getattr(suite, "_tests", None):
        tests.clear()
    while True:
        try:
            suite(result)
        except KeyboardInterrupt:
            result.stopped(sys.exc_info())
            return False
        except BaseException:  # SystemExit in a fixture; a broken suite
            err = sys.exc_info()
            if result.stopped(err):
                del err
                suite = remaining(suite, result.is_waiting)
                continue
            holder = _ErrorHolder("run (%s)" % strclass(type(suite)))
            result.addError(holder, err)
        break
    result.close()
    return True


def remaining(suite, wanted):
    """A copy of `suite` with only the tests of which `wanted` says so."""
    if has_own_run(suite):
        copy = suite.__class__.__new__(suite.__class__)
        copy.__dict__.update(suite.__dict__)
    else:
        copy = TestSuite()
    copy._tests = []
    for test in suite:
        if test is None:
            continue
        try:
            iter(test)
        except TypeError:
            if wanted(test):
                copy._tests.append(test)
        else:
            copy._tests.append(remaining(test, wanted))
    return copy


def has_own_run(suite):
    kind = type(suite)
    return getattr(kind, "run", None) is not TestSuite.run \
        or kind.__call__ is not TestSuite.__call__


def _is_skip(kind):
    """SkippedTest, whoever defined it, means what SkipTest means."""
    return any(base.__name__ == "SkippedTest" for base in kind.__mro__)


def _type_name(kind):
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return kind.__module__ + "." + kind.__qualname__


def _fixture_of(tb):
    """Name of the fixture in which this traceback lies, or None."""
    found = None
    while tb is not None:
        known = _FIXTURES.get(tb.tb_frame.f_code.co_name)
        if known is not None and "__unittest" in tb.tb_frame.f_globals:
            owner = tb.tb_frame.f_locals.get(known[1])
            if isinstance(owner, type):
                owner = strclass(owner)
            found = "%s (%s)" % (known[0], owner)
        tb = tb.tb_next
    return found


def _test_of(tb, waiting):
    """The test that a suite was about to run in this traceback, or None."""
    found = None
    while tb is not None:
        if "__unittest" in tb.tb_frame.f_globals:
            test = tb.tb_frame.f_locals.get("test")
            if id(test) in waiting:
                found = test
        tb = tb.tb_next
    return found


def _whole(test):
    """The test that a subtest is a part of."""
    return test.test_case if isinstance(test, _SubTest) else test


def _home_files(test):
    """The files in which a failure of this test is best shown."""
    test = _whole(test)
    module = sys.modules.get(type(test).__module__)
    files = [getattr(module, "__file__", None)]
    method = getattr(type(test), getattr(test, "_testMethodName", ""), None)
    method = getattr(test, "_testFunc", method)
    while hasattr(method, "__wrapped__"):
        method = method.__wrapped__
    files.append(getattr(getattr(method, "__code__", None), "co_filename",
                         None))
    return files


# What says nothing of where a test failed. Not all modules of unittest mark
# their frames: _log.py and mock.py do not.
_UNITTEST = (os.path.join(unittest.__path__[0], ""),
             os.path.join(os.path.dirname(os.__file__), "doctest.py"))


def _place(test, tb):
    """(where, file, line): the part of the test, and the line in it."""
    where, home, last = "test", None, None
    files = _home_files(test)
    while tb is not None:
        code = tb.tb_frame.f_code
        if "__unittest" in tb.tb_frame.f_globals:
            if last is None:
                where = _WHERE.get(code.co_name, where)
        elif not code.co_filename.startswith(_UNITTEST):
            last = (code.co_filename, tb.tb_lineno)
            if code.co_filename in files:
                home = last
        tb = tb.tb_next
    path, line = home or last or (None, 0)
    return where, path, line
