"""A TestCase that runs mule on small suites and looks at all it says.

Each test has a folder of its own, and a variable of its own in the
environment of everything it starts. After each test nothing may be left: no
process, no file in TMPDIR. Every run that comes to its end is held to what
mule promises of all runs: one result for each selected test, and totals that
add up.
"""

import functools
import json
import os
import re
import shlex
import shutil
import tempfile
import textwrap
import unittest
import xml.etree.ElementTree as ElementTree

from . import processes
from .running import OnTerminal, Running

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BINARY = os.environ.get("MULE_BINARY") or os.path.join(ROOT, "build", "mule")
MARK = "MULE_TEST_MARK"
STATES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed",
          "timeout", "crashed", "lost", "not run")
LEDGER = re.compile(r"^(\d+) selected = ([^(\n]*)", re.MULTILINE)
CLASS = "import os, sys, unittest\nclass T(unittest.TestCase):\n"

# What would change how mule behaves or what it prints.
UNWANTED = re.compile(
    r"MULE|PYTHON|GITHUB_|LC_|COVERAGE|CI$|COLUMNS$|LINES$|NO_COLOR$|"
    r"CLICOLOR|FORCE_COLOR$|TERM$|VIRTUAL_ENV$|OMP_|MAKEFLAGS$|BUILD_ID$|"
    r"WORKSPACE$|TEST$")


@functools.lru_cache(None)
def is_sanitized():
    """Whether the program is built with the address sanitizer."""
    with open(BINARY, "rb") as file:
        return b"__asan_init" in file.read()


class Result:
    """What a run of mule left behind."""

    def __init__(self, status, out, err, events, raw_out, raw_err):
        self.status = status
        self.out = out
        self.err = err
        self.events = events
        self.raw_out = raw_out
        self.raw_err = raw_err

    @property
    def text(self):
        return self.out + self.err

    def all(self, kind):
        return [event for event in self.events if event["event"] == kind]

    @property
    def finished(self):
        """The results by id."""
        return {event["id"]: event for event in self.all("test_finished")}

    @property
    def states(self):
        return {event["id"]: event["state"]
                for event in self.all("test_finished")}

    def count(self, state):
        return sum(event["state"] == state
                   for event in self.all("test_finished"))

    @property
    def tally(self):
        ends = self.all("run_finished")
        return ends[-1] if ends else None

    @property
    def notes(self):
        return [event["text"] for event in self.all("note")]

    def output_of(self, id, stream="out"):
        """What a test printed, and what was left out as [...]."""
        output = self.finished[id].get(stream, {})
        tail = "[...]" + output["tail"] if output.get("cut") else ""
        return output.get("head", "") + tail


