"""Items by number, made ready to run.

unittest lets go of each test when it has run, and so do these: what a test
keeps must not live longer than it would under `python -m unittest`.
"""

import sys
import unittest
from unittest import case as unittest_case

from ..suite import remaining
from .protocol import repair

__unittest = True

_case_init = unittest.TestCase.__init__
_PLAIN = len(vars(unittest.TestCase()))


class Found:
    """The items that this process, or the one it was forked from, collected."""

    once = False  # nothing is asked for twice: a job's own process

    def __init__(self, collection):
        self.items = collection.items
        self.suites = collection.suites
        self.cleanups = collection.cleanups
        self.near = collection.notes.near

    def take(self, numbers, message):
        """(suite, its tests in order) for these numbers."""
        numbers = self._numbers(numbers, message)
        if self.cleanups and numbers[0] in self.cleanups:
            unittest_case._module_cleanups.extend(self.cleanups[numbers[0]])
        if self.suites and any(n in self.suites for n in numbers):
            return self._with_own_run(numbers)
        suite = unittest.TestSuite()
        suite._tests = [self._let_go(number) for number in numbers]
        return suite, suite._tests

    def look(self, numbers, message):
        """The tests that `take` will give, or what they are made from: pairs
        of a class and the name of a method."""
        return [self.items[n] for n in self._numbers(numbers, message)]

    def _numbers(self, numbers, message):
        return numbers

    def _let_go(self, number):
        """The test, which is made anew when it is asked for again."""
        test = self.items[number]
        if self.once:
            self.items[number] = None
            return test
        if type(test) is tuple:
            test = test[0](test[1])
        kind = type(test)
        if getattr(kind, "__init__", None) is _case_init \
                and len(vars(test)) == _PLAIN:
            self.items[number] = (kind, test._testMethodName)
        else:
            self.items[number] = _copy(test)
        return test

    def _with_own_run(self, numbers):
        """Tests whose suite has its own `run`, perhaps among others.

        The suites run as copies that hold only the tests that are wanted.
        """
        whole, done, tests = unittest.TestSuite(), set(), []
        for number in numbers:
            own = self.suites.get(number)
            if own is None:
                whole._tests.append(self._let_go(number))
                tests.append(whole._tests[-1])
            elif id(own) not in done:
                done.add(id(own))
                wanted = {id(self.items[n]) for n in numbers
                          if self.suites.get(n) is own}
                whole._tests.append(
                    remaining(own, lambda test: id(test) in wanted))
        # In the order of their numbers, which are the keys.
        tests = [self.items[n] if n in self.suites else None
                 for n in numbers]
        plain = iter([t for t in whole._tests
                      if isinstance(t, unittest.TestCase)])
        tests = [next(plain) if test is None else test for test in tests]
        if len(whole._tests) == 1:
            return whole._tests[0], tests
        return whole, tests


def _copy(test):
    """For another run; some tests do not stand two."""
    import copy
    try:
        return copy.copy(test)
    except Exception:
        return test


class Loaded(Found):
    """The items of a worker that was not forked: found by their ids."""

    def __init__(self, make):
        """`make` gives a Collection for (send, skip)."""
        self.items, self.suites, self.cleanups = {}, {}, {}
        self.make = make
        self.near = make(lambda *sent: None, ()).notes.near
        self._loads = {}  # what was loaded: {id: [(test, suite), ...]}, failure

    def _numbers(self, numbers, message):
        load = message.get("load") or message["name"]
        if load not in self._loads:
            self._loads[load] = self._load(load)
        known, failure = self._loads[load]
        for number, ident in zip(numbers, message["ids"]):
            if number not in self.items:
                self._find(number, ident, known, failure)
        return numbers

    def _load(self, load):
        messages = []
        collection = self.make(lambda *sent: messages.extend(sent), ())
        name, _, top = load.partition("@")
        if top:
            sys.path.insert(0, top)
        collection.collect([name], ".", "test*.py", top or None)
        known, failure, number = {}, None, 0
        for message in messages:
            if message["msg"] == "unknown":
                failure = LookupError("%s cannot be loaded: %s" % (
                    name, message["reason"]))
            if message["msg"] != "job":
                continue
            for ident, _ in message["items"]:
                if ident.startswith("."):
                    ident = message["name"] + ident
                test = collection.items[number]
                known.setdefault(repair(ident), []).append(
                    (test, collection.suites.get(number),
                     collection.cleanups.get(number)))
                number += 1
                if message["kind"] == "import":
                    failure = getattr(test, "_exception", None)
        return known, failure

    def _find(self, number, ident, known, failure):
        base, _, count = ident.rpartition("#")
        if ident in known:
            found = known[ident][0]
        elif base in known and count.isdigit():
            found = known[base][min(int(count), len(known[base])) - 1]
        else:
            problem = failure or LookupError(
                "%s is not there when it is loaded again" % ident)
            found = (unittest.loader._FailedTest(ident, problem), None, None)
        self.items[number], suite, cleanups = found
        if suite is not None:
            self.suites[number] = suite
        if cleanups:
            self.cleanups[number] = cleanups
