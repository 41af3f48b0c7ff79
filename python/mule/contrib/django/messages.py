"""What went wrong with a database, in words that a user can act on.

Pure but for reading an error. Drivers say where they failed by numbers
(MySQL), by SQLSTATE (PostgreSQL, once connected) or by words only
(PostgreSQL, while connecting): a table has them all.
"""

import contextlib
import errno
import os
import re
import sys
import traceback

from django.core.exceptions import ImproperlyConfigured
from django.db import NotSupportedError
from django.db.utils import Error

from ...harness import Unfit

__unittest = True

# What happened: numbers of MySQL, SQLSTATEs, words.
NO_SERVER = ((2002, 2003, 2005, 2013), ("08001", "08006", "57P03"),
             r"connection refused|no such file or directory|could not connect"
             r"|could not translate host|name or service not known|timed out"
             r"|timeout expired|no route to host|is the server running"
             r"|starting up|failed to resolve")
NO_ENTRY = ((1045, 1698), ("28P01", "28000"),
            r"password authentication failed|no password supplied"
            r"|authentication failed|no pg_hba\.conf entry"
            r"|role \S+ does not exist")
NO_RIGHT = ((1044, 1142, 1227, 1370), ("42501",),
            r"permission denied|access denied|must be owner")
IN_USE = ((), ("55006",), r"being accessed by other users")
FULL = ((1021, 1114, 28), ("53100",), r"no space left|disk (is )?full")
TOO_MANY = ((1040, 1203), ("53300",), r"too many (clients|connections)"
            r"|connection slots")


def kind_of(error):
    """One of the above, or None."""
    number, state = _number(error), sqlstate(error)
    kinds = (NO_SERVER, NO_ENTRY, NO_RIGHT, IN_USE, FULL, TOO_MANY)
    for kind in kinds:
        if number in kind[0] or state in kind[1]:
            return kind
    if isinstance(error, OSError):
        return FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    text = str(error)
    dumped = re.search(r"(?i)\berror:? (\d{4})\b", text)
    for kind in kinds:
        if dumped and int(dumped.group(1)) in kind[0] \
                or re.search(kind[2], text, re.IGNORECASE):
            return kind
    return None


def sqlstate(error):
    """The five letters that PostgreSQL says, under both drivers."""
    cause = error.__cause__ or error
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def _number(error):
    """What MySQL says."""
    first = error.args[0] if error.args else None
    return first if isinstance(error, Error) and isinstance(first, int) \
        else None


@contextlib.contextmanager
def explained(doing, words=(), server=None, wrapper=None):
    """Makes Unfit of whatever is raised, but of KeyboardInterrupt.

    `doing` is what could not be done, `words` what Django said before it left
    with SystemExit; `server` and `wrapper` are whom it happened with.
    """
    try:
        yield
    except (Unfit, KeyboardInterrupt):
        raise
    except (Exception, SystemExit) as error:
        raise explain(error, doing, words, server, wrapper) from error


def explain(error, doing, words=(), server=None, wrapper=None):
    """The Unfit for an error."""
    cause = _cause(error)
    migration = _migration(error)
    kind = kind_of(cause)
    if migration is not None and kind not in (NO_SERVER, FULL):
        return _failed_migration(cause, *migration)
    if wrapper is None:
        wrapper = _wrapper(error)
    if server is None and wrapper is not None:
        from . import servers
        server = servers.server_of(wrapper)
    text = line_of(cause)
    if isinstance(error, SystemExit) and cause is error:
        text = " ".join(words[-1].split()) if words \
            else "the test runner ended with status %s" % error.code
    if kind is not None and wrapper is not None:
        made = KINDS[id(kind)](doing, text, server, wrapper)
        if made is not None:
            return made
    if isinstance(cause, FileNotFoundError) and cause.filename in (
            "mysqldump", "mysql"):
        return Unfit(
            f"{doing}: {cause.filename} is not found",
            "install MySQL's or MariaDB's client programs (Debian: "
            "mariadb-client), which copy its databases")
    if isinstance(cause, ImproperlyConfigured):
        return Unfit(f"{doing}: {text}", _improper(text))
    if isinstance(cause, NotSupportedError) or isinstance(
            cause, NotImplementedError):
        return Unfit(f"{doing}: {text}", "each slot needs a clone, which this "
                     "engine does not make; `manage.py test` does without")
    return Unfit(f"{doing}: {type(cause).__name__}: {text}"
                 if not isinstance(cause, Error) else f"{doing}: {text}",
                 _place(cause))


def _no_server(doing, text, server, wrapper):
    values = wrapper.settings_dict
    hint = "start it, or correct HOST and PORT of DATABASES[%r]" \
        % _alias(wrapper)
    if not values["HOST"]:
        hint = "start it, or set HOST and PORT of DATABASES[%r]" \
            % _alias(wrapper)
    return Unfit("no database server at %s: %s" % (
        where(server), text), hint)


