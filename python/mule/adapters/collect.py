"""Collecting: labels to tests, tests to jobs.

Loads what `python -m unittest` would load, in its order, and cuts the tests
in jobs. Says which module it is about to import before it does, for a module
may well be the last thing this process does.
"""

import _thread
import os
import sys
import unittest
from unittest import case as unittest_case
from unittest.suite import BaseTestSuite

from ..suite import has_own_run

__unittest = True

_OURS = '"%s' % os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "")

MOST_ITEMS = 20000  # of one job: a line has its limit
ITEMS_AT_ONCE = 500  # messages cost less when they go together
CLEANUPS = ("addModuleCleanup", "enterModuleContext")

_FunctionType = type(has_own_run)
_test_id = unittest.TestCase.id
_by_name = unittest.TestLoader.sortTestMethodsUsing


class Unknown(Exception):
    """A label that matches nothing; the message says why."""


class NotLoaded(Exception):
    """Raised in place of loading a module that mule said to leave alone."""


class Tags:
    """Which tests are wanted, by the tags of their class and method.

    Those are what somebody's `@tag` left: a set or list of words in an
    attribute `tags`. What could not be loaded is always wanted.
    """

    def __init__(self, wanted, unwanted):
        self.wanted = set(wanted)
        self.unwanted = set(unwanted)

    def match(self, test):
        kind = type(test)
        if kind.__module__ == "unittest.loader":
            return True
        method = getattr(kind, getattr(test, "_testMethodName", ""), None)
        tags = _tags_of(test) | _tags_of(method)
        return not (self.wanted and tags.isdisjoint(self.wanted)) \
            and tags.isdisjoint(self.unwanted)


def _tags_of(thing):
    tags = getattr(thing, "tags", None)
    if not isinstance(tags, (set, frozenset, list, tuple)):
        return set()
    return {tag for tag in tags if isinstance(tag, str)}


class Loader(unittest.TestLoader):
    """unittest's loader, which also notes what it loads."""

    def __init__(self, notes):
        super().__init__()
        self.notes = notes

    def _get_module_from_name(self, name):
        if name in sys.modules:
            return super()._get_module_from_name(name)
        with Loading(self.notes, name, self._file_of(name)):
            return super()._get_module_from_name(name)

    def _file_of(self, name):
        top = self._top_level_dir
        if top is None:
            return None
        base = os.path.join(top, *name.split("."))
        for path in (base + ".py", os.path.join(base, "__init__.py")):
            if os.path.isfile(path):
                return path
        return None

    def getTestCaseNames(self, testCaseClass):
        # The same as unittest's, for a fifth of the time: most of what dir()
        # gives comes from TestCase, and is no test.
        if not self._is_ordinary():
            return super().getTestCaseNames(testCaseClass)
        return [name for name in dir(testCaseClass)
                if name[:4] == "test"
                and callable(getattr(testCaseClass, name))]

    def _is_ordinary(self):
        """Nobody, such as a load_tests, changed what counts as a test."""
        return self.testMethodPrefix == "test" \
            and self.testNamePatterns is None \
            and self.sortTestMethodsUsing is _by_name

    def loadTestsFromModule(self, module, *args, **kwargs):
        suite = super().loadTestsFromModule(module, *args, **kwargs)
        self.notes.loaded(module, suite, self._top_level_dir)
        return suite


class Loading:
    """Around the import of one module: announced before, looked at after."""

    def __init__(self, notes, name, file):
        self.notes = notes
        self.name = name
        self.file = file

    def __enter__(self):
        notes = self.notes
        if self.name in notes.skip:
            raise NotLoaded(self.name)
        notes.announce(self.name, self.file)
        self.cleanups = len(unittest_case._module_cleanups)
        self.native = _native_threads()
        self.threads = _thread._count()

    def __exit__(self, kind, value, tb):
        added = unittest_case._module_cleanups[self.cleanups:]
        if added:
            # unittest would run them after whichever module comes first.
            del unittest_case._module_cleanups[self.cleanups:]
            self.notes.cleanups.setdefault(self.name, []).extend(added)
        python = _thread._count() - self.threads
        native = _native_threads() - self.native
        if python > 0 or native > 0:
            self.notes.saw_threads(self.name, python, native)
        if kind is not None and any(
                base.__name__ == "SkippedTest" for base in kind.__mro__):
            raise unittest.SkipTest(str(value))


