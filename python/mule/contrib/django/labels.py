"""Labels as people write them, to those that a runner's build_suite takes.

    forums                      the package of the app with this label
    forums.LoginTests[.test_x]  the class, wherever the tests of the app are
    forums.tests.test_login     dotted names, down to a method
    forums/tests                folders
    forums/tests/test_login.py  files

Patterns are not for here: the native program matches them.
"""

import fnmatch
import importlib
import importlib.util
import os
import re
import sys
import unittest

CLASS = re.compile(r"^class[ \t]+(\w+)", re.MULTILINE)
FOREIGN = ("django.", "unittest.", "rest_framework.")  # not somebody's tests

__unittest = True


class Unknown(Exception):
    """A label that matches nothing; the message says why, and what is near."""


class _Missing(Exception):
    """A dotted name ends before its end: at `found`, which has no `name`."""

    def __init__(self, found, depth, name):
        super().__init__()
        self.found = found
        self.depth = depth
        self.name = name


class Modules:
    """What can be imported, and what is below a package.

    `load` imports a module by its name, and may raise what it likes.
    """

    def __init__(self, load=importlib.import_module):
        self.load = load

    def exists(self, name):
        """Whether there is such a module. One that is broken, or in a package
        that is, exists: it is the test runner's to say what is wrong."""
        if sys.modules.get(name) is not None:
            return True
        parent = name.rpartition(".")[0]
        try:
            if parent and (not self.exists(parent) or not hasattr(
                    self.load(parent), "__path__")):
                return False
            return importlib.util.find_spec(name) is not None
        except (ValueError, AttributeError):  # it is no module
            return False
        except (Exception, SystemExit):
            return True

    def folder(self, name):
        """Of a package; None of a module that is none, or broken."""
        try:
            paths = list(getattr(self.load(name), "__path__", []))
        except (Exception, SystemExit):
            return None
        return paths[0] if paths else None

    def below(self, package, pattern):
        """(name, path) of the modules that discovery would look at, after
        those of the package `tests`, which may show what others define."""
        folder = self.folder(package)
        if folder is None:
            return
        tests = os.path.join(folder, "tests", "__init__.py")
        if os.path.isfile(tests):
            yield package + ".tests", tests
        for root, folders, files in os.walk(folder):
            folders[:] = sorted(
                name for name in folders if name.isidentifier()
                and os.path.isfile(os.path.join(root, name, "__init__.py")))
            prefix = ".".join([package, *os.path.relpath(
                root, folder).split(os.sep)]).replace("..", ".").rstrip(".")
            for file in sorted(files):
                if fnmatch.fnmatch(file, pattern) \
                        and file[:-3].isidentifier() and file[-3:] == ".py":
                    yield prefix + "." + file[:-3], os.path.join(root, file)


