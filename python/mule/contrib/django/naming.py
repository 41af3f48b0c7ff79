"""What test databases are called. Pure: knows no server and no settings.

    PREFIX_NAME_BUILD_TOKEN   a template; the token is its owner's
    PREFIX_NAME_BUILD_SLOT    a clone
    PREFIX_NAME, PREFIX_NAME_SLOT   with --keepdb

Names never need escaping: what would need it is replaced, and a hash tells
such names apart. The same words always give the same name.
"""

import hashlib
import os
import re

__unittest = True

# Quotes and what means something to a shell, a path or a client.
UNSAFE = re.compile("[\\x00-\\x1f\\x7f\"'`%\\\\/"
                    "\ud800-\udfff\U00010000-\U0010ffff]")
# Of a build's id, which --id may make as long as it likes.
BUILD_LIMIT = 24
HASH = 8
# Of a file's name; the longest ending that SQLite adds is "-journal".
FILE_LIMIT = 255 - len("-journal")


def characters(text):
    """How long a name is where characters are counted."""
    return len(text)


def octets(text):
    """How long a name is where bytes of UTF-8 are counted."""
    return len(text.encode("utf-8", "surrogatepass"))


def digest(text):
    """A few letters that stand for a text."""
    return hashlib.sha256(
        text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH]


def tame(text):
    """`text` as it may be in a name."""
    tamed = UNSAFE.sub("_", text)
    return tamed if tamed == text else f"{tamed}~{digest(text)}"


def shorten(text, limit, measure=octets):
    """`text`, or its two ends and a hash of the whole."""
    if measure(text) <= limit:
        return text
    mark = f"~{digest(text)}~"
    room = max(limit - measure(mark), 0)
    head, tail = _first(text, (room + 1) // 2, measure), ""
    if measure(head) < room:
        tail = _first(text[::-1], room - measure(head), measure)[::-1]
    return head + mark + tail


def _first(text, room, measure):
    """As much of the beginning as there is room for."""
    end = min(len(text), room)
    while measure(text[:end]) > room:
        end -= 1
    return text[:end]


def prefixed(prefix, name):
    """Begins with the prefix, which is not said twice."""
    if not prefix or name == prefix or name.startswith(prefix + "_"):
        return name or prefix
    return f"{prefix}_{name}" if name else prefix


def compose(name, words, limit, measure=octets):
    """The name of a database: `name` with its prefix, then build and slot.

    The words are never cut; a build's id that is too long for any name is
    shortened by itself.
    """
    head, tail = tame(name), _tail(words)
    if not tail:
        head = head.rstrip() or "_"
    return shorten(head, limit - measure(tail), measure) + tail


def _tail(words):
    return "".join("_" + shorten(tame(str(word)), BUILD_LIMIT)
                   for word in words)


def compose_path(path, words):
    """The same for a file: it keeps its folder and its ending, and is called
    what it likes."""
    folder, file = os.path.split(path)
    root, ending = os.path.splitext(file)
    tail = _tail(words) + ending
    return os.path.join(folder, shorten(root, FILE_LIMIT - octets(tail))
                        + tail)


def prefixed_path(prefix, path):
    """The file's name begins with the prefix."""
    folder, file = os.path.split(path)
    return os.path.join(folder, prefixed(prefix, file))


def distinct(wanted):
    """Tells apart what must not be the same database.

    `wanted` is a list of (key, name). Names of different keys that are alike,
    but for upper case, or that look like another's clone get a hash of
    their key. Gives a dictionary.
    """
    names = {}
    taken = set()
    for key, name in wanted:
        if key in names:
            continue
        clone = re.sub("_[0-9]+$", "", name.casefold())
        if name.casefold() in taken or clone != name.casefold() and any(
                clone == other.casefold() for _, other in wanted):
            name = f"{name}~{digest(repr(key))}"
        names[key] = name
        taken.add(name.casefold())
    return names