class Notes:
    """What was seen while modules were loaded."""

    def __init__(self, send, skip):
        self.send = send
        self.skip = skip
        self.origins = {}  # id of a suite: what it was loaded from
        self.kept = []  # those suites, so that no id is used twice
        self.tops = {}  # module: folder that had to be on sys.path for it
        self.files = {}
        self.cleanups = {}
        self.threads = set()
        self.cwd = os.getcwd()

    def announce(self, name, file):
        message = {"msg": "importing", "module": name}
        if file is not None:
            self.files[name] = message["file"] = self.near(file)
        self.send(message)

    def near(self, path):
        """`path`, relative to the working directory where it is below it."""
        if path is not None and path.startswith(self.cwd + os.sep):
            return path[len(self.cwd) + 1:]
        return path

    def loaded(self, module, suite, top):
        name = module.__name__
        self.origins[id(suite)] = name
        self.kept.append(suite)
        if top is not None and top != self.cwd:
            self.tops[name] = self.near(top)
        foreign = _count_foreign(module)
        if foreign:
            file = self.near(getattr(module, "__file__", None) or name)
            self.send({"msg": "foreign", "style": "pytest", "file": file,
                       "tests": foreign})

    def saw_threads(self, name, python, native):
        names = []
        if python > 0:
            self.threads.add(name)
            threading = sys.modules.get("threading")
            if threading is not None:
                names = [thread.name for thread in threading.enumerate()
                         if thread is not threading.main_thread()]
            names = (names or ["?"])[-python:]
        self.send({"msg": "threads", "module": name, "names": names,
                   "native": max(0, native - max(0, python))})

    def load_string(self, origin):
        top = self.tops.get(origin)
        return origin if top is None else "%s@%s" % (origin, top)


class Group:
    """Tests that become one job."""

    __slots__ = ("name", "kind", "file", "origin", "tests", "suite")

    def __init__(self, name, kind, file, origin, suite=None):
        self.name = name
        self.kind = kind
        self.file = file
        self.origin = origin
        self.tests = []
        self.suite = suite