class Labels:
    """`apps` are configurations of applications: with label and name.

    `notes` has sentences about labels that mean more than one thing.
    """

    def __init__(self, apps, modules=None, pattern="test*.py"):
        self.apps = {app.label: app.name for app in apps}
        self.modules = modules or Modules()
        self.pattern = pattern
        self.notes = []

    def resolve(self, label):
        """A list of labels for build_suite. Raises Unknown."""
        if os.path.isdir(label):
            return [label]
        if label.endswith(".py") and os.path.isfile(label):
            return [self._name_of_file(label)]
        if os.sep in label or label.endswith(".py"):
            raise Unknown("there is no file or folder %s" % label)
        parts = label.split(".")
        if not all(part.isidentifier() for part in parts):
            raise Unknown("it is no dotted name, file or folder")
        if len(parts) == 1 and label in self.apps:
            return [self.apps[label]]
        return self._dotted(label, parts)

    # Dotted names.

    def _dotted(self, label, parts):
        names = [parts]
        package = self.apps.get(parts[0])
        if package is not None and package != parts[0]:
            names.append(package.split(".") + parts[1:])
        missing = []
        for name in names:
            try:
                self._look(name)
                return [".".join(name)]
            except _Missing as problem:
                missing.append((name, problem))
        for name, problem in missing:
            found = self._short(label, name, problem)
            if found:
                return found
        # What was got furthest with is what was meant.
        name, problem = max(missing, key=lambda pair: pair[1].depth)
        raise Unknown(self._explain(name, problem))

    def _look(self, parts):
        """Whether all of it is there. Raises _Missing, Unknown."""
        depth = 0
        while depth < len(parts) and self.modules.exists(
                ".".join(parts[:depth + 1])):
            depth += 1
        if depth == 0:
            raise _Missing(None, 0, parts[0])
        if depth == len(parts):
            return
        try:
            found = self.modules.load(".".join(parts[:depth]))
        except (Exception, SystemExit):
            return  # the runner says what is wrong with it
        for at in range(depth, len(parts)):
            if not hasattr(found, parts[at]):
                raise _Missing(found, at, parts[at])
            found = getattr(found, parts[at])
        if not _is_test(found):
            raise Unknown("%s is there, but is no test" % ".".join(parts))

    # app.Class and app.Class.method

    def _short(self, label, parts, problem):
        rest = parts[problem.depth:]
        package = ".".join(parts[:problem.depth])
        if not 1 <= len(rest) <= 2 \
                or not hasattr(problem.found, "__path__"):
            return None
        classes, broken = self._find_class(package, rest[0])
        if not classes:
            return broken
        if len(rest) == 2:
            having = {cls: name for cls, name in classes.items()
                      if hasattr(cls, rest[1])}
            if not having:
                raise Unknown(_no_method(next(iter(classes)), rest[1]))
            classes = having
        names = sorted(classes.values())
        if len(names) > 1:
            self.notes.append("%s is more than one class, and all of them "
                              "run: %s" % (label, ", ".join(names)))
        return [".".join([name, *rest[1:]]) for name in names]

    def _find_class(self, package, wanted):
        """({class: its dotted name}, names of modules that cannot be loaded
        and may have it)."""
        word = re.compile(r"\b%s\b" % re.escape(wanted))
        classes, broken = {}, []
        for name, path in self.modules.below(package, self.pattern):
            text = _text(path)
            if not word.search(text) and "import *" not in text:
                continue
            try:
                found = vars(self.modules.load(name)).get(wanted)
            except (Exception, SystemExit):
                broken.append(name)
                continue
            if isinstance(found, type) \
                    and issubclass(found, unittest.TestCase) \
                    and not found.__module__.startswith(FOREIGN) \
                    and (found not in classes or found.__module__ == name):
                classes[found] = "%s.%s" % (name, wanted)
        return classes, broken

    # What is unknown.

    def _explain(self, parts, problem):
        name = problem.name
        if problem.found is None:
            near = _near(name, {*self.apps, *_packages_here()})
            return "there is no app, module or folder named %s%s" % (
                name, near)
        if isinstance(problem.found, type):
            return _no_method(problem.found, name)
        package = ".".join(parts[:problem.depth])
        names = {known for known, value in vars(problem.found).items()
                 if _is_test(value) and isinstance(value, type)}
        kind = "module"
        if hasattr(problem.found, "__path__"):
            kind = "app" if package in self.apps.values() else "package"
            for module, path in self.modules.below(package, self.pattern):
                names.update(CLASS.findall(_text(path)))
                names.add(module[len(package) + 1:].split(".")[0])
        return "%s %s has no test class or module named %s%s" % (
            kind, package, name, _near(name, names, package))

    # Files.

    def _name_of_file(self, path):
        """The dotted name under which it can be imported."""
        path = os.path.abspath(path)
        for entry in sorted(set(map(os.path.abspath, sys.path)), key=len,
                            reverse=True):
            parts = os.path.relpath(path, entry)[:-len(".py")].split(os.sep)
            if not all(part.isidentifier() for part in parts):
                continue
            if parts[-1] == "__init__" and len(parts) > 1:
                parts.pop()
            name = ".".join(parts)
            if self.modules.exists(name) and _is_from(name, path):
                return name
        raise Unknown("this file cannot be imported from where Python looks "
                      "for modules; name its folder")


def _is_from(name, path):
    """Whether a module is loaded from that file."""
    module = sys.modules.get(name)
    try:
        spec = getattr(module, "__spec__", None) \
            or importlib.util.find_spec(name)
    except (Exception, SystemExit):
        return True  # broken
    origin = getattr(spec, "origin", None)
    return origin is not None and os.path.exists(origin) \
        and os.path.samefile(origin, path)


def _is_test(found):
    """What unittest can make tests of, or may be able to."""
    if isinstance(found, type):
        return issubclass(found, unittest.TestCase)
    return callable(found) or isinstance(found, unittest.TestSuite)


def _no_method(cls, name):
    tests = {known for known in dir(cls) if known.startswith("test")}
    full = "%s.%s" % (cls.__module__, cls.__qualname__)
    return "class %s has no test named %s%s" % (
        full, name, _near(name, tests, full))


def _near(name, names, package=None):
    import difflib
    near = difflib.get_close_matches(name, sorted(names), 1)
    if not near:
        lower = {known.lower(): known for known in names}
        near = [lower[found] for found in difflib.get_close_matches(
            name.lower(), sorted(lower), 1)]
    if not near:
        return ""
    return "; did you mean %s?" % ".".join(filter(None, [package, near[0]]))


def _packages_here():
    try:
        return [name for name in os.listdir(".")
                if os.path.isfile(os.path.join(name, "__init__.py"))]
    except OSError:
        return []


def _text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
