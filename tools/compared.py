"""What two runners said of the same tests, and whether it is the same.

One side's word is a record (tools/unittest_recorder.py), the other's is the
stream of `mule test --json`.
"""

import ast
import collections
import fnmatch
import json

COUNTED = ("ran", "failure", "error", "skip", "xfail", "xpass")
NOTHING_SELECTED = 5  # says mule, and unittest from Python 3.12 on
STATES = {"passed": "pass", "skipped": "skip", "xfailed": "xfail",
          "xpassed": "xpass"}
FIXTURES = ("setUpClass (", "setUpModule (")


class Side:
    """What one runner said of a suite."""

    def __init__(self, ended):
        self.items = collections.defaultdict(collections.Counter)
        self.totals = collections.Counter()
        self.complete = False
        self.green = ended.status in (0, NOTHING_SELECTED)
        self.status = ended.status
        self.timed_out = ended.timed_out
        self.seconds = ended.seconds
        self.first = None  # when the first result was there, by time.time()
        self.reasons = {}  # why tests were skipped, by id

    def how_ended(self):
        if self.timed_out:
            return "was not done in time"
        if self.status < 0:
            return f"was ended by signal {-self.status}"
        return f"ended with status {self.status}"


def read_record(path, ended):
    side = Side(ended)
    planned = []
    with open(path) as file:
        for line in file:
            kind, what = ast.literal_eval(line)
            if kind == "plan":
                planned.append(what)
            elif kind == "end":
                side.complete = True
            elif kind == "first":
                side.first = what
            elif kind == "reason":
                side.reasons[what[0]] = what[1]
            else:
                side.items[what][kind] += 1
                if kind in COUNTED:
                    side.totals[kind] += 1
    explain_silence(side, planned)
    return side


def explain_silence(side, planned):
    """Gives the tests that a fixture kept from running what mule must say."""
    silent = collections.Counter(planned)
    for ident, counts in side.items.items():
        seen = max(counts["ran"], 1 if ident in silent else 0)
        silent[ident] -= seen
    skipping = {}
    for ident in list(side.items):
        if ident.startswith(FIXTURES) and side.items[ident]["skip"]:
            skipping[ident.split("(", 1)[1][:-1]] = ident
    for ident, count in silent.items():
        if count <= 0:
            continue
        owners = [ident.rpartition(".")[0]]
        owners.append(owners[0].rpartition(".")[0])
        fixture = next((skipping[o] for o in owners if o in skipping), None)
        word = "skip" if fixture else "not run"
        side.items[ident][word] += count
        if fixture in side.reasons:
            side.reasons[ident] = side.reasons[fixture]
    for fixture in skipping.values():
        del side.items[fixture]


def read_mule(path, ended):
    side = Side(ended)
    with open(path, encoding="utf-8") as file:
        for line in file:
            event = json.loads(line)
            kind = event.get("event")
            if kind == "test_finished":
                ident = plain_id(event)
                counts = side.items[ident]
                counts.update(kinds_of(event))
                if side.first is None:
                    side.first = event["wall_ms"] / 1000
                if event["state"] == "skipped":
                    side.reasons[ident] = event.get("reason")
                if event.get("ran", True):
                    counts["ran"] += 1
            elif kind == "run_finished":
                side.complete = True
                side.totals.update(totals_of(event))
    return side


def plain_id(event):
    """The same id twice is `id` and `id#2` to mule."""
    head, mark, serial = event["id"].rpartition("#")
    return head if mark and serial.isdigit() else event["id"]


def kinds_of(event):
    counts = collections.Counter(
        finding["kind"] for finding in event.get("findings", ()))
    state = event["state"]
    return counts or collections.Counter({STATES.get(state, state): 1})


def totals_of(event):
    return {"ran": event["ran"], "failure": event["failures"],
            "error": event["errors"], "skip": event["skips"],
            "xfail": event["xfails"], "xpass": event["xpasses"]}


def alike(sides):
    """Both count the same and end alike."""
    return sums(sides[0]) == sums(sides[1]) \
        and sides[0].green == sides[1].green


def frozen(counts):
    return frozenset((counts or {"absent": 1}).items())


def in_words(results):
    return " or ".join(sorted(
        " ".join(f"{kind}={count}" for kind, count in sorted(result))
        for result in results))


class Known:
    """The differences whose cause is written down."""

    def __init__(self, path):
        self.causes = []
        if path is None:
            return
        with open(path) as file:
            for line in file:
                line = line.strip()
                if line and not line.startswith("#"):
                    pattern, _, cause = line.partition(": ")
                    self.causes.append([pattern, cause, 0])

    def explain(self, ident):
        for entry in self.causes:
            if fnmatch.fnmatchcase(ident, entry[0]):
                entry[2] += 1
                return entry[1]
        return None


def drifted(sides):
    """True when items differ in this very try, though not in all."""
    return any(frozen(sides[0].items.get(ident))
               != frozen(sides[1].items.get(ident))
               for ident in set(sides[0].items) | set(sides[1].items))


def sums(side):
    return {kind: side.totals[kind] for kind in COUNTED}


def shown(totals):
    return ", ".join(f"{kind} {totals[kind]}" for kind in COUNTED)
