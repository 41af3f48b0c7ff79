"""What differs by vendor: to clone a database, to drop it, to look into it.

A server is made from a connection of Django's, and is asked with one of the
thread that asks. It knows no names but those it is given, writes no record,
and lets errors through; `explain` makes of them what a user can act on.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from urllib.parse import unquote

from django.db import NotSupportedError
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.utils import Error

from . import naming
from .messages import sqlstate

__unittest = True

STAMP = "mule: "  # how a comment on a clone begins
STAMPS = "mule_kept"  # a table
WAITS = 300  # tenths of a second for a server to finish what was asked
SIDES = ("", "-wal", "-shm", "-journal")
CREATION_LOOKS = 250  # at one that is being ended, 20 ms apart


def server_of(wrapper):
    """The server that a connection's settings mean."""
    kinds = {"postgresql": (PostgreSQL, OwnPostgreSQL),
             "mysql": (MySQL, OwnMySQL), "sqlite": (File, OwnFile)}
    djangos, own = kinds.get(wrapper.vendor, (Generic, Generic))
    if wrapper.vendor == "sqlite" and wrapper.creation.is_in_memory_db(
            wrapper.creation._get_test_db_name()):
        return Memory(wrapper)
    return (djangos if _is_djangos(wrapper) else own)(wrapper)


def _is_djangos(wrapper):
    """Whether the engine clones as Django's own does."""
    clones = type(wrapper.creation)._clone_test_db
    return clones.__module__.startswith("django.")


class Taken(Exception):
    """There is a database by the name of a clone, and it is not ours."""


class Server:
    """Databases by name on a server that is connected with."""

    in_memory = False
    guards = False  # can hold a lock for a session, and end sessions
    stamps = False  # can say of a clone which template it is like
    measure = staticmethod(naming.octets)

    def __init__(self, wrapper):
        self.place = self._place(wrapper)
        self.home = wrapper.settings_dict["NAME"]  # the project's own

    def _place(self, wrapper):
        values = wrapper.settings_dict
        return "%s://%s:%s" % (values["ENGINE"], values["HOST"],
                               values["PORT"])

    def prefixed(self, prefix, name):
        return naming.prefixed(prefix, name)

    def named(self, wrapper, name, words):
        """What the test database is called with build and slot."""
        limit = wrapper.ops.max_name_length() or 30
        return naming.compose(name, words, limit, self.measure)

    def recorded(self, name):
        """What it is called in the record."""
        return name

    def cloned(self, wrapper, template, name, slot):
        """What the clone will really be called."""
        return name

    @contextlib.contextmanager
    def session(self, wrapper):
        """A cursor that is in none of the test databases."""
        with wrapper._nodb_cursor() as cursor:
            yield cursor

    def clone(self, wrapper, template, name, slot, alone, replace):
        """Create `name` as `template` is. One that is there is replaced, or,
        without `replace`, left alone: raises Taken.
        `alone`: whoever else is in the template has no business there."""
        raise NotImplementedError

    def drop(self, wrapper, names):
        """Ends the sessions of these databases and drops them; what is not
        there is no error. Gives a list of (name, error)."""
        problems = []
        with self.session(wrapper) as cursor:
            self.await_creation(cursor, names)
            for name in names:
                try:
                    self.drop_one(cursor, wrapper, name)
                except Exception as error:
                    problems.append((name, error))
        return problems

    def drop_one(self, cursor, wrapper, name):
        raise NotImplementedError

    def await_creation(self, cursor, names):
        """Returns when nobody creates one of these. A server goes on with
        what a process asked for that was killed meanwhile: what is not there
        yet could neither be seen nor dropped."""

    def there(self, wrapper, names):
        """Which of these databases exist."""
        raise NotImplementedError

    def tables(self, wrapper):
        """What the database of an open connection holds, to be compared."""
        with wrapper.cursor() as cursor:
            return frozenset(
                (table.name, table.type) for table in
                wrapper.introspection.get_table_list(cursor))

    def end_others(self, wrapper):
        """Ends what sessions a dead process left in this database."""

    def empty(self, wrapper, name):
        """Ends all sessions in a database."""

    def hold(self, cursor, name, label):
        """None: the session has the lock of that name, until it ends. Else
        who has it; `label` is what others are told."""

    def identity(self, wrapper, template):
        """What changes when a template does that is connected to."""

    def read_stamp(self, wrapper, template, name):
        """The stamp of a clone; None: it has none, or is not there."""

    def write_stamp(self, wrapper, template, name, stamp):
        """Mark a clone; "" takes the stamp off."""

    def settle(self, wrapper):
        """Ends a transaction that Django knows nothing of."""
        wrapper.connection.rollback()