class MuleCase(unittest.TestCase):
    """See above. `self.folder` is where the suite of a test is."""

    maxDiff = None

    def setUp(self):
        processes.reap_orphans()
        self.home = os.path.realpath(tempfile.mkdtemp(prefix="mc-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.folder = os.path.join(self.home, "suite")
        self.tmp = os.path.join(self.home, "tmp")
        os.mkdir(self.folder)
        os.mkdir(self.tmp)
        self.mark = os.path.basename(self.home)
        self.environment = {
            name: value for name, value in os.environ.items()
            if not UNWANTED.match(name)}
        self.environment.update({
            MARK: self.mark, "TMPDIR": self.tmp, "LANG": "C.UTF-8",
            "HOME": os.environ.get("HOME", self.home)})
        self.running = []
        self.addCleanup(self._look_behind)
        self.addCleanup(self._close_all)

    def _close_all(self):
        for program in self.running:
            program.close()

    def kept(self):
        """Children that outlive a test because its class needs them."""
        return []

    def _look_behind(self):
        left = processes.with_variable(MARK, self.mark)
        left = processes.wait_for_end(left, 2)
        names = [f"{pid} {processes.command_of(pid)}" for pid in left]
        for pid in left:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        processes.wait_for_end(left, 10)
        kept = self.kept()
        # One may be ending just now: a tool of a broker, or what it started.
        ending = [pid for pid in processes.bury_children() if pid not in kept]
        processes.wait_for_end(ending, 2)
        children = [f"{pid} {processes.command_of(pid)}"
                    for pid in processes.bury_children()
                    if pid not in kept]
        self.assertEqual(names, [], "processes were left behind")
        self.assertEqual(children, [], "children were left behind")
        if os.path.isdir(self.tmp):
            self.assertEqual(os.listdir(self.tmp), [],
                             "files were left in TMPDIR")

    # ------------------------------------------------------------- suites

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def suite(self, files):
        """Writes files below the folder; a text is freed of its indent.

        A script (a text that begins with #!) becomes executable.
        """
        for name, text in files.items():
            path = self.path(name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            data = text
            if isinstance(text, str):
                data = textwrap.dedent(text.lstrip("\n")).encode()
            with open(path, "wb") as file:
                file.write(data)
            if data.startswith(b"#!"):
                os.chmod(path, 0o755)

    def read(self, *names):
        with open(self.path(*names), encoding="utf-8",
                  errors="surrogateescape") as file:
            return file.read()

    def fifo(self, name):
        """A named pipe through which a suite and its test talk."""
        return Fifo(self, os.path.join(self.home, name))

    # ------------------------------------------------------------ running

    def variables(self, changes=None):
        """The environment for mule; a value of None removes a variable."""
        env = dict(self.environment, **(changes or {}))
        return {name: value for name, value in env.items()
                if value is not None}

    def start(self, *args, env=None, cwd=None, binary=None, **more):
        """Starts `mule ARGS`, and gives a Running."""
        program = Running([binary or BINARY, *args], cwd or self.folder,
                          self.variables(env), **more)
        self.running.append(program)
        return program

    def start_test(self, *args, **more):
        """Starts `mule test` with its events on standard output."""
        return self.start("test", "--json", "-", *args, **more)

    def on_terminal(self, *args, env=None, cwd=None, binary=BINARY, **more):
        """Starts a program on a terminal of its own."""
        variables = {"TERM": "xterm", **(env or {})}
        program = OnTerminal([binary, *args], cwd or self.folder,
                             self.variables(variables), **more)
        self.running.append(program)
        return program

    def result_of(self, program, events_path=None, check=True):
        """Waits for a started program."""
        status = program.wait()
        events = program.events
        if events_path is not None and os.path.exists(events_path):
            with open(events_path, encoding="utf-8") as file:
                events = [json.loads(line) for line in file]
        result = Result(status, program.out.decode("utf-8", "replace"),
                        program.err.decode("utf-8", "replace"), events,
                        bytes(program.out), bytes(program.err))
        if check:
            self.check_promises(result)
        return result

    def mule(self, *args, **more):
        """Runs `mule ARGS` to its end."""
        return self.result_of(self.start(*args, **more), check=False)

    def mule_test(self, *args, status=0, check=True, **more):
        """Runs `mule test ARGS`; its status must be the one given."""
        events = os.path.join(self.home, "events.json")
        if os.path.exists(events):
            os.remove(events)
        program = self.start("test", "--json", events, *args, **more)
        result = self.result_of(program, events, check)
        if status is not None:
            self.assertEqual(result.status, status, program.describe())
        return result

    def check_promises(self, result):
        """What holds for every run that says how it ended."""
        tally = result.tally
        if tally is None:
            return
        states = tally["states"]
        self.assertEqual(sum(states.values()), tally["selected"], tally)
        counted = dict.fromkeys(STATES, 0)
        items = set()
        for event in result.all("test_finished"):
            counted[event["state"]] += 1
            self.assertNotIn(event["item"], items, "two results for one test")
            items.add(event["item"])
        self.assertEqual(counted, states)
        ledger = LEDGER.search(result.text)
        if ledger is None:  # a mistake is all that is told then
            self.assertIn(result.status, (3, 4), result.text)
            self.assertEqual(tally["selected"], 0, result.text)
            return
        terms = ledger.group(2).split("+")
        numbers = [int(term.split()[0]) for term in terms]
        self.assertEqual(int(ledger.group(1)), tally["selected"])
        self.assertEqual(sum(numbers), tally["selected"], ledger.group())
        for event in result.all("job_started"):
            self.assertGreaterEqual(event["slot"], 0)

    # ---------------------------------------------------------- asserting

    def assertStates(self, result, wanted):
        """`wanted` are states by id; no other test may have run."""
        self.assertEqual(result.states, wanted, result.text)

    def assertSays(self, text, *parts):
        for part in parts:
            self.assertIn(part, text)

    def assertMistake(self, result, *parts, status=4):
        """It ended with a message that names what is wrong."""
        self.assertEqual(result.status, status, result.text)
        self.assertRegex(result.err, r"(?m)^mule: error: ")
        self.assertSays(result.err, *parts)

    def xml(self, *names):
        return ElementTree.parse(self.path(*names)).getroot()

    def rerun(self, command):
        """Runs a command that mule printed."""
        words = shlex.split(command)
        self.assertEqual(words[:2], ["mule", "test"])
        return self.mule_test(*words[2:], status=None)


class Fifo:
    """Both ends are held open, so nobody waits for the other to open it."""

    def __init__(self, case, path):
        self.path = path
        os.mkfifo(path)
        self.number = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.text = bytearray()
        case.addCleanup(os.close, self.number)

    def write(self, text="go\n"):
        os.write(self.number, text.encode())

    def line(self, program):
        """The next line that the suite wrote; `program` must live on."""
        program.watch(self.number, self.text)
        try:
            program.wait_until(lambda: b"\n" in self.text,
                               f"a line in {self.path}")
        finally:
            del program.sources[self.number]
        end = self.text.index(b"\n")
        line = self.text[:end].decode()
        del self.text[:end + 1]
        return line
