"""Kinds of tests: what each needs of the databases, and how it leaves them.

Knows Django's classes of tests, and the decorators that skip them. Touches no
database, but for what a feature's condition asks of one.
"""

import unittest
from unittest.suite import BaseTestSuite

from django.db import connections
from django.test import SimpleTestCase, TestCase, TransactionTestCase

__unittest = True

_DEFERRED = "skip_wrapper"  # Django's and unittest's, around a method


class Kind:
    """Of one class. `aliases` is None: whatever there is.

    `clean`: what is in the tables must be as it was made. `dirties`: it may
    be otherwise afterwards; None: if a connection was opened.
    """

    __slots__ = ("aliases", "clean", "dirties")

    def __init__(self, aliases, clean, dirties):
        self.aliases = aliases
        self.clean = clean
        self.dirties = dirties


def kind_of(cls):
    if not issubclass(cls, SimpleTestCase):
        return Kind(None, False, None)
    aliases = aliases_of(cls)
    if issubclass(cls, TestCase):
        alone = supported(aliases)
        return Kind(aliases, True, not alone)
    if issubclass(cls, TransactionTestCase):
        # What is brought back must not meet what others' flush left: types
        # of content with other numbers.
        return Kind(aliases, bool(cls.serialized_rollback), True)
    return Kind(aliases, False, bool(aliases))


def aliases_of(cls):
    """Those a class may use, and those they are mirrors of."""
    wanted = cls.databases
    if wanted == "__all__":
        return frozenset(connections)
    found = set()
    for alias in wanted or ():
        if alias in connections.settings:  # else setUpClass complains
            found.add(alias)
            test = connections[alias].settings_dict.get("TEST") or {}
            if test.get("MIRROR"):
                found.add(test["MIRROR"])
    return frozenset(found)


# Vendors whose databases are cloned faster than most tests run.
CHEAP = {"sqlite"}


class Ranks:
    """When a class is to start, where clones are dear: what leaves databases
    clean, then what wants a clean one and does not leave it so, then all
    others. 0 where clones are cheap: there the order is free.

    Decides by the engines in the settings: nothing is connected to.
    """

    def __init__(self):
        self._known = {}
        self._dear = None

    def of(self, cls):
        if cls not in self._known:
            self._known[cls] = self._rank(cls)
        return self._known[cls]

    def _rank(self, cls):
        if self._dear is None:
            self._dear = _dear_aliases()
        if not self._dear:
            return 0
        try:
            if not issubclass(cls, SimpleTestCase):
                return 2
            if self._dear.isdisjoint(aliases_of(cls)) \
                    or issubclass(cls, TestCase):
                return 0
        except Exception:
            return 2  # it says so itself when it runs
        return 1 if getattr(cls, "serialized_rollback", False) else 2


def _dear_aliases():
    found = set()
    for alias in connections:
        try:
            if connections[alias].vendor not in CHEAP:
                found.add(alias)
        except Exception:
            pass  # an engine that cannot be loaded clones nothing
    return found


def supported(aliases):
    """Whether a TestCase can take back what it did there."""
    try:
        return all(connections[alias].features.supports_transactions
                   and connections[alias].features.uses_savepoints
                   for alias in aliases)
    except Exception:
        return False  # there is no asking: assume the worst


# Tests that are skipped whatever happens.

def is_skipped(cls, name):
    """Whether a decorator skips this method; the reason, or True where
    unittest itself knows it, or None."""
    if _flag(cls):
        return True
    method = getattr(cls, name, None)
    if getattr(method, "__unittest_skip__", False):
        return True
    while method is not None:
        code = getattr(method, "__code__", None)
        if code is not None and code.co_name == _DEFERRED \
                and "condition" in code.co_freevars:
            return _deferred(cls, method, code)
        method = getattr(method, "__wrapped__", None)
    return None


def _flag(cls):
    """`__unittest_skip__` may ask a database for its features."""
    try:
        return getattr(cls, "__unittest_skip__", False)
    except Exception:
        return False  # it is asked again when the class runs


def _deferred(cls, method, code):
    """What skipUnlessDBFeature and its like would say."""
    cells = dict(zip(code.co_freevars, method.__closure__ or ()))
    try:
        from django.db import connection
        if connection.alias in cls.databases \
                and cells["condition"].cell_contents():
            return str(cells["reason"].cell_contents)
    except Exception:
        pass  # the test says so itself
    return None


def only_skipped(cls, names):
    """Whether all of these methods are skipped by decorators."""
    return all(is_skipped(cls, name) is not None for name in names)


class Skipped(BaseTestSuite):
    """Tests of a class that are all skipped: its fixtures do not run."""

    def run(self, result, debug=False):
        for index, test in enumerate(self):
            reason = is_skipped(type(test), test._testMethodName)
            if reason is True:
                test(result)
            else:
                result.startTest(test)
                try:
                    result.addSkip(test, reason)
                finally:
                    result.stopTest(test)
            self._removeTestAtIndex(index)
        return result


def has_own_fixtures(cls):
    """Whether unittest runs fixtures for a class whose tests are skipped."""
    return issubclass(cls, unittest.TestCase) and not _flag(cls)