class PostgreSQL(Server):
    guards = True
    stamps = True

    def _place(self, wrapper):
        values, options = wrapper.settings_dict, _options(wrapper)
        if options.get("service"):
            return "postgresql://service=" + options["service"]
        host = values["HOST"] or options.get("host") \
            or os.environ.get("PGHOST") or "local"
        port = values["PORT"] or options.get("port") \
            or os.environ.get("PGPORT") or 5432
        return f"postgresql://{host}:{port}"

    @contextlib.contextmanager
    def session(self, wrapper):
        """In `postgres`, or in the project's own database: never in one that
        is about to be made, which is where Django would go."""
        last = None
        for name in ("postgres", self.home):
            if not name:
                continue
            values = {**wrapper.settings_dict, "NAME": name,
                      "OPTIONS": dict(_options(wrapper))}
            other = wrapper.__class__(values, alias=NO_DB_ALIAS)
            try:
                cursor = other.cursor()
            except Error as error:
                last = last or error
                continue
            try:
                with cursor:
                    yield cursor
                return
            finally:
                other.close()
        raise last

    def clone(self, wrapper, template, name, slot, alone, replace):
        quote = wrapper.ops.quote_name
        statement = "CREATE DATABASE %s WITH TEMPLATE %s" % (
            quote(name), quote(template))
        with self.session(wrapper) as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_key("new", name)])
            for attempt in range(4):
                try:
                    cursor.execute(statement)
                    return
                except Error as error:
                    state = sqlstate(error)
                    if state == "42P04" and not replace:
                        raise Taken(name) from error
                    if state == "42P04" and attempt < 3:
                        self.drop_one(cursor, wrapper, name)
                    elif state == "55006" and attempt < 3:
                        if alone:
                            _terminate(cursor, template)
                    else:
                        raise

    def drop_one(self, cursor, wrapper, name):
        quoted = wrapper.ops.quote_name(name)
        _end_creation(cursor, quoted)
        version = cursor.db.connection.info.server_version
        if version >= 130000:
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")
        else:
            _terminate(cursor, name)
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted}")

    def await_creation(self, cursor, names):
        cursor.execute("SELECT pg_advisory_lock(k) FROM"
                       " unnest(%s::bigint[]) k",
                       [[_key("new", name) for name in names]])
        cursor.execute("SELECT pg_advisory_unlock_all()")
        quote = cursor.db.ops.quote_name
        for _ in range(WAITS):  # templates, which Django creates
            cursor.execute("SELECT query FROM pg_stat_activity"
                           " WHERE state = 'active'"
                           " AND query LIKE 'CREATE DATABASE %%'"
                           " AND pid <> pg_backend_pid()", [])
            found = [query for (query,) in cursor.fetchall()]
            if not any(quote(name) + " " in query + " "
                       for name in names for query in found):
                return
            cursor.execute("SELECT pg_sleep(0.1)")

    def there(self, wrapper, names):
        with self.session(wrapper) as cursor:
            self.await_creation(cursor, names)
            cursor.execute("SELECT datname FROM pg_database "
                           "WHERE datname = ANY(%s)", [list(names)])
            return {row[0] for row in cursor.fetchall()}

    def tables(self, wrapper):
        with wrapper.cursor() as cursor:
            cursor.execute(
                "SELECT n.nspname, c.relname, c.relkind, c.relnatts"
                " FROM pg_catalog.pg_class c"
                " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
                r" AND n.nspname NOT LIKE 'pg\_%'"
                " AND n.nspname <> 'information_schema'")
            return frozenset((*row[:3], int(row[3]))
                             for row in cursor.fetchall())

    def empty(self, wrapper, name):
        with self.session(wrapper) as cursor:
            _terminate(cursor, name)

    def hold(self, cursor, name, label):
        number = _key("keep", name)
        cursor.execute("SELECT set_config('application_name', %s, false),"
                       " pg_try_advisory_lock(%s)", [label, number])
        if cursor.fetchone()[1]:
            return None
        number %= 1 << 64
        cursor.execute(
            "SELECT a.application_name, a.client_addr, a.pid FROM pg_locks l"
            " JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.granted"
            " AND l.locktype = 'advisory' AND l.classid = %s::bigint"
            " AND l.objid = %s::bigint", [number >> 32, number % (1 << 32)])
        row = cursor.fetchone()
        return "%s (of %s, session %s)" % row if row else "another run"

    def identity(self, wrapper, template):
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT oid FROM pg_database WHERE datname = %s",
                           [template])
            return [cursor.fetchone()[0], *_migrations(cursor, wrapper)]

    def read_stamp(self, wrapper, template, name):
        with self.session(wrapper) as cursor:
            cursor.execute("SELECT shobj_description(oid, 'pg_database')"
                           " FROM pg_database WHERE datname = %s", [name])
            row = cursor.fetchone()
        text = row[0] if row and row[0] else ""
        return text[len(STAMP):] if text.startswith(STAMP) else None

    def write_stamp(self, wrapper, template, name, stamp):
        with self.session(wrapper) as cursor:
            cursor.execute("COMMENT ON DATABASE %s IS '%s'" % (
                wrapper.ops.quote_name(name), STAMP + stamp))

    def end_others(self, wrapper):
        with wrapper.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()")

    def settle(self, wrapper):
        if wrapper.connection.info.transaction_status != 0:
            wrapper.connection.rollback()


