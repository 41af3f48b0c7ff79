"""A worker: runs jobs, one after another, and reports their items.

Under `class` isolation each job runs in a fork of the worker. That process
speaks on the same socket; the worker is silent until it has ended.
"""

import atexit
import gc
import os
import sys
import unittest

from ..harness import Unfit
from ..suite import ResultMixin, run_piece
from .own import resource, select, wait4
from .page import BATCH, BEGUN, ENDED, FIRST, JOB, PID, page_private, \
    page_settle
from .protocol import encode, forks, MAXRSS_SCALE, monotonic_ns, \
    rusage_of
from .settings import post_mortem

__unittest = True

LEFT = 86  # exit status of a job's process: its other items run elsewhere

_getpid, _exit, _killpg = os.getpid, os._exit, os.killpg
_unfreeze = gc.unfreeze
_setpgid, _chdir, _getrusage = os.setpgid, os.chdir, resource.getrusage
_pidfd_open, _close = getattr(os, "pidfd_open", None), os.close


class Result(ResultMixin, unittest.TestResult):
    """unittest's result, reported."""


class Reporter:
    """Tells mule of items. Its methods are what a test costs."""

    def __init__(self, connection, capture, words, near, c_streams):
        self.connection = connection
        self.capture = capture
        self.near = near
        self.c_streams = c_streams
        self.shared = words is not None
        self.words = words if self.shared else page_private()
        self.batch = []
        self.first = 0
        self.test = None
        self.begin_us = 0
        self.muted = False
        self.stdout, self.stderr = sys.stdout, sys.stderr
        self.out_at, self.err_at = capture.where()
        self.adopt_capture()
        forks.listeners.append(self.mute)

    def adopt_capture(self):
        self.size = self.capture.size
        self.out, self.err = self.capture.out, self.capture.err

    def mute(self):
        """In a process that a test forked."""
        self.muted = True
        self.words = page_private()

    # Called by the result.

    def begin(self, key, test):
        self.test = test
        self.begin_us = now = monotonic_ns() // 1000
        if key is None:
            return
        words = self.words
        k = len(self.batch) * 2 + FIRST
        words[k] = key + 1
        words[k + 1] = now & 0xFFFFFFFF
        words[BEGUN] = len(self.batch) + 1
        if not self.shared:
            self._flush(b'{"msg":"started","item":%d}\n' % key, 1)

    def passed(self, key, test):
        now = monotonic_ns() // 1000
        us = now - self.begin_us
        self.begin_us = now
        try:
            quiet = self.size(self.out, 0, 2) == self.out_at \
                and self.size(self.err, 0, 2) == self.err_at
        except OSError:
            quiet = False
        if self.muted or not quiet or key is None:
            self._report(key, {"state": "passed"}, us)
            return
        batch = self.batch
        batch.append([key, us])
        self.words[ENDED] = len(batch)
        if len(batch) == BATCH:
            self._flush(b"", 0)

    def finished(self, key, test, ending):
        us = 0
        if test is not None:
            now = monotonic_ns() // 1000
            us = now - self.begin_us
            self.begin_us = now
        message = {"state": ending.state}
        if ending.reason is not None:
            message["reason"] = ending.reason
        if not ending.ran:
            message["ran"] = False
        if not ending.counted:
            message["counted"] = False
        if ending.findings:
            message["findings"] = self._near_findings(ending.findings)
        if key is None and test is not None \
                and ending.state in ("failed", "error", "xpassed"):
            self.fixture(test.id(), ending)
        else:
            self._report(key, message, us)

    def fixture(self, ident, ending):
        message = {"msg": "fixture", "id": ident, "state": ending.state,
                   "us": monotonic_ns() // 1000 - self.mark_us}
        if ending.reason is not None:
            message["reason"] = ending.reason
        if ending.findings:
            message["findings"] = self._near_findings(ending.findings)
        out_at, err_at = self.mark_out, self.mark_err
        self._add_output(message, out_at, err_at)
        self._flush(encode(message), 1)

    mark_us = mark_out = mark_err = 0

    def mark(self):
        """A fixture ran: what it wrote belongs to no test."""
        self.mark_out, self.mark_err = self.out_at, self.err_at
        self.mark_us = self.begin_us
        self.begin_us = monotonic_ns() // 1000
        try:
            self.out_at = self.size(self.out, 0, 2)
            self.err_at = self.size(self.err, 0, 2)
        except OSError:
            self.out_at, self.err_at = self.capture.where()

    # Writing.

    def _report(self, key, message, us):
        if self.muted:
            _exit(0 if message["state"] == "passed" else 1)
        if key is None:
            return
        message["msg"] = "finished"
        message["item"] = key
        message["us"] = us
        self._add_output(message, self.out_at, self.err_at)
        self._flush(encode(message), 1)

    def _near_findings(self, findings):
        for finding in findings:
            if "file" in finding:
                finding["file"] = self.near(finding["file"])
        return findings

    def _add_output(self, message, out_from, err_from):
        _flush_streams()
        self.c_streams.flush()
        out, err = self.capture.where()
        if self.out != self.capture.out:
            self.adopt_capture()
        if out > out_from:
            message["out"] = [out_from, out]
        if err > err_from and not self.capture.merged:
            message["err"] = [err_from, err]
        self.out_at, self.err_at = out, err

    def _flush(self, data, count):
        """Send what passed, then `data`, then begin the page again."""
        batch = self.batch
        if batch:
            data = b'{"msg":"passed","items":%s}\n' % repr(
                batch).replace(" ", "").encode() + data
            count += 1
            batch.clear()
        if data:
            self.connection.write(data, count)
        if self.shared:
            self.words[BEGUN] = self.words[ENDED] = 0

    def settle(self):
        """The job is over: nothing that it wrote may stay behind."""
        if sys.stdout is not self.stdout or sys.stderr is not self.stderr:
            _flush_streams()

    def close(self, data=b"", count=0):
        """Nothing may stay behind; `data` are messages that come last.

        They go out in one piece: each write wakes mule, which costs more
        than many a test.
        """
        self.settle()
        self._flush(data, count)


class _Silent:
    """A connection to nobody."""

    def write(self, data, count):
        pass


class _Warm(unittest.TestCase):
    """Tests of nothing."""

    def test_1(self):
        self.assertEqual(1, 1)


def warm_up(capture, settings):
    """Run a few tests of nothing before the first fork.

    The interpreter rewrites code that it runs often, and fills its caches of
    attributes; each job's process would do so again, in pages of its own.
    """
    reporter = Reporter(_Silent(), capture, None, None, None)
    reporter.shared = True
    result = Result(reporter=reporter)
    for _ in range(12):
        suite = unittest.TestSuite()
        suite._tests = [_Warm("test_1") for _ in range(3)]
        run_piece(result, suite, suite._tests, range(3))
        reporter.close()
    forks.listeners.remove(reporter.mute)


class Worker:
    """Runs what `run` asks for. `found` knows the items by number."""

    def __init__(self, connection, capture, words, found, settings, harness):
        self.connection = connection
        self.harness = harness
        self.beside = harness.beside_jobs
        self.capture = capture
        self.words = words
        self.found = found
        self.settings = settings
        self.isolated = settings.isolation != "worker" and settings.may_fork
        self.reporter = Reporter(connection, capture, words,
                                 found.near, settings.c_streams)
        self.result = harness.result()(reporter=self.reporter)
        self.result.max_text = settings.max_text
        self.result.hint = settings.breakpoint_hint
        if settings.debug == "pdb":
            self.result.debugger = post_mortem
        self.usage = _Usage()
        self.cwd = os.getcwd()
        self.poll = select.poll()
        self.poll.register(connection.fd, 0)
        if self.isolated:
            warm_up(capture, settings)
        self.exits = Exits()
        if settings.may_fork:
            self.exits.forget_inherited()
        settings.current = self.reporter

    def serve(self):
        """Do what mule asks until there is nothing more to do."""
        while True:
            message = self.connection.receive()
            if message is None or message.get("msg") == "stop":
                break
            if message.get("msg") == "run" and not self.run(message):
                break
        self.exits.run()
        self.settings.save()

    def run(self, message):
        """Run a job. False: this process should not run another."""
        job = message["job"]
        self.connection.position = (job, message.get("attempt"))
        self.connection.sent = 0
        if self.isolated:
            return self._run_apart(message)
        begin = monotonic_ns()
        before = self.capture.quick()
        if self.reporter.shared:
            self.words[PID] = _getpid()
            self.words[JOB] = job + 1
        try:
            whole = self._run_here(message)
        except Unfit as problem:
            return self._give_up(problem)
        if self.beside and not self.harness.job_ended(whole):
            whole = False
        self.reporter.settle()
        self._tidy()
        done = self._done(message, begin, before, self.usage.take())
        if not whole:
            done["left"] = True
        self.reporter.close(encode(done), 1)
        if self.reporter.shared:
            self.words[PID] = self.words[JOB] = 0
        return whole

    def _give_up(self, problem):
        """There is something that no job can do without."""
        message = {"msg": "unfit", "reason": str(problem)}
        if problem.hint:
            message["hint"] = problem.hint
        self.connection.send(message)
        return False

    def _done(self, message, begin, before, usage):
        out, err = self.capture.quick()
        done = {"msg": "done", "job": message["job"],
                "us": (monotonic_ns() - begin) // 1000, "rusage": usage}
        if out > before[0]:
            done["out"] = [before[0], out]
        if err > before[1] and not self.capture.merged:
            done["err"] = [before[1], err]
        return done

    def _tidy(self):
        """What one job may not leave to the next."""
        try:
            _chdir(self.cwd)
        except OSError:
            pass
        self.capture.restore()
        self.reporter.adopt_capture()

    def _run_here(self, message):
        if message.get("env"):
            apply_env(message["env"])
        numbers = _numbers_of(message)
        self.reporter.mark()
        if self.beside and not self.isolated:
            self.harness.job_begins(self.found.look(numbers, message))
        suite, tests = self.found.take(numbers, message)
        if self.beside:
            suite = self.harness.arranged(suite, tests)
        if self.settings.profile:
            with self.settings.profiled(message):
                whole = run_piece(self.result, suite, tests, numbers)
        else:
            whole = run_piece(self.result, suite, tests, numbers)
        return whole

    # A process for each job. What the parent and the child touch is copied
    # page by page, and that is most of what a job costs: see the page of
    # docs/design on this side before adding to it.

    def _run_apart(self, message):
        begin = monotonic_ns()
        out, err = self.capture.quick()
        if self.beside:
            try:
                self.harness.job_begins(self.found.look(
                    _numbers_of(message), message))
            except Unfit as problem:
                return self._give_up(problem)
        try:
            pid = forks.fork()
        except OSError as problem:
            os.write(self.capture.err, b"mule: no process for this job: %s\n"
                     % problem.strerror.encode())
            self.connection.send({"msg": "done", "job": message["job"],
                                  "us": 0, "left": True})
            return False
        if pid == 0:
            self._be_job(message)
        status, usage = self._wait(pid)
        data = b""
        if self.words is not None:
            if self.words[BEGUN]:
                data = self._what_it_left()
            self.words[PID] = self.words[JOB] = 0
        self.connection.write(data + self._exit_and_done(
            message["job"], pid, status, usage, begin, (out, err)), 2)
        if self.beside:
            self.harness.job_ended(status in (0, LEFT << 8))
        return True

    def _what_it_left(self):
        """What a process that died could not say itself."""
        passed, running = page_settle(self.words)
        data = b""
        if passed:
            data = encode({"msg": "passed", "items": passed})
        if running is not None:
            data += encode({"msg": "started", "item": running})
        return data

    def _exit_and_done(self, job, pid, status, usage, begin, before):
        """Both messages at once, and without the encoder: this is hot."""
        used = b'{"user_us":%d,"system_us":%d,"maxrss_kib":%d}' % (
            usage.ru_utime * 1000000, usage.ru_stime * 1000000,
            usage.ru_maxrss // MAXRSS_SCALE)
        out, err = self.capture.quick()
        rest = b""
        if out > before[0]:
            rest = b',"out":[%d,%d]' % (before[0], out)
        if err > before[1] and not self.capture.merged:
            rest += b',"err":[%d,%d]' % (before[1], err)
        if status == LEFT << 8:
            rest += b',"left":true'
        return (b'{"msg":"exit","job":%d,"pid":%d,"status":%d,"rusage":%s,'
                b'"leak":%s}\n{"msg":"done","job":%d,"us":%d,"rusage":%s%s}\n'
                % (job, pid, status, used,
                   b"true" if _kill_group(pid, 0) else b"false", job,
                   (monotonic_ns() - begin) // 1000, used, rest))

    def _be_job(self, message):
        """The process of one job; does not return."""
        status = 1
        try:
            _setpgid(0, 0)
            if self.reporter.shared:
                self.words[PID] = _getpid()
                self.words[JOB] = message["job"] + 1
            else:
                self.connection.send({"msg": "process", "pid": _getpid(),
                                      "job": message["job"]})
            self.found.once = True
            # Frozen objects are hidden from gc.get_referrers and its like.
            # Nothing is collected by this: that takes many new objects.
            _unfreeze()
            if self.beside:
                self.harness.process_began()
            if not self._run_here(message):
                status = LEFT
            else:
                status = 0
            self.reporter.close()
            self.exits.run()
            self.settings.save()
            self.connection.finish()
        except BaseException:
            self._complain()
        finally:
            _exit(status)

    def _complain(self):
        """Something of ours went wrong: where somebody will look for it."""
        import traceback
        try:
            os.write(self.capture.err, traceback.format_exc().encode(
                "utf-8", "replace"))
        except OSError:
            pass

    def _wait(self, pid):
        """Wait for the job's process; end it if mule is gone."""
        if _pidfd_open is not None:
            try:
                fd = _pidfd_open(pid)
            except OSError:
                pass
            else:
                self.poll.register(fd, 1)
                for ready, _ in self.poll.poll():
                    if ready != fd:
                        _kill_group(pid)
                        wait4(pid, 0)
                        _exit(0)
                self.poll.unregister(fd)
                _close(fd)
        _, status, usage = wait4(pid, 0)
        return status, usage


def _numbers_of(message):
    numbers = message.get("items")
    if numbers is None:
        first = message["first"]
        numbers = range(first, first + message["count"])
    return numbers


class Exits:
    """Exit functions: a fork runs those that were added in it, not others.

    What was registered while the suite was imported belongs to the zygote,
    which runs it once.
    """

    def forget_inherited(self):
        atexit._clear()
        process = sys.modules.get("multiprocessing.process")
        if process is not None:
            process._children = set()
        weakref = sys.modules.get("weakref")
        if weakref is not None and weakref.finalize._registry:
            for one in list(weakref.finalize._registry):
                one.atexit = False
            atexit.register(weakref.finalize._exitfunc)

    def run(self):
        util = sys.modules.get("multiprocessing.util")
        try:
            if util is not None:
                util._exit_function()
            atexit._run_exitfuncs()
        except BaseException:
            pass  # the interpreter only prints it, too


def _flush_streams():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # a test closed or replaced it


def apply_env(env):
    if not env:
        return
    for name, value in env.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None and "TMPDIR" in env:
        tempfile.tempdir = None


class _Usage:
    """What this process and its children used, from one taking to the next."""

    def __init__(self):
        self.before = self._look()

    def _look(self):
        own = _getrusage(resource.RUSAGE_SELF)
        children = _getrusage(resource.RUSAGE_CHILDREN)
        return own, own.ru_utime + children.ru_utime, \
            own.ru_stime + children.ru_stime

    def take(self):
        own, user, system = self._look()
        _, user_before, system_before = self.before
        self.before = own, user, system
        usage = rusage_of(own)
        usage["user_us"] = int(1000000 * (user - user_before))
        usage["system_us"] = int(1000000 * (system - system_before))
        return usage


def _kill_group(pid, signal=9):
    """Send `signal`; False: there is nobody in that group."""
    try:
        _killpg(pid, signal)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