class Collection:
    """The answer to one `collect`: items by number, and how they run."""

    def __init__(self, send, skip=(), tags=None):
        """`tags`, a Tags: which of the tests are wanted at all."""
        self.send = send
        self.notes = Notes(send, skip)
        self.tags = tags
        self.items = []
        self.suites = {}  # number of an item: the suite that has its own run
        self.cleanups = {}  # number of an item: module cleanups to put back
        self._groups = {}
        self._kinds = {}
        self._fixtures = {}  # name of a module: has it fixtures?
        self._seen = set()

    def named(self, labels):
        """Tests may look at what somebody asked for."""
        sys.argv[1:] = labels

    def collect(self, labels, basedir, pattern, top):
        self.load(labels, basedir, pattern, top)
        jobs = self._emit()
        self.send({"msg": "collected", "jobs": jobs,
                   "items": len(self.items)})
        self.notes.kept.clear()
        self._groups = self._kinds = self._fixtures = self._seen = None

    def load(self, labels, basedir, pattern, top):
        """Find the tests, and walk through them."""
        for label in labels or [None]:
            try:
                suite, origin = self._load(label, basedir, pattern, top)
            except Unknown as problem:
                self.send({"msg": "unknown", "label": label or basedir,
                           "reason": str(problem)})
            except NotLoaded:
                pass
            else:
                self._walk(suite, origin)

    # From labels to suites.

    def _load(self, label, basedir, pattern, top):
        loader = Loader(self.notes)
        if label is None:
            return self._discover(loader, basedir, pattern, top), None
        if os.path.isdir(label):
            return self._discover(loader, label, pattern,
                                  top or _top_of(label)), None
        if label.endswith(".py") and os.path.isfile(label):
            label = self._name_of_file(label, top)
        elif os.sep in label or (label.endswith(".py")):
            raise Unknown("no such file or folder")
        elif top or basedir not in (None, "", "."):
            _put_on_path(os.path.abspath(top or basedir))
        return self._load_name(loader, label, pattern)

    def _discover(self, loader, start, pattern, top):
        try:
            return loader.discover(start, pattern, top)
        except (ImportError, AssertionError) as problem:
            raise Unknown(str(problem) or "not importable") from None

    def _name_of_file(self, path, top):
        """The dotted name under which a file is imported, as unittest."""
        if top:
            base = os.path.abspath(top)
        else:
            base = self.notes.cwd
            if not os.path.abspath(path).startswith(base + os.sep):
                base = _top_of(os.path.dirname(os.path.abspath(path)))
        relative = os.path.relpath(os.path.abspath(path), base)
        if relative.startswith(os.pardir):
            raise Unknown("outside of the top level folder " + base)
        if base != self.notes.cwd:
            _put_on_path(base)
        return relative[:-len(".py")].replace(os.sep, ".")

    def _load_name(self, loader, label, pattern):
        module, rest, failed = self._import(label)
        if failed is not None:
            return failed, module  # a name here
        found = module
        for part in rest:
            try:
                found = getattr(found, part)
            except AttributeError:
                raise Unknown(_no_such(found, part)) from None
        origin = module.__name__
        try:
            suite = loader.loadTestsFromName(label)
        except TypeError as problem:
            raise Unknown(str(problem)) from None
        if not rest and hasattr(module, "__path__") \
                and not suite.countTestCases():
            # A package that has no tests itself: those below it.
            folder = list(module.__path__)[0]
            return self._discover(loader, folder, pattern,
                                  _top_of(folder)), origin
        return suite, origin

    def _import(self, label):
        """(module, what remains of the label, None), or with the test that
        tells why it could not be imported, (its name, [], test)."""
        parts = label.split(".")
        module, used = None, 0
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[:count])
            if module is not None and not hasattr(module, "__path__"):
                break
            loader = Loader(self.notes)
            try:
                module = loader._get_module_from_name(name)
            except NotLoaded:
                raise
            except ModuleNotFoundError as problem:
                if problem.name == name:
                    break
                return name, [], _import_failure(loader, name)
            except unittest.SkipTest as reason:
                return name, [], _import_skip(loader, name, reason)
            except BaseException:
                return name, [], _import_failure(loader, name)
            used = count
        if module is None:
            raise Unknown(_no_such_module(parts[0]))
        return module, parts[used:], None

    # From suites to groups.

    def _walk(self, suite, origin):
        if not isinstance(suite, BaseTestSuite):
            self._leaf(suite, origin)
            return
        origin = self.notes.origins.get(id(suite), origin)
        if has_own_run(suite):
            self._own_suite(suite, origin)
            return
        for test in suite:
            if isinstance(test, BaseTestSuite):
                self._walk(test, origin)
            elif test is not None:
                self._leaf(test, origin)

    def _leaf(self, test, origin):
        if self.tags is not None and not self.tags.match(test):
            return
        kind = type(test)
        group = self._kinds.get((origin, kind))
        if group is None:
            group = self._group_of(test, kind, origin)
        if id(test) in self._seen:
            import copy
            test = copy.copy(test)  # one object twice is two items
        self._seen.add(id(test))
        group.tests.append(test)

    def _group_of(self, test, kind, origin):
        module = kind.__module__
        file = self._file_of(module) or self._file_of(origin)
        if module == "unittest.loader":  # _FailedTest, ModuleSkipped
            name = test._testMethodName
            if name in self.notes.skip:
                return Group(name, "import", None, None)  # thrown away
            _leave_out_frames(test)
            return self._group((name, None), name, "import",
                               self.notes.files.get(name), name)
        if not isinstance(test, unittest.TestCase):
            return self._group((id(test), None), _id_of(test), "suite", file,
                               origin)
        if isinstance(test, unittest.FunctionTestCase):
            return self._by_file(test, origin)
        if hasattr(test, "_dt_test"):
            return self._by_file(test, origin)
        if self._has_fixtures(module, origin):
            group = self._group((origin, module), module, "module", file,
                                origin)
        else:
            name = "%s.%s" % (module, kind.__qualname__)
            group = self._group((origin, kind), name, "class", file, origin)
        self._kinds[origin, kind] = group
        return group

    def _group(self, key, *values):
        if key not in self._groups:
            self._groups[key] = Group(*values)
        return self._groups[key]

    def _by_file(self, test, origin):
        """Doctests and functions go by the file in which they stand."""
        if isinstance(test, unittest.FunctionTestCase):
            code = getattr(test._testFunc, "__code__", None)
            file = getattr(code, "co_filename", None)
            name = getattr(test._testFunc, "__module__", None)
        else:
            file = test._dt_test.filename
            name = test._dt_test.globs.get("__name__")
            if file is not None and not file.endswith((".py", ".pyc")):
                name = os.path.basename(file)
        return self._group((origin, file), name or origin or str(file),
                           "file", self.notes.near(file), origin)

    def _own_suite(self, suite, origin):
        kind = type(suite)
        name = "%s.%s" % (kind.__module__, kind.__qualname__)
        file = self._file_of(kind.__module__) or self._file_of(origin)
        group = Group(name, "suite", file, origin, suite)
        self.notes.kept.append(suite)
        stack = [suite]
        while stack:
            test = stack.pop()
            if isinstance(test, BaseTestSuite):
                stack.extend(reversed([t for t in test if t is not None]))
            elif self.tags is None or self.tags.match(test):
                group.tests.append(test)
        if group.tests or self.tags is None:
            self._groups[id(suite), None] = group

    def _file_of(self, module):
        module = sys.modules.get(module)
        return self.notes.near(getattr(module, "__file__", None))

    def _has_fixtures(self, name, origin):
        if origin in self.notes.cleanups or name in self.notes.cleanups:
            return True
        if name not in self._fixtures:
            self._fixtures[name] = _has_fixtures(sys.modules.get(name),
                                                 name)
        return self._fixtures[name]

    # From groups to messages.

    def _emit(self):
        jobs, count, held = [], 0, 0
        for group in self._groups.values():
            cleanups = self.notes.cleanups.get(group.origin)
            for start in range(0, len(group.tests), MOST_ITEMS):
                tests = group.tests[start:start + MOST_ITEMS]
                first = len(self.items)
                self.items += tests
                for number in range(first, len(self.items)):
                    if group.suite is not None:
                        self.suites[number] = group.suite
                    if cleanups:
                        self.cleanups[number] = cleanups
                jobs.append(self._message(group, tests))
                held += len(tests)
                if held >= ITEMS_AT_ONCE:
                    self.send(*jobs)
                    count += len(jobs)
                    held = 0
                    jobs.clear()
        if jobs:
            self.send(*jobs)
        return count + len(jobs)

    def _message(self, group, tests):
        message = {"msg": "job", "name": group.name, "kind": group.kind,
                   "load": self.notes.load_string(group.origin or group.name),
                   "items": list(_ids_and_lines(group.name, tests))}
        if group.file is not None:
            message["file"] = group.file
        if group.origin in self.notes.threads:
            message["spawn"] = True
        rank = self.rank(group.tests)
        if rank:
            message["rank"] = rank
        return message

    def rank(self, tests):
        """How early a job of these tests is to start: 0 to 15, 0 first."""
        return 0


