"""What mule's options mean for the processes of a suite."""

import contextlib
import os
import signal
import sys
import warnings

from .protocol import Refused

__unittest = True

_environ_get = os.environ.get


class Settings:
    """Made once in the process that loads the suite; forks keep it.

    `command` is what a user types to run tests.
    """

    def __init__(self, options, c_streams, may_fork, command):
        self.command = command
        self.isolation = options.get("isolation", "class")
        self.debug = options.get("debug")
        self.max_text = options.get("max_output") or 1 << 20
        self.profile = options.get("profile")
        self.c_streams = c_streams
        self.may_fork = may_fork and self.debug is None
        self.coverage = None
        self.current = None  # the reporter, which knows what runs now
        if options.get("coverage"):
            self._start_coverage(options["coverage"])
        self.interrupted = False
        if self.debug is not None:
            signal.signal(signal.SIGINT, self._interrupt)
        elif not _environ_get("PYTHONBREAKPOINT"):
            sys.breakpointhook = self._no_breakpoint

    # Coverage.

    def _start_coverage(self, wanted):
        try:
            import coverage
        except ImportError as problem:
            raise Refused("coverage.py cannot be used: %s; install it for %s"
                          % (problem, sys.executable)) from None
        self.coverage = coverage_of(
            coverage, wanted.get("rcfile"),
            data_file=os.path.join(wanted["dir"], ".coverage"),
            data_suffix=True)
        early = measuring_before.pop() if measuring_before else None
        if early is not None:
            early.stop()
        self.coverage.start()
        if early is not None:
            self.coverage.get_data().update(early.get_data())

    def save(self):
        """Before every exit: what was recorded so far."""
        if self.coverage is not None:
            self.coverage.stop()
            self.coverage.save()

    def before_forks(self):
        """What was recorded up to here is not recorded again in each fork."""
        if self.coverage is not None:
            self.coverage.save()

    # A job.

    @contextlib.contextmanager
    def profiled(self, message):
        import cProfile
        profile = cProfile.Profile()
        try:
            with profile:
                yield
        finally:
            name = "".join(c if c.isalnum() or c in "._-" else "_"
                           for c in message.get("name", ""))
            profile.dump_stats(os.path.join(
                self.profile["dir"], "%s.%d.%d.prof" % (
                    name[:100].lstrip("."), message["job"],
                    message.get("attempt", 1))))

    # The terminal.

    def _interrupt(self, number, frame):
        """Somebody pressed Ctrl-C, and no test raised it."""
        self.interrupted = True
        signal.default_int_handler(number, frame)

    def breakpoint_hint(self, ident):
        return ("a debugger needs a terminal, and the output of this test is "
                "captured; run it alone: %s --pdb %s" % (
                    self.command, quoted(ident)))

    def _no_breakpoint(self, *args, **kwargs):
        test = self.current.test if self.current is not None else None
        raise RuntimeError(self.breakpoint_hint(
            test.id() if test is not None else ""))


# A Coverage that measures what is loaded before mule says what it wants.
measuring_before = []


def coverage_of(coverage, rcfile, **more):
    """A Coverage that leaves mule itself out."""
    made = coverage.Coverage(
        config_file=True if rcfile is None else rcfile, **more)
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    omit = made.get_option("run:omit") or []
    made.set_option("run:omit", list(omit) + [ours + "/*"])
    return made


def post_mortem(err):
    """Stop where a test failed, and not in unittest's own functions."""
    import pdb
    import traceback
    kind, value, trace = err
    last = None
    entry = trace
    while entry is not None:
        if "__unittest" not in entry.tb_frame.f_globals:
            last = entry
        entry = entry.tb_next
    if last is None:
        return
    last.tb_next = None
    traceback.print_exception(kind, value, trace)
    pdb.post_mortem(trace)


def quoted(text):
    """As a word of the shell."""
    plain = all(c.isalnum() or c in "._-/:@%+=," for c in text)
    return text if plain else "'" + text.replace("'", "'\"'\"'") + "'"


def warn_as_unittest():
    """The filters under which `python -m unittest` runs tests."""
    if sys.warnoptions:
        return
    warnings.simplefilter("default")
    if sys.version_info < (3, 12):
        warnings.filterwarnings(
            "module", category=DeprecationWarning,
            message=r"Please use assert\w+ instead.")