def _key(kind, name):
    """The number of a lock."""
    return int.from_bytes(hashlib.sha256(f"{kind} {name}".encode(
        "utf-8", "surrogatepass")).digest()[:8], "big", signed=True)


def _migrations(cursor, wrapper):
    """What was applied, and when: a template that was made anew differs."""
    if "django_migrations" in wrapper.introspection.table_names(cursor):
        cursor.execute("SELECT app, name, applied FROM django_migrations"
                       " ORDER BY app, name, id")
        return cursor.fetchall()
    return []


def _end_creation(cursor, quoted):
    """Ends a creation of this database that its client did not live to see:
    the server goes on with it, and it would be there after it was dropped."""
    for _ in range(CREATION_LOOKS):
        cursor.execute(
            "SELECT pg_terminate_backend(pid), pg_sleep(0.02)"
            " FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND state = 'active' AND starts_with(query, %s)",
            ["CREATE DATABASE %s " % quoted])
        if not cursor.fetchall():
            return


def _terminate(cursor, name):
    """End the sessions in a database, and wait until they are gone."""
    cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE datname = %s AND pid <> pg_backend_pid()", [name])
    # CREATE and DROP DATABASE wait a few seconds for those that are leaving.


class MySQL(Server):
    guards = True
    stamps = True
    measure = staticmethod(naming.characters)

    def _place(self, wrapper):
        values, options = wrapper.settings_dict, _options(wrapper)
        host = options.get("host") or values["HOST"] or "localhost"
        port = options.get("port") or values["PORT"] or 3306
        if host.startswith("/"):
            return "mysql://" + host
        if options.get("unix_socket"):
            return "mysql://" + options["unix_socket"]
        if options.get("read_default_file") and host == "localhost":
            host = "file=" + str(options["read_default_file"])
        return f"mysql://{host}:{port}"

    def clone(self, wrapper, template, name, slot, alone, replace):
        quote = wrapper.ops.quote_name
        with self.session(wrapper) as cursor:
            cursor.execute("SELECT GET_LOCK(%s, 30)", [_lock("new", name)])
            if not replace and _schemata(cursor, [name]):
                raise Taken(name)
            self.drop_one(cursor, wrapper, name)
            cursor.execute("CREATE DATABASE %s %s" % (
                quote(name), wrapper.creation.sql_table_creation_suffix()))
        pipe_dump(wrapper, template, name)

    def empty(self, wrapper, name):
        with self.session(wrapper) as cursor:
            self._kill(cursor, name)

    def _kill(self, cursor, name):
        cursor.execute("SELECT id FROM information_schema.processlist "
                       "WHERE db = %s AND id <> connection_id()", [name])
        for row in cursor.fetchall():
            # It may have ended by itself.
            with contextlib.suppress(Error):
                cursor.execute("KILL %d" % row[0])

    def drop_one(self, cursor, wrapper, name):
        self._kill(cursor, name)
        cursor.execute("DROP DATABASE IF EXISTS "
                       + wrapper.ops.quote_name(name))

    def await_creation(self, cursor, names):
        for name in names:
            cursor.execute("SELECT GET_LOCK(%s, 30)", [_lock("new", name)])
            cursor.execute("SELECT RELEASE_LOCK(%s)", [_lock("new", name)])

    def hold(self, cursor, name, label):
        key = _lock("keep", name)
        cursor.execute("SELECT GET_LOCK(%s, 0)", [key])
        if cursor.fetchone()[0] == 1:
            return None
        cursor.execute("SELECT user, host, id FROM"
                       " information_schema.processlist"
                       " WHERE id = IS_USED_LOCK(%s)", [key])
        row = cursor.fetchone()
        return "%s at %s (session %s)" % row if row else "another run"

    def identity(self, wrapper, template):
        with wrapper.cursor() as cursor:
            return _migrations(cursor, wrapper)

    def read_stamp(self, wrapper, template, name):
        if not self.there(wrapper, [name]):
            return None
        with self.session(wrapper) as cursor:
            self._make_stamps(cursor, wrapper, template)
            cursor.execute("SELECT stamp FROM %s WHERE name = %%s"
                           % self._stamps(wrapper, template), [name])
            row = cursor.fetchone()
        return row[0] if row else None

    def write_stamp(self, wrapper, template, name, stamp):
        with self.session(wrapper) as cursor:
            self._make_stamps(cursor, wrapper, template)
            cursor.execute("REPLACE INTO %s VALUES (%%s, %%s)"
                           % self._stamps(wrapper, template), [name, stamp])

    def _stamps(self, wrapper, template):
        """A table of the template's, which is not dumped with it."""
        quote = wrapper.ops.quote_name
        return quote(template) + "." + quote(STAMPS)

    def _make_stamps(self, cursor, wrapper, template):
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS %s (name varchar(64) PRIMARY KEY,"
            " stamp varchar(64) NOT NULL) ENGINE = InnoDB"
            % self._stamps(wrapper, template))

    def there(self, wrapper, names):
        with self.session(wrapper) as cursor:
            self.await_creation(cursor, names)
            return _schemata(cursor, names)

    def tables(self, wrapper):
        with wrapper.cursor() as cursor:
            cursor.execute("SHOW FULL TABLES")
            return frozenset(row for row in cursor.fetchall()
                             if row[0] != STAMPS)

    def end_others(self, wrapper):
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist "
                           "WHERE db = database() AND id <> connection_id()")
            for row in cursor.fetchall():
                with contextlib.suppress(Error):
                    cursor.execute("KILL %d" % row[0])