def _ids_and_lines(name, tests):
    prefix = name + "."
    kind, plain, dotted = None, False, ""
    for test in tests:
        if type(test) is not kind:
            kind = type(test)
            plain = getattr(kind, "id", None) is _test_id
            dotted = ""
            if plain:
                full = "%s.%s." % (kind.__module__, kind.__qualname__)
                dotted = full
                if full.startswith(prefix):
                    dotted = full[len(name):]
        if plain:
            method = test._testMethodName
            yield [dotted + method, _line_of(getattr(kind, method, None))]
        else:
            ident = _id_of(test)
            if ident.startswith(prefix):
                ident = ident[len(name):]
            yield [ident, _line_of_other(test)]


def _line_of(function):
    try:
        code = function.__code__
    except AttributeError:
        code = getattr(getattr(function, "__func__", None), "__code__", None)
        if code is None:
            return 0
    try:
        while True:
            function = function.__wrapped__
            code = function.__code__
    except AttributeError:
        return code.co_firstlineno


def _line_of_other(test):
    doctest = getattr(test, "_dt_test", None)
    if doctest is not None:
        return (doctest.lineno or 0) + 1
    function = getattr(test, "_testFunc", None)
    if function is None:
        function = getattr(type(test), getattr(test, "_testMethodName", ""),
                           None)
    return _line_of(function)


