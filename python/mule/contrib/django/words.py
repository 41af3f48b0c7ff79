"""The words of `manage.py mule`: who understands which.

Options of Django's `test` go to the processes that load the project, to the
native program, or to both. All others that the native program knows are its
own, and so are labels. What only the project's test runner knows is given as
`extra`. Knows neither Django nor the program; see native_options.py for what
the program takes.
"""

import random
import re

# What an option takes.
NONE, ONE, MANY, AFTER_EQUALS = "none", "one", "many", "after ="
SPECIAL = ("--help", "-h", "--version", "--worker", "--bootstrap", "--list")

# Options of `mule test` that say what manage.py says already.
TAKEN = {
    "--adapter": "manage.py is the adapter",
    "--runner": "manage.py finds and runs the tests",
    "--tap": "manage.py finds and runs the tests",
    "--format": "manage.py finds and runs the tests",
}


class Usage(Exception):
    """Words that cannot be meant; `hint` says what to do."""

    def __init__(self, reason, hint=None):
        super().__init__(reason)
        self.hint = hint


class Unknown(Usage):
    """An option that nobody asked so far knows: `name`."""

    def __init__(self, name, near=None):
        super().__init__(
            "unknown option %s" % name + (
                "; did you mean %s?" % near if near else ""),
            "`manage.py mule --help` lists what there is; options cannot be "
            "abbreviated")
        self.name = name


class Sorted:
    """Words by who is to have them."""

    def __init__(self):
        self.native = []  # (option or None for a label, [words])
        self.worker = []
        self.special = set()
        self.values = {}  # of what goes to the native program: the last one
        self.notes = []  # what was decided here, for the user

    def to_native(self, name, value=None, by_django=False):
        words = [name] if value is None else [name, value]
        if name is not None and name.startswith("--") and value is not None:
            words = ["%s=%s" % (name, value)]
        self.native.append((name if by_django else None, words))
        self.values[name] = value or ""

    def to_worker(self, name, value=None):
        self.worker.append(name if value is None
                           else "%s=%s" % (name, value))


class Row:
    """An option of Django's: its names, what it takes, and what becomes of
    it. `value` is NONE, ONE, MANY, a number of words, or a pattern for one
    that may be missing."""

    def __init__(self, names, value, meaning):
        self.names = names
        self.value = value
        self.meaning = meaning


def _worker(name):
    return lambda words, value: words.to_worker(name, value)


def _native(name):
    return lambda words, value: words.to_native(name, value, True)


def _both(name):
    def meaning(words, value):
        words.to_worker(name, value)
        words.to_native(name, value, True)
    return meaning


def _nothing(words, value):
    """What mule does anyway."""


def _verbosity(words, value):
    if value not in ("0", "1", "2", "3"):
        raise Usage("-v takes a level from 0 to 3, as in `manage.py test`, "
                    "and not %r" % value,
                    "-v 2 names each test, -v 3 shows all output")
    _both("--verbosity")(words, value)


def _parallel(words, value):
    if value in (None, "auto"):
        words.to_native("--jobs", "0", True)
    elif value.isdigit():
        # Django's 0 is: not in parallel. The program's is: all there are.
        words.to_native("--jobs", "1" if value == "0" else value, True)
    else:
        raise Usage("--parallel: %r is not an integer or the string 'auto'"
                    % value)


def _shuffle(words, value):
    # Every process, on all machines, has to draw the same order. The runner
    # tells the seed.
    if value is None:
        value = str(random.SystemRandom().randrange(10 ** 10))
    if not re.fullmatch(r"-?\d+", value):
        raise Usage("--shuffle takes a number, and not %r" % value,
                    "as in --shuffle=17; without one, it is drawn")
    words.to_worker("--shuffle", value)
    _as_collected(words)


def _reverse(words, value):
    words.to_worker("--reverse")
    _as_collected(words)


def _as_collected(words):
    # The runner's order is the one that was asked for: what past runs teach
    # is not to sort it again.
    words.to_native("--order", "given", True)


def _durations(words, value):
    # Django's 0 is all of them.
    words.to_native("--durations", "1000000" if value == "0" else value, True)


