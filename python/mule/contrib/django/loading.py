"""What mule sees of the tests that a project's own runner finds.

The runner builds its suite as ever, with a loader that tells of each module
before it imports it, so that one that ends the process is known by name.
"""

import importlib
import sys
import unittest
from unittest.suite import BaseTestSuite

from ...adapters.collect import Collection, Loader, Loading, \
    _import_failure, _import_skip
from .labels import Labels, Modules, Unknown

__unittest = True

PATTERN = "test*.py"  # what mule says where nobody said anything


class Announcing(Loader):
    """A loader of unittest's that notes what it loads; put before it."""

    def loadTestsFromName(self, name, module=None):
        if module is None:
            found = self._announce(name)
            if found is not None:
                return self.suiteClass([found])
        return super().loadTestsFromName(name, module)

    def _announce(self, name):
        """Import the modules of a dotted name, each with a word before; a
        test that fails with the reason, where that cannot be done."""
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            part = ".".join(parts[:count])
            above = sys.modules.get(part.rpartition(".")[0])
            if count > 1 and not hasattr(above, "__path__"):
                break
            if part in sys.modules:
                continue
            try:
                self._get_module_from_name(part)
            except ModuleNotFoundError as problem:
                if problem.name == part:
                    break  # it is an attribute, or unittest's to complain of
                return _import_failure(self, part)
            except unittest.SkipTest as reason:
                return _import_skip(self, part, reason)
            except KeyboardInterrupt:
                raise
            except BaseException:
                return _import_failure(self, part)
        return None


def announcing(loader, notes):
    """A loader as `loader`, that notes what it loads."""
    kind = type(loader)
    if kind is unittest.TestLoader:
        made = Announcing(notes)
    else:
        made = object.__new__(type(kind.__name__, (Announcing, kind), {}))
        made.notes = notes
    made.__dict__.update(loader.__dict__)
    made.errors = []
    return made


class DjangoCollection(Collection):
    """Finds tests by the runner's `build_suite`, in the order of its suite."""

    def __init__(self, send, skip, harness):
        super().__init__(send, skip)
        self.harness = harness
        self._origins = {}  # class: the module through which it was found
        from .kinds import Ranks
        self._ranks = Ranks()
        self._ranked = True

    def named(self, labels):
        pass  # manage.py's words stand in sys.argv, as under `test`

    def load(self, labels, basedir, pattern, top):
        runner = self.harness.make_runner()
        self._narrow(runner, pattern, top)
        # A project that wants its tests as they were found has them so.
        self._ranked = bool(getattr(runner, "reorder_by", True))
        if not labels and basedir not in (None, "", "."):
            labels = [basedir]
        wanted = self._resolved(labels, runner.pattern or PATTERN)
        if labels and not wanted:
            return
        self.notes.loaded = self._note_origins
        runner.test_loader = announcing(runner.test_loader, self.notes)
        suite = self.harness.build(runner, wanted)
        for test in _tests_of(suite):
            self._leaf(test, self._origin_of(test))

    def _narrow(self, runner, pattern, top):
        """A fleet's worker knows from mule alone what was asked for."""
        if pattern not in (None, PATTERN):
            runner.pattern = pattern
        if top is not None:
            runner.top_level = top

    def _resolved(self, labels, pattern):
        from django.apps import apps
        known = Labels(apps.get_app_configs(), Modules(self._import), pattern)
        wanted = []
        for label in labels:
            try:
                wanted += known.resolve(label)
            except Unknown as problem:
                self.send({"msg": "unknown", "label": label,
                           "reason": str(problem)})
        for text in known.notes:
            self.harness.note("info", text)
        return list(dict.fromkeys(wanted))

    def _import(self, name):
        if name in sys.modules:
            return sys.modules[name]
        with Loading(self.notes, name, None):
            return importlib.import_module(name)

    def _note_origins(self, module, suite, top):
        for test in _tests_of(suite):
            self._origins.setdefault(type(test), module.__name__)

    def rank(self, tests):
        if not self._ranked:
            return 0
        return max(map(self._ranks.of, dict.fromkeys(map(type, tests))))

    def _origin_of(self, test):
        kind = type(test)
        return self._origins.get(kind, kind.__module__)


def _tests_of(suite):
    """The tests in any depth; those of a broken suite as far as they go."""
    stack = [iter(suite)]
    while stack:
        for test in stack[-1]:
            if isinstance(test, BaseTestSuite):
                stack.append(iter(test))
                break
            if test is not None:
                yield test
        else:
            stack.pop()