def _schemata(cursor, names):
    """Which of these databases exist."""
    cursor.execute("SELECT schema_name FROM information_schema.schemata"
                   " WHERE schema_name IN (%s)"
                   % ", ".join(["%s"] * len(names)), list(names))
    return {row[0] for row in cursor.fetchall()}


def _lock(kind, name):
    """The name of a lock, of which MySQL takes 64 characters."""
    return "mule-%s-%s" % (kind, hashlib.sha256(name.encode(
        "utf-8", "surrogatepass")).hexdigest()[:40])


class DumpFailed(Exception):
    """A program that copies a database ended with an error."""


def pipe_dump(wrapper, template, name):
    """`mysqldump TEMPLATE | mysql NAME`, as Django does it; but that a
    failure of either is one of the whole."""
    values = {**wrapper.settings_dict, "NAME": template}
    words, more = wrapper.client.settings_to_cmd_args_env(values, [])
    environ = {**os.environ, **(more or {})}
    options = words[1:-1]
    dump = [_program("mysqldump", "mariadb-dump"), *options, "--routines",
            "--events", "--no-tablespaces",
            f"--ignore-table={template}.{STAMPS}", template]
    load = [_program("mysql", "mariadb"), *options, name]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as heard:
        with subprocess.Popen(
                dump, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=said, env=environ) as source:
            with source.stdout as pipe, subprocess.Popen(
                    load, stdin=pipe, stdout=subprocess.DEVNULL,
                    stderr=heard, env=environ) as sink:
                pipe.close()
        # Whichever failed first has the other fail; the loader's word is
        # the better one, unless it saw nothing but the end.
        for process, words, file in ((sink, load, heard),
                                     (source, dump, said)):
            if process.returncode != 0:
                file.seek(0)
                text = file.read().decode("utf-8", "replace").strip()
                raise DumpFailed("%s ended with status %d: %s" % (
                    os.path.basename(words[0]), process.returncode,
                    text.splitlines()[-1] if text else "silently"))


def _program(*names):
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise FileNotFoundError(2, "no such program", names[0])


class Files:
    """SQLite's, which need no connection to be dropped."""

    place = "sqlite:"

    def drop(self, wrapper, names):
        problems = []
        for name in names:
            try:
                remove_file(path_of(name))
            except OSError as error:
                problems.append((name, error))
        return problems


