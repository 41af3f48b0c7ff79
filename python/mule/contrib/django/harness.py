"""What Django puts around its tests.

Follows DiscoverRunner.run_tests, with the project's own runner: every hook of
it is called, in that order, but for those that run tests and report them.
"""

import contextlib
import io
import os
import signal
import sys
import traceback
import unittest

from ...harness import Harness, Unfit
from . import kinds
from .databases import Databases
from .loading import DjangoCollection
from .results import DebugSQLResult, DjangoResult
from .signals import slot_started
from .steady import Steady
from .watch import Watch, in_memory

__unittest = True

DEBUG, INFO = 10, 20  # levels, as in logging


def serve(options):
    """What `manage.py mule --worker` is, until mule says stop.

    `options` are those of Django's `test` command.
    """
    from ...adapters.zygote import main
    main(DjangoHarness(options))


def bootstrap(options):
    """Create the databases that --keepdb keeps, without running a test."""
    harness = DjangoHarness(options)
    harness.databases = Databases("", _prefix(options), True, True)
    runner = harness.make_runner()
    runner.keepdb = True
    from django.db import connections
    harness.aliases = dict.fromkeys(connections, True)
    try:
        harness.prepare(lambda text: print(text, flush=True))
    except Unfit as problem:
        sys.stderr.write("mule: error: %s\n" % problem)
        if problem.hint:
            sys.stderr.write("mule: hint: %s\n" % problem.hint)
        sys.exit(3)
    finally:
        harness.ending()


def _prefix(options):
    return options.get("db_prefix") or "test"


class DjangoHarness(Harness):
    """One project. `words` are the options of the command line."""

    name = "mule.django"
    command = "python manage.py mule"
    can = ("prepare", "tidy")
    beside_jobs = True
    stays_frozen = True

    def __init__(self, words):
        self.words = dict(words)
        self.faulthandler = words.get("enable_faulthandler", True)
        self.options = {}
        self.runner = None
        self.databases = None
        self.aliases = {}  # those that are made: are they serialized?
        self.send = None  # notes, in the zygote
        self.isolated = False
        self.prepared = False
        self._environment = False  # it is set up
        self._kinds = {}  # class: Kind
        self._job = self._steady = self._watch = None

    def welcomed(self, options, connection):
        self.options = options
        self.send = connection.send
        self.isolated = options.get("isolation") != "worker"
        wanted = options.get("databases") or {}
        self.databases = Databases(
            connection.build, wanted.get("prefix") or _prefix(self.words),
            bool(wanted.get("keep") or self.words.get("keepdb")),
            bool(wanted.get("bootstrap")))

    def note(self, level, text, hint=None):
        if self.send is not None:
            message = {"msg": "note", "level": level, "text": text}
            if hint:
                message["hint"] = hint
            self.send(message)

    # The runner.

    def make_runner(self):
        """The project's runner, which does not run anything."""
        from django.conf import settings
        from django.test.utils import get_runner
        words = dict(self.words, parallel=0, interactive=False)
        words["verbosity"] = self.options.get(
            "verbosity", words.get("verbosity", 1))
        if self.databases is not None:
            words["keepdb"] = self.databases.keep
        for name, more in (("tags", "tags"), ("exclude_tags",) * 2):
            both = {*(words.get(name) or ()), *(self.options.get(more) or ())}
            words[name] = sorted(both) or None
        if self.options.get("debug") == "pdb":
            words["pdb"] = True
        name = words.get("testrunner") or settings.TEST_RUNNER
        with explained("the test runner cannot be made"):
            with found("the test runner %s cannot be loaded" % name):
                kind = get_runner(settings, name)
            runner = kind(**words)
        if getattr(runner, "logger", self) is None:
            runner.logger = Log(self)
        self.runner = runner
        if not self._environment:
            self._environment = True
            with explained("setup_test_environment"):
                runner.setup_test_environment()
            # Ctrl-C is mule's business, which sends SIGINT to mean it.
            unittest.removeHandler()
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return runner

    def build(self, runner, labels):
        """The suite for these labels, as the runner has it."""
        with explained("build_suite"):
            suite = runner.build_suite(labels)
            if not self.prepared:
                self.aliases = runner.get_databases(suite)
        return suite

    def collection(self, send, skip):
        return DjangoCollection(send, skip, self)

    def warn(self):
        pass  # Django's command leaves the filters alone

    # Preparing.

    def prepare(self, say):
        runner = self.runner
        self.prepared = True
        with self._timed("Total database setup"):
            self.databases.create(
                runner, self.aliases,
                {a for a, wanted in self.aliases.items() if wanted}, say)
        if not self.words.get("skip_checks"):
            self._check(runner)
        self._learn()
        self.databases.before_fork()

    def _check(self, runner):
        from django.core.management.base import SystemCheckError
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said), \
                    contextlib.redirect_stderr(said):
                with explained("the system check", SystemCheckError):
                    runner.run_checks(self.aliases)
        except SystemCheckError as problem:
            raise Unfit("the system check found errors:\n" + str(problem),
                        "see them again with: manage.py check") from None
        text = said.getvalue().strip()
        if text and "no issues" not in text:
            self.note("warning", text)

    def _learn(self):
        """What is asked of databases again and again is known to forks."""
        for alias in self.aliases:
            kinds.supported([alias])

    @contextlib.contextmanager
    def _timed(self, name):
        with self.runner.time_keeper.timed(name) if hasattr(
                self.runner, "time_keeper") else contextlib.nullcontext():
            yield

    # In a worker.

    def worker_began(self, slot, forked):
        self.send = None
        if not forked:
            self._join(slot)
        elif self.aliases:
            self.databases.attach(slot)
        self._steady, self._watch = Steady(), Watch()
        local = os.environ.get("MULE_LOCAL_SLOT", "")
        with explained("a receiver of slot_started"):
            slot_started.send(type(self), slot=slot, local_slot=int(
                local) if local.isdigit() else slot)

    def _join(self, slot):
        """In a worker that is not a fork: the zygote's databases, or, where
        it has made none, those of our own."""
        from django.db import connections
        self.make_runner()
        self.aliases = dict.fromkeys(connections, True)
        try:
            self.databases.attach(slot)
        except Unfit:
            self.prepare(lambda text: None)
            self.databases.attach(slot)

    def result(self):
        return DebugSQLResult if self.words.get("debug_sql") else DjangoResult

    def job_begins(self, tests):
        self._job = job = Job()
        for cls, names in _by_class(tests):
            job.classes.append(cls)
            kind = self._kinds.get(cls)
            if kind is None:
                kind = self._kinds[cls] = kinds.kind_of(cls)
            if kind.aliases is not None and not kind.aliases \
                    or kinds.only_skipped(cls, names):
                continue
            aliases = kind.aliases
            if aliases is None:
                aliases = self.aliases
            (job.clean if kind.clean else job.sound).update(aliases)
            if kind.dirties is None:
                job.watched.update(aliases)
            elif kind.dirties:
                job.dirty.update(aliases)
        if job.clean:
            self.databases.make_clean(sorted(job.clean))
        if job.sound - job.clean:
            self.databases.make_sound(sorted(job.sound - job.clean))
        if job.watched:
            self._watch.begin(job.watched)
        if job.watched or self.isolated:
            self.databases.before_fork()

    def process_began(self):
        self.databases.reconnect()

    def arranged(self, suite, tests):
        if type(suite) is not unittest.TestSuite:
            return suite
        return _without_fixtures(suite)

    def job_ended(self, well):
        job, self._job = self._job, None
        whole = self._steady.restore(job.classes)
        used = job.clean | job.sound
        if not used:
            return whole
        dirty = job.dirty
        if job.watched and self._watch.saw_use():
            dirty = dirty | job.watched
        if not well:
            dirty = used
        if self.isolated:
            # What is in memory was changed in a process that is no more.
            dirty = {alias for alias in dirty if not in_memory(alias)}
        if dirty:
            self.databases.used(sorted(dirty), True)
        if used - dirty:
            self.databases.used(sorted(used - dirty), False)
        return whole

    # The end.

    def ending(self):
        if self.runner is None or self.databases is None:
            return
        left = []
        with self._timed("Total database teardown"):
            if self.prepared:
                left = self.databases.drop(self.runner, lambda text: None)
                left += self.databases.drop_left(self.databases.build)
        if self._environment:
            self._environment = False
            self.runner.teardown_test_environment()
        self._tell_times()
        for name, reason in left:
            self.note("warning", "database %s is left: %s" % (name, reason))

    def _tell_times(self):
        keeper = getattr(self.runner, "time_keeper", None)
        for name, taken in getattr(keeper, "records", {}).items():
            for seconds in taken:
                self.note("info", "%s took %.3fs" % (name.strip(), seconds))

    def tidy(self, build):
        databases = Databases(build, _prefix(self.words))
        left = databases.drop_left(build)
        for name, reason in left:
            sys.stderr.write("mule: database %s is left: %s\n"
                             % (name, reason))
        return 1 if left else 0


