#!/usr/bin/env python3
"""Django's own tests, set up as its tests/runtests.py does, for two runners.

usage: django_suite.py peer RECORD PROCESSES FOLDER...
       django_suite.py serve FOLDER...

Runs in the folder `tests` of an unpacked archive of Django. What is tested
there depends on what is in INSTALLED_APPS, so FOLDERs are named here, too, and
not only as labels. DJANGO_SETTINGS_MODULE names the settings.

`peer` is Django's own runner, serial if PROCESSES is 1. RECORD gets what
tools/unittest_recorder.py writes and besides

    ("first", TIME)        when the first result was there, by time.time()
    ("reason", [ID, WHY])  why a test was skipped

`serve` is the adapter of `mule test`.
"""

import os
import sys
import tempfile
import time
import unittest
from unittest.case import _SubTest as SubTest

HERE = os.path.dirname(os.path.abspath(__file__))


def load_runtests():
    """The module runtests.py; its import changes filters of warnings."""
    sys.path[0] = os.getcwd()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "test_sqlite")
    import runtests
    return runtests


def set_up(runtests, folders):
    """Settings and applications. Gives the labels, and settings to restore."""
    return runtests.setup_run_tests(0, None, None, folders)


def recording(record):
    """A runner class whose result tells the record.

    Results of parallel processes arrive here, too: as calls of the same
    methods, a class at a time.
    """
    from unittest_recorder import plan

    class Result(unittest.TextTestResult):
        running = None  # the test, and its id before it could change that
        name = None
        first = True

        def note(self, kind, test):
            if self.first and kind != "ran":
                self.first = False
                record.add("first", time.time())
            if isinstance(test, SubTest):
                test = test.test_case
            ident = self.name if test is self.running else test.id()
            record.add(kind, ident)
            return ident

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
            record.add("reason", [self.note("skip", test), str(reason)])
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
            plan(record, test)
            result = super().run(test)
            record.add("end", result.testsRun)
            return result

    return Runner


def naming_fixtures(suite):
    """The suite of parallel processes, which knows whom a skip belongs to.

    Django's says of a class that skips itself that its last test did.
    """
    class Suite(suite):
        def handle_event(self, result, tests, event):
            if event[:2] == ("addSkip", -1):
                name = unittest.util.strclass(type(tests[0]))
                holder = unittest.suite._ErrorHolder(f"setUpClass ({name})")
                result.addSkip(holder, *event[2:])
            else:
                super().handle_event(result, tests, event)

    return Suite


def peer(path, processes, folders):
    from unittest_recorder import Record
    record = Record(path)
    runtests = load_runtests()
    labels, state = set_up(runtests, folders)
    from django.conf import settings
    from django.test.utils import get_runner
    if not hasattr(settings, "TEST_RUNNER"):
        settings.TEST_RUNNER = "django.test.runner.DiscoverRunner"
    runner = get_runner(settings)(
        verbosity=1, interactive=False, parallel=processes)
    runner.test_runner = recording(record)
    runner.parallel_test_suite = naming_fixtures(runner.parallel_test_suite)
    failures = runner.run_tests(labels)
    runtests.teardown_run_tests(state)
    return 1 if failures else 0


def serve(folders):
    """Mule's side: as `manage.py mule --worker` of a project."""
    sys.path.insert(1, os.path.join(os.path.dirname(HERE), "python"))
    if os.environ.get("MULE_ROLE") == "tidy":
        folders = ["empty"]  # which tests there are does not matter
    runtests = load_runtests()
    os.environ.setdefault("TMPDIR", tempfile.gettempdir())
    set_up(runtests, folders)
    from mule.contrib.django.harness import serve as serve_harness
    serve_harness({})
    return 0


def main():
    sys.path.append(HERE)
    role = sys.argv[1]
    if role == "peer":
        path, processes = os.path.abspath(sys.argv[2]), int(sys.argv[3])
        return peer(path, processes, sys.argv[4:])
    if role == "serve":
        return serve(sys.argv[2:])
    raise SystemExit(__doc__)


__unittest = True

if __name__ == "__main__":
    sys.exit(main())