# The options of Django's `test` command, and of all of its commands.
DJANGO = [
    Row(("-v", "--verbosity"), ONE, _verbosity),
    Row(("--noinput", "--no-input"), NONE, _worker("--noinput")),
    Row(("--failfast",), NONE, _native("--failfast")),
    Row(("--testrunner",), ONE, _worker("--testrunner")),
    Row(("-t", "--top-level-directory"), ONE,
        lambda words, value: (
            words.to_worker("--top-level-directory", value),
            words.to_native("--top", value, True))),
    Row(("-p", "--pattern"), ONE, _both("--pattern")),
    Row(("--keepdb",), NONE, _native("--keepdb")),
    Row(("--shuffle",), re.compile(r"-?\d+"), _shuffle),
    Row(("-r", "--reverse"), NONE, _reverse),
    Row(("--debug-mode",), NONE, _worker("--debug-mode")),
    Row(("-d", "--debug-sql"), NONE, _worker("--debug-sql")),
    Row(("--parallel",), re.compile(r"\d+|auto"), _parallel),
    Row(("--tag",), ONE, _native("--tag")),
    Row(("--exclude-tag",), ONE, _native("--exclude-tag")),
    Row(("--pdb",), NONE, _native("--pdb")),
    Row(("-b", "--buffer"), NONE, _nothing),
    Row(("--no-faulthandler",), NONE, _worker("--no-faulthandler")),
    Row(("--timing",), NONE, _worker("--timing")),
    Row(("-k",), ONE, _native("-k")),
    Row(("--durations",), ONE, _durations),
    Row(("--settings",), ONE, _worker("--settings")),
    Row(("--pythonpath",), ONE, _worker("--pythonpath")),
    Row(("--traceback",), NONE, _worker("--traceback")),
    Row(("--no-color",), NONE,
        lambda words, value: words.to_native("--color", "never", True)),
    Row(("--force-color",), NONE,
        lambda words, value: words.to_native("--color", "always", True)),
    Row(("--skip-checks",), NONE, _worker("--skip-checks")),
]


def sort(words, native, extra=()):
    """Sorted, of the words that follow `mule`.

    `native` is a mapping of the program's options, long and short with their
    dashes, to what they take. `extra` are rows of the test runner's own.
    Raises Usage.
    """
    return _Sorting(words, native, extra).sort()


def special(words):
    """Which of SPECIAL are among them."""
    before = words[:words.index("--")] if "--" in words else words
    return {"--help" if word == "-h" else word
            for word in before if word in SPECIAL}


class _Sorting:

    def __init__(self, words, native, extra):
        self.words = list(words)
        self.at = 0
        self.native = native
        self.rows = {name: row for rows in (extra, DJANGO)
                     for row in rows for name in row.names}
        self.own = {name for row in DJANGO for name in row.names}
        self.sorted = Sorted()

    def sort(self):
        while self.at < len(self.words):
            word = self._next()
            if word == "--":
                self.sorted.native.append(
                    (None, ["--"] + self.words[self.at:]))
                break
            if word in SPECIAL:
                self.sorted.special.add("--help" if word == "-h" else word)
            elif word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and word != "-":
                self._short(word)
            else:
                self.sorted.native.append((None, [word]))
        return self.sorted

    def _next(self):
        self.at += 1
        return self.words[self.at - 1]

    def _row(self, name):
        """Django's, and what only the runner has, but not what the program
        has: there it would depend on who is asked first."""
        row = self.rows.get(name)
        if row is not None and name not in self.own and name in self.native:
            return None
        return row

    def _long(self, word):
        name, equals, value = word.partition("=")
        row = self._row(name)
        if row is not None:
            self._django(row, name, value if equals else None)
        elif name not in self.native:
            raise Unknown(name, self._nearest(name))
        elif name in TAKEN:
            raise Usage("%s cannot be given to manage.py mule: %s"
                        % (name, TAKEN[name]),
                        "`mule test %s ...` runs other tests" % name)
        elif equals:
            self.sorted.to_native(name, value)
        elif self.native[name] == ONE:
            self.sorted.to_native(name, self._value(name))
        else:
            self.sorted.to_native(name)

    def _short(self, word):
        rest = word[1:]
        while rest:
            name, rest = "-" + rest[0], rest[1:]
            row = self._row(name)
            takes = row.value if row is not None else self.native.get(name)
            value = None
            if takes is None:
                raise Unknown(name if len(word) == 2
                              else "%s in %s" % (name, word))
            if takes != NONE:
                # argparse takes -v2, -v 2 and -v=2.
                value, rest = rest or None, ""
                if value is not None and row is not None:
                    value = value[1:] if value[0] == "=" else value
            if row is not None:
                self._django(row, name, value)
            elif takes == NONE:
                self.sorted.to_native(name)
            else:
                self.sorted.to_native(
                    name, self._value(name) if value is None else value)

    def _django(self, row, name, value):
        if row.value == NONE:
            if value is not None:
                raise Usage("%s takes no value" % name)
        elif row.value == ONE:
            if value is None:
                value = self._value(name)
        elif row.value == MANY or isinstance(row.value, int):
            value = self._values(name, row.value, value)
        elif value is None and self.at < len(self.words) \
                and row.value.fullmatch(self.words[self.at]):
            value = self._next()
        row.meaning(self.sorted, value)

    def _value(self, name):
        if self.at >= len(self.words):
            raise Usage("%s needs a value" % name)
        return self._next()

    def _values(self, name, count, first):
        """As argparse has it: of MANY, all up to the next option."""
        values = [] if first is None else [first]
        while len(values) != count and self.at < len(self.words) \
                and (count != MANY or self.words[self.at][:1] != "-"):
            values.append(self._next())
        if count != MANY and len(values) < count:
            raise Usage("%s needs %d values" % (name, count))
        return values

    def _nearest(self, name):
        import difflib
        names = [known for known in {*self.rows, *self.native, *SPECIAL}
                 if known.startswith("--") and known != "--worker"]
        near = [known for known in sorted(names) if known.startswith(name)]
        near = near or difflib.get_close_matches(name, sorted(names), 1)
        return near[0] if near else None
