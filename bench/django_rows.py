"""The rows of Django: a project of 10,000 tests, beside Django's own runner.

All contenders run in one environment with one interpreter. The bare loop is
limits/django_zygote.py. PostgreSQL and MariaDB are servers of the rows' own,
on free ports, in folders that go away with them.
"""

import contextlib
import json
import os
import re
import sys
import tempfile
import time
import unittest

import django_project
import measure
import peers
from rows import Contender, Row, ledger

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests"))
from support.database_servers import MariaServer, PostgresServer  # noqa: E402

NEEDED = ("django>=5.2,<5.3", "psycopg[binary]", "pytest-django",
          "pytest-xdist")
MAYBE = ("mysqlclient",)  # is built from its source
SETTINGS = "conf.settings"
# Lines that -v2 prints for a test: of Django's runner, and of mule.
OWN_RESULT = rb"\.\.\. (ok|skipped.*|expected failure)$"
RESULT = rb"^ +(ok|skipped|xfailed) "
SOME = ("aggregation", "auth_tests", "basic", "forms_tests", "queries",
        "template_tests")  # of Django's own folders, where time is short


class Project:
    """The project on one database, and how everything runs it."""

    def __init__(self, bench, database=None, classes=None):
        folder = os.path.dirname(bench.inputs)
        found = peers.Peers(folder, bench.python, NEEDED, "django")
        found.prepare()
        self.bench = bench
        self.python = found.python_module("django")
        if self.python is None:
            raise measure.Failed("Django is not installed")
        self.peers = found
        self.classes = classes or (100 if bench.quick
                                   else django_project.CLASSES)
        self.count = self.classes * django_project.TESTS_IN_CLASS
        self.folder = django_project.project(bench.inputs, self.python,
                                             self.classes)
        self.env = {"DJANGO_SETTINGS_MODULE": SETTINGS,
                    "BENCH_DATABASE": json.dumps(database or {})}
        bench.compile(self.folder)

    def bare(self, *arguments):
        script = os.path.join(HERE, "limits", "django_zygote.py")
        return Contender(
            " ".join(["bare zygote", *arguments]), "limit",
            [self.python, script, "-j", str(self.bench.slots), *arguments],
            self.folder, expect=f"{self.count} tests", env=self.env)

    def own(self, *arguments, slow=False):
        """Django's own runner."""
        return Contender(
            " ".join(["manage.py test", *arguments]), "peer",
            [self.python, "manage.py", "test", "--noinput", *arguments],
            self.folder, expect="OK", env=self.env, slow=slow)

    def mule(self, *arguments):
        return Contender(
            " ".join(["manage.py mule", *arguments]), "mule",
            [self.python, "manage.py", "mule", "-j", str(self.bench.slots),
             "--noinput", *arguments],
            self.folder, expect=ledger(self.count),
            env=dict(self.env, PYTHONPATH=os.path.join(ROOT, "python"),
                     MULE_BINARY=self.bench.binary,
                     BENCH_APPS='["mule.contrib.django"]'))

    def clones(self, times):
        script = os.path.join(HERE, "limits", "django_clone.py")
        return Contender("clones", "limit",
                         [self.python, script, "--times", str(times)],
                         self.folder, env=dict(
                             self.env, PYTHONPATH=os.path.join(
                                 ROOT, "python")))

    def pytest(self):
        """pytest-django with xdist, classes kept together as here."""
        have = all(self.peers.python_module(name)
                   for name in ("pytest_django", "xdist"))
        jobs = str(self.bench.slots)
        return Contender(
            f"pytest-django -n{jobs}", "peer", have and
            [self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider",
             "-n", jobs, "--dist", "loadscope"],
            self.folder, expect=f"{self.count} passed", env=self.env,
            slow=True)

    def race(self, name, title):
        parallel = self.own("--parallel", str(self.bench.slots))
        bare, mule = self.bare(), self.mule()
        title = f"Django, {self.count:,} tests, {title}"
        return Row(name, title, self.count,
                   [bare, mule, parallel, self.own(), self.pytest()],
                   mule.name, bare.name, 1.15)


@contextlib.contextmanager
def server(kind):
    """A database server; gives what goes into DATABASES."""
    try:
        running = kind.start()
    except unittest.SkipTest as missing:
        raise measure.Failed(str(missing)) from None
    with running:
        yield running.settings("bench")


def sqlite(bench):
    """Django on SQLite in memory."""
    yield Project(bench).race("django-sqlite", "SQLite")


def postgresql(bench):
    """Django on PostgreSQL, a clone for each slot."""
    with server(PostgresServer) as database:
        yield Project(bench, database).race("django-postgresql",
                                            "PostgreSQL")