def _id_of(test):
    try:
        return str(test.id())
    except Exception:
        return str(test)


def _has_fixtures(module, name):
    if module is None:
        return False
    names = vars(module)
    if "setUpModule" in names or "tearDownModule" in names:
        return True
    # Cleanups for the module that a class adds are seen when it runs, which
    # is too late: look for the name in the code.
    for value in list(names.values()):
        if isinstance(value, type):
            if value.__module__ == name \
                    and issubclass(value, unittest.TestCase) \
                    and any(map(_adds_cleanup, vars(value).values())):
                return True
        elif _adds_cleanup(value):
            return True
    return False


def _adds_cleanup(value):
    value = getattr(value, "__func__", value)  # a class method
    if type(value) is not _FunctionType:
        return False
    names = value.__code__.co_names
    return CLEANUPS[0] in names or CLEANUPS[1] in names


def _count_foreign(module):
    """How many tests in pytest's style this module has.

    Only modules without a load_tests: it may well know what to do with them.
    """
    name, count = module.__name__, 0
    names = vars(module)
    if "load_tests" in names:
        return 0
    for key, value in names.items():
        if key.startswith("test_") and type(value) is _FunctionType:
            count += value.__module__ == name and key != "test_main"
        elif key.startswith("Test") and isinstance(value, type) \
                and value.__module__ == name \
                and not issubclass(value, unittest.TestCase) \
                and "__init__" not in vars(value):
            count += sum(1 for member in vars(value).items()
                         if member[0].startswith("test_")
                         and type(member[1]) is _FunctionType)
    return count


def _native_threads():
    try:
        return os.stat("/proc/self/task").st_nlink - 2
    except OSError:
        return 0


def _top_of(folder):
    """The folder that must be on sys.path to import what is in this one."""
    folder = os.path.abspath(folder)
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    return folder


def _put_on_path(folder):
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _import_failure(loader, name):
    """unittest's own test that fails with the reason, as an `except` goes."""
    return unittest.loader._make_failed_import_test(name,
                                                    loader.suiteClass)[0]


def _import_skip(loader, name, reason):
    return unittest.loader._make_skipped_test(name, reason,
                                              loader.suiteClass)


def _leave_out_frames(test):
    """Take this file's frames out of what a failed import says."""
    problem = getattr(test, "_exception", None)
    if problem is None or not problem.args:
        return
    kept, ours = [], False
    for line in str(problem.args[0]).split("\n"):
        if line.startswith("  File "):
            ours = _OURS in line
        elif not line.startswith("    "):
            ours = False
        if not ours:
            kept.append(line)
    problem.args = ("\n".join(kept),)
    problem.msg = problem.args[0]


def _no_such_module(name):
    import pkgutil
    names = {found.name for found in pkgutil.iter_modules(sys.path[:1])}
    return "no module named %s%s" % (name, _nearest(name, names))


def _no_such(parent, name):
    names, module = set(dir(parent)), getattr(parent, "__name__", parent)
    full = module
    if hasattr(parent, "__path__"):
        import pkgutil
        names.update(found.name
                     for found in pkgutil.iter_modules(parent.__path__))
        kind = "package " + module
    elif isinstance(parent, type):
        full = "%s.%s" % (parent.__module__, parent.__qualname__)
        kind = "class " + full
    else:
        kind = "module %s" % module
    return "%s has no %s%s" % (kind, name,
                               _nearest(name, names, "%s." % full))


def _nearest(name, names, prefix=""):
    import difflib
    near = difflib.get_close_matches(name, names, 1)
    return "; did you mean %s%s?" % (prefix, near[0]) if near else ""
