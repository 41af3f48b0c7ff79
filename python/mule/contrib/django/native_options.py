"""What options the native program has: it is asked, and nothing is copied."""

import re

from .words import AFTER_EQUALS, NONE, ONE

# "  -j, --jobs N", "      --coverage[=RCFILE]", "  -k PATTERN"
LINE = re.compile(r"^  (?:(-\w)(?:, )?|    )(--[\w-]+)?"
                  r"(\[=\S+\])?( \S+)?(?:  |$)")


class NativeOptions:
    """A mapping from option to what it takes, read when first looked at."""

    def __init__(self, command, read=None):
        self._command = command
        self._read = read or read_help
        self._known = None

    def _table(self):
        if self._known is None:
            self._known = parse(self._read(self._command))
        return self._known

    def get(self, name):
        return self._table().get(name)

    def __getitem__(self, name):
        return self._table()[name]

    def __contains__(self, name):
        return name in self._table()

    def __iter__(self):
        return iter(self._table())


def parse(text):
    """{option: what it takes}, from the help of a command."""
    known = {}
    for line in text.splitlines():
        match = LINE.match(line)
        if match is None:
            continue
        letter, name, optional, argument = match.groups()
        takes = AFTER_EQUALS if optional else ONE if argument else NONE
        for known_as in (letter, name):
            if known_as:
                known[known_as] = takes
    return known


def read_help(command):
    """The help of `mule COMMAND`, or "" where there is no program: whoever
    starts it will say so."""
    import subprocess

    from ... import binary
    path = binary.find()
    if path is None:
        return ""
    return subprocess.run([path, command, "--help"], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          universal_newlines=True).stdout
