#!/usr/bin/env python3
"""Checks that the floors of src/ keep to their places.

Usage: tools/check_floors.py [ROOT]

A floor includes itself, the floors of its row and the outside libraries of
its row; some words of one floor do not occur on another. Each finding is a
line FILE:LINE: WHAT; the exit status says whether there was one.
"""

import pathlib
import re
import sys

# What each floor may include: floors, then headers of outside libraries.
FLOORS = {
    "util": ([], ["jansson.h", "openssl/"]),
    "model": (["util"], []),
    "schedule": (["util", "model"], []),
    "config": (["util", "model"], ["yaml.h"]),
    "store": (["util", "model"], ["sqlite3.h"]),
    "report": (["util", "model"], ["jansson.h", "zstd.h"]),
    "loop": (["util"], ["uv.h"]),
    "adapter": (["util", "model", "loop"], ["expat.h", "jansson.h"]),
    "transport": (["util", "loop"],
                  ["uv.h", "jansson.h", "amqp.h", "amqp_framing.h",
                   "amqp_tcp_socket.h", "amqp_ssl_socket.h", "hiredis/",
                   "openssl/"]),
    "celery": (["util", "loop", "transport"], ["jansson.h"]),
    "run": (["util", "model", "schedule", "loop", "adapter"],
            ["expat.h", "jansson.h"]),
    "fleet": (["util", "model", "schedule", "loop", "adapter", "transport",
               "celery", "run"], ["jansson.h", "openssl/"]),
    "command": (["util", "model", "schedule", "config", "store", "report",
                 "loop",
                 "adapter", "transport", "celery", "run", "fleet"],
                ["uv.h", "jansson.h", "yaml.h", "expat.h", "sqlite3.h",
                 "zstd.h"]),
}

# Headers of outside libraries: anything else in <> is the system's.
OUTSIDE = re.compile(
    r"(uv|jansson|yaml|expat|cmocka|sqlite3|zstd|amqp(_.*)?|hiredis/.*|openssl/.*"
    r"|libxml/.*)\.h")

# Headers through which a floor that decides would touch the world.
WORLD = {
    "model": r"(unistd|fcntl|poll|signal|pthread|sys/.*)\.h",
    "schedule": r"(unistd|fcntl|poll|signal|pthread|time|sys/.*)\.h",
}

# Names a floor must never have heard of, as parts of identifiers. Only there
# for what the include table cannot see: a thought that is out of place.
VOCABULARY = {
    "util": ["ledger", "adapter", "zygote", "guardian", "junit", "unittest"],
    "model": ["uv", "fd", "socket", "pipe"],
    "schedule": ["uv", "fd", "socket", "now_msec", "now_usec"],
    "report": ["redis", "amqp", "celery", "socket", "uv"],
    "loop": ["unittest", "junit", "ledger", "testcase"],
    "transport": ["test", "job", "build", "mule", "celery"],
    "celery": ["test", "job", "build"],
}

# The one file in util that may use a library, and what asks for the time.
JANSSON = re.compile(r"(field|json_text)\.[ch]$")
CLOCK = re.compile(r"\b(clock_gettime|gettimeofday|time)\s*\(")
CLOCK_FILE = re.compile(r"now\.c$")

INCLUDE = re.compile(r'^\s*#\s*include\s+(<([^>]+)>|"([^"]+)")')
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
LITERAL = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'')
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def blank(match):
    """What replaces a comment or a literal: its line ends alone."""
    return "\n" * match.group().count("\n") or " "


def without_comments(text):
    # A comment may stand in a literal and a quote in a comment: whichever
    # begins first is the one.
    both = re.compile("%s|%s" % (LITERAL.pattern, COMMENT.pattern), re.DOTALL)
    return both.sub(
        lambda m: m.group() if m.group()[0] in "\"'" else blank(m), text)


def words_of(identifier):
    """adapter_fd -> adapter, fd, adapter_fd."""
    lower = identifier.lower()
    return set(lower.split("_")) | {lower}


def check_include(floor, name, quoted):
    """Yields what is wrong with one include."""
    floors, libraries = FLOORS[floor]
    if quoted:
        target = name.split("/")[0] if "/" in name else None
        if target in FLOORS and target != floor and target not in floors:
            yield "%s/ must not know %s/" % (floor, target)
        elif target not in FLOORS and name != "config.h":
            yield 'include it as "FLOOR/NOUN.h": %s' % name
        return
    if OUTSIDE.fullmatch(name) and not any(
            name == library or library.endswith("/")
            and name.startswith(library) for library in libraries):
        yield "%s/ must not use <%s>" % (floor, name)
    if floor in WORLD and re.fullmatch(WORLD[floor], name):
        yield "%s/ decides and does not touch the world: <%s>" % (floor, name)


def check_file(path, floor):
    text = without_comments(path.read_text(encoding="utf-8"))
    banned = set(VOCABULARY.get(floor, []))
    for number, line in enumerate(text.split("\n"), 1):
        include = INCLUDE.match(line)
        if include:
            name = include.group(2) or include.group(3)
            for wrong in check_include(floor, name, bool(include.group(3))):
                yield number, wrong
            if (floor == "util" and name == "jansson.h"
                    and not JANSSON.search(path.name)):
                yield number, "in util/ only field and json_text use jansson"
            continue
        bare = LITERAL.sub(" ", line)
        for identifier in IDENTIFIER.findall(bare):
            for word in sorted(banned & words_of(identifier)):
                yield number, "%s/ must not speak of %s: %s" % (
                    floor, word, identifier)
        if CLOCK.search(bare) and not CLOCK_FILE.search(path.name):
            yield number, "only util/now.c asks what time it is"


def check_tree(root):
    source = root / "src"
    names = {}
    for path in sorted(source.rglob("*.[ch]")):
        place = path.relative_to(source)
        if path.name in names:
            yield path, 1, "%s has the same name" % names[path.name]
        names[path.name] = path
        if len(place.parts) == 1:
            if path.name != "main.c":
                yield path, 1, "only main.c stands on no floor"
            continue
        floor = place.parts[0]
        if floor not in FLOORS:
            yield path, 1, "there is no floor %s" % floor
            continue
        for number, wrong in check_file(path, floor):
            yield path, number, wrong


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else ".")
    count = 0
    for path, number, wrong in check_tree(root):
        print("%s:%d: %s" % (path, number, wrong))
        count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