class Job:
    """What the job that runs needs of the databases: sets of aliases."""

    def __init__(self):
        self.classes = []
        self.clean = set()
        self.sound = set()
        self.dirty = set()
        self.watched = set()


class Log:
    """Where a runner's log goes: to notes."""

    def __init__(self, harness):
        self.harness = harness

    def log(self, level, text, *args, **kwargs):
        verbosity = self.harness.options.get("verbosity", 1)
        if level < INFO and verbosity < 2 \
                or str(text).startswith("Found ") and verbosity < 2:
            return
        self.harness.note("info" if level <= INFO else "warning", str(text))


def _by_class(tests):
    """(class, names of its methods), for tests in their order."""
    found = {}
    for test in tests:
        if type(test) is tuple:
            cls, name = test
        else:
            cls, name = type(test), getattr(test, "_testMethodName", "")
        found.setdefault(cls, []).append(name)
    return found.items()


def _without_fixtures(suite):
    """The same tests; classes of which all are skipped run no fixture."""
    first = suite._tests[0]
    if kinds.is_skipped(type(first), getattr(
            first, "_testMethodName", "")) is None \
            and type(suite._tests[-1]) is type(first):
        return suite  # the common case
    groups = {}
    for test in suite._tests:
        groups.setdefault(type(test), []).append(test)
    whole = unittest.TestSuite()
    for cls, tests in groups.items():
        if kinds.has_own_fixtures(cls) and kinds.only_skipped(
                cls, [test._testMethodName for test in tests]):
            whole._tests.append(kinds.Skipped(tests))
        else:
            whole._tests += tests
    return whole


@contextlib.contextmanager
def found(what):
    """A module or a name in it that is not there needs no trace."""
    try:
        yield
    except (ModuleNotFoundError, AttributeError) as problem:
        raise Unfit("%s: %s" % (what, problem),
                    "look at TEST_RUNNER in the settings, or at "
                    "--testrunner") from problem


@contextlib.contextmanager
def explained(what, *passed):
    """Whatever a project's own code raises here is told with its trace."""
    try:
        yield
    except (Unfit, KeyboardInterrupt, *passed):
        raise
    except BaseException as problem:
        trace = "".join(traceback.format_exception(
            type(problem), problem, problem.__traceback__))
        raise Unfit("%s: %s: %s\n%s" % (
            what, type(problem).__name__, problem, trace)) from problem