def fresh(bench):
    """A fork and connections of its own for each class of Django's."""
    project = Project(bench)
    bare, mule = project.bare("--fresh"), project.mule("--isolation", "class")
    yield Row("django-class", f"Django, {project.count:,} tests, SQLite, a "
              f"fork for each of {project.classes:,} classes", project.count,
              [bare, mule], mule.name, bare.name)


def first_line(one, pattern, log):
    """Seconds until a line of the output matches, and until the end.

    Status 1 is a suite's own failures.
    """
    reader, writer = os.pipe()
    env = dict(measure.environment(), **one.env)
    began = time.monotonic()
    process = measure.start(one.argv, f"/dev/fd/{writer}", one.cwd, env=env)
    os.close(writer)
    first, said = None, b""
    with open(log, "wb") as file:
        while data := os.read(reader, 65536):
            file.write(data)
            if first is None:
                said += data
                if re.search(pattern, said, re.M):
                    first = time.monotonic() - began
    os.close(reader)
    if process.wait() not in (0, 1) or first is None:
        raise measure.Failed(f"{' '.join(one.argv)}: {measure.tail(log)}")
    return first, time.monotonic() - began


def first_result(bench):
    """From start to the first test's result, as a user sees it."""
    project = Project(bench)
    jobs = str(bench.slots)
    watched = [(project.own("-v2"), OWN_RESULT),
               (project.own("-v2", "--parallel", jobs), OWN_RESULT),
               (project.mule("-v2"), RESULT)]
    found = [[] for _ in watched]
    for _ in range(2 if bench.quick else 5):
        for (one, pattern), samples in zip(watched, found):
            samples.append(first_line(one, pattern,
                                      bench.log("first"))[0] * 1e3)
    return [{"what": one.name, "unit": "ms", "min": min(samples),
             "median": measure.middle(samples), "max": max(samples)}
            for (one, _), samples in zip(watched, found)]


def judge(bench):
    """Django's own tests, its runner and mule with as many processes."""
    sys.path.insert(0, os.path.join(ROOT, "tools"))
    import django_archive
    try:
        archive = django_archive.Archive(bench.python, os.path.join(
            os.path.dirname(os.path.dirname(bench.inputs)), "django-suite"))
    except (OSError, django_archive.Unavailable) as error:
        raise measure.Failed(f"no archive of Django: {error}") from None
    folders, jobs = SOME if bench.quick else archive.folders(), bench.slots
    env = {"DJANGO_SETTINGS_MODULE": "test_sqlite"}
    adapter = " ".join(["$PYTHON", os.path.join(ROOT, "tools",
                                                "django_suite.py"),
                        "serve", *folders])
    watched = [
        (Contender("runtests.py", "peer", [
            archive.python, "runtests.py", "--settings", "test_sqlite",
            "--parallel", str(jobs), "-v2", *folders], archive.tests,
            env=env), OWN_RESULT),
        (Contender("mule", "mule", [
            bench.binary, "test", "--python", archive.python, "--adapter",
            adapter, "--isolation", "worker", "-j", str(jobs), "--verbosity",
            "2", *folders], archive.tests, env=env), RESULT)]
    lines = []
    for one, pattern in watched:
        began = os.times()
        first, whole = first_line(one, pattern, bench.log("judge-" + one.part))
        ended = os.times()
        cpu = (ended.children_user + ended.children_system
               - began.children_user - began.children_system)
        lines += [{"what": f"{one.name}, {what}", "unit": "s",
                   "median": seconds} for what, seconds in (
                       ("whole", whole), ("first result", first),
                       ("CPU", cpu))]
    return lines


def clones(bench):
    """A clone of the test database, for each engine."""
    folder = tempfile.TemporaryDirectory(prefix="mule-bench-")
    with folder as place:
        lines = clone_lines(bench, "SQLite, a file",
                            {"TEST": {"NAME": os.path.join(place, "db")}})
    for kind, name in ((PostgresServer, "PostgreSQL"),
                       (MariaServer, "MariaDB")):
        with server(kind) as database:
            lines += clone_lines(bench, name, database)
    return lines


def clone_lines(bench, name, database):
    project = Project(bench, database)
    one, log = project.clones(5 if bench.quick else 20), bench.log("clones")
    measure.run(one.argv, log, one.cwd,
                env=dict(measure.environment(), **one.env))
    found = {"mule": [], "django": []}
    with open(log) as file:
        for words in map(str.split, file):
            if len(words) == 2 and words[0] in found:
                found[words[0]].append(float(words[1]) * 1e3)
    return [{"what": f"{name}, {whose}", "unit": "ms", "min": min(samples),
             "median": measure.middle(samples), "max": max(samples)}
            for whose, samples in found.items()]