def _no_entry(doing, text, server, wrapper):
    return Unfit("the database server at %s does not let %s in: %s" % (
        where(server), user(wrapper), text),
        "correct USER and PASSWORD of DATABASES[%r]" % _alias(wrapper))


def _no_right(doing, text, server, wrapper):
    name = user(wrapper)
    if wrapper.vendor == "postgresql":
        grant = f'ALTER ROLE "{name}" CREATEDB;'
    elif wrapper.vendor == "mysql":
        grant = ("GRANT ALL PRIVILEGES ON `test\\_%%`.* TO '%s'@'%%';" % name)
    else:
        grant = None
    return Unfit(
        "%s: %s has no right to do that on the server at %s: %s" % (
            doing, name, where(server), text),
        grant and "as an administrator of the server: " + grant)


def _in_use(doing, text, server, wrapper):
    return Unfit(f"{doing}: {text}",
                 "end the sessions that use it; look for them in "
                 "pg_stat_activity")


def _full(doing, text, server, wrapper):
    return Unfit("%s: no space is left on the disk of %s: %s" % (
        doing, where(server), text),
        "make room; `mule doctor` lists databases that were left behind")


def _too_many(doing, text, server, wrapper):
    return Unfit("%s: the server at %s has no connection left: %s" % (
        doing, where(server), text),
        "run fewer slots (-j), or raise max_connections of the server")


KINDS = {id(NO_SERVER): _no_server, id(NO_ENTRY): _no_entry,
         id(NO_RIGHT): _no_right, id(IN_USE): _in_use, id(FULL): _full,
         id(TOO_MANY): _too_many}


def where(server):
    """A server as people say it: HOST:PORT, or a path."""
    if server is None:
        return "an unknown place"
    if server.place == "sqlite:":
        return "this machine"
    place = server.place.partition("://")[2]
    if place.startswith("local:"):
        return "the socket of this machine, port " + place[len("local:"):]
    return place


def user(wrapper):
    options = wrapper.settings_dict.get("OPTIONS") or {}
    return str(wrapper.settings_dict["USER"] or options.get("user")
               or "the user of this process")


def _alias(wrapper):
    """Connections to no database in particular have an alias of their own."""
    from django.db import connections
    if wrapper.alias in connections.settings:
        return wrapper.alias
    own = wrapper.settings_dict
    for alias, values in connections.settings.items():
        if all(values[key] == own[key]
               for key in ("ENGINE", "HOST", "PORT", "USER")):
            return alias
    return "default"


def _cause(error):
    """What happened first, where Django made a SystemExit of it."""
    while isinstance(error, SystemExit) and error.__context__ is not None:
        error = error.__context__
    return error


def _frames(error):
    while error is not None:
        for frame, line in traceback.walk_tb(error.__traceback__):
            yield frame, line
        error = error.__context__ if isinstance(error, SystemExit) \
            else None


def _wrapper(error):
    """The connection that it happened with: it is in the frames."""
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.base.creation import BaseDatabaseCreation
    found = None
    for frame, _ in _frames(error):
        this = frame.f_locals.get("self")
        if isinstance(this, BaseDatabaseCreation):
            this = this.connection
        if isinstance(this, BaseDatabaseWrapper):
            found = this
    return found


def _migration(error):
    """The migration that was applied, and the last line of its own."""
    from django.db.migrations.migration import Migration
    found, place = None, None
    for frame, line in _frames(error):
        this = frame.f_locals.get("migration")
        if frame.f_code.co_name == "apply_migration" \
                and isinstance(this, Migration):
            found = this
        elif found is not None and frame.f_globals.get("__name__") \
                == type(found).__module__:
            place = f"{frame.f_code.co_filename}:{line}"
    return None if found is None else (found, place)


def _failed_migration(cause, migration, place):
    file = getattr(sys.modules.get(type(migration).__module__), "__file__",
                   None)
    return Unfit(
        "the migration %s fails: %s: %s" % (
            migration, type(cause).__name__, line_of(cause)),
        "see " + _short(place or file or "its file"))


def _improper(text):
    if "psycopg" in text:
        return "pip install 'psycopg[binary]'"
    if "MySQLdb" in text:
        return "pip install mysqlclient"
    return "correct DATABASES in the settings"


def _place(error):
    """Where in the project it was, if it was there."""
    last = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if os.sep + "django" + os.sep not in name \
                and os.sep + "mule" + os.sep not in name \
                and not name.startswith("<"):
            last = f"{name}:{line}"
    return last and "it was raised at " + _short(last)


def _short(path):
    near = os.path.relpath(path)
    return path if near.startswith("..") else near


def line_of(error):
    """An error in a line."""
    text = " ".join(str(error).split())
    return text or type(error).__name__