class File(Files, Server):
    """A SQLite database on the disk. Its name is a path."""

    def _place(self, wrapper):
        return Files.place

    def prefixed(self, prefix, name):
        scheme, path, query = _taken_apart(name)
        return scheme + naming.prefixed_path(prefix, path) + query

    def named(self, wrapper, name, words):
        scheme, path, query = _taken_apart(name)
        return scheme + naming.compose_path(path, words) + query

    def recorded(self, name):
        return path_of(name)

    def clone(self, wrapper, template, name, slot, alone, replace):
        source, target = path_of(template), path_of(name)
        if not replace and os.path.exists(target):
            raise Taken(name)
        remove_file(target)
        if not os.path.exists(source):
            raise FileNotFoundError(2, "No such file or directory", source)
        if any(os.path.exists(source + side) for side in SIDES[1:]):
            copy_pages(source, target)  # somebody has it open
        else:
            shutil.copyfile(source, target)

    def there(self, wrapper, names):
        return {name for name in names if os.path.exists(path_of(name))}

    def tables(self, wrapper):
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT type, name, coalesce(sql, '') "
                           "FROM sqlite_master")
            return frozenset(cursor.fetchall())

    def settle(self, wrapper):
        if wrapper.connection.in_transaction:
            wrapper.connection.rollback()


def _taken_apart(name):
    """A name of SQLite's: "file:" or nothing, the path, and the rest."""
    if not name.startswith("file:"):
        return "", os.path.abspath(name), ""
    path, mark, query = name[len("file:"):].partition("?")
    return "file:", path, mark + query


def path_of(name):
    """The file that a name of SQLite means."""
    if name.startswith("file:"):
        name = unquote(name[len("file:"):].partition("?")[0])
    return os.path.abspath(name)


def remove_file(path):
    for side in SIDES:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path + side)


def copy_pages(source, target):
    """A file that is in use, or a connection, into a new file."""
    own = not isinstance(source, sqlite3.Connection)
    if own:
        source = sqlite3.connect(source)
    with contextlib.closing(sqlite3.connect(target)) as copy:
        copy.execute("PRAGMA synchronous = OFF")
        backup(source, copy)
    if own:
        source.close()


def backup(source, target):
    """All of a database at once. Does not wait for what is locked."""
    tries = []

    def progress(status, remaining, total):
        tries.append(status)
        if len(tries) > 20:
            raise sqlite3.OperationalError("database is locked")

    source.backup(target, progress=progress, sleep=0.05)


class Memory(File):
    """SQLite in memory: it is in one process, and a fork is its clone. What
    is cloned again comes from a copy that is kept beside it."""

    in_memory = True

    def mark(self, wrapper):
        """Changes when something was written through this connection."""
        raw = wrapper.connection
        if raw is None:
            return None
        schema = raw.execute("PRAGMA schema_version").fetchone()
        return id(raw), raw.total_changes, schema

    def clone(self, wrapper, template, name, slot, alone, replace):
        raise NotSupportedError("a database in memory has no clones")


class ClonesItself:
    """Asks the engine for a clone. It has its name from the engine, too."""

    stamps = False

    def cloned(self, wrapper, template, name, slot):
        with _source(wrapper, template):
            return str(wrapper.creation.get_test_db_clone_settings(
                str(slot))["NAME"])

    def clone(self, wrapper, template, name, slot, alone, replace):
        if not replace and self.there(wrapper, [name]):
            raise Taken(name)
        with _source(wrapper, template):
            wrapper.creation.clone_test_db(suffix=str(slot), verbosity=0,
                                           autoclobber=True, keepdb=False)


class OwnPostgreSQL(ClonesItself, PostgreSQL):
    """An engine that is derived from Django's, and clones otherwise."""


class OwnMySQL(ClonesItself, MySQL):
    """The same."""


class OwnFile(ClonesItself, File):
    """The same."""


class Generic(ClonesItself, Server):
    """An engine that only Django knows."""

    def drop(self, wrapper, names):
        problems = []
        for name in names:
            try:
                wrapper.creation._destroy_test_db(name, 0)
            except Exception as error:
                problems.append((name, error))
        return problems

    def there(self, wrapper, names):
        return None  # nobody knows


@contextlib.contextmanager
def _source(wrapper, name):
    """Django clones what the connection's settings name."""
    values = wrapper.settings_dict
    was, values["NAME"] = values["NAME"], name
    try:
        yield
    finally:
        values["NAME"] = was


def _options(wrapper):
    return wrapper.settings_dict.get("OPTIONS") or {}
