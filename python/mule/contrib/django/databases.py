"""The test databases of a build: created, cloned for slots, and dropped.

Nobody else knows names, servers and records. See docs/design/0010-django.md.
Makes itself heard only through what it raises (Unfit) and `say(text)`.
"""

import os
import secrets
import warnings
from concurrent.futures import ThreadPoolExecutor

from django.db import connections
from django.db.backends.signals import connection_created
from django.test.utils import get_unique_databases_and_mirrors

from ...harness import Unfit
from . import naming, servers
from .messages import explained
from .record import Record, dead

__unittest = True

ABSENT, CLEAN, DIRTY = "absent", "clean", "dirty"
THREADS = 4  # that drop at once


class Target:
    """One test database: its template, and the clone of this process.

    `aliases` are all that mean it, mirrors too; the first one created it.
    """

    def __init__(self, server, aliases, template, serialized):
        self.server = server
        self.aliases = aliases
        self.template = template
        self.serialized = serialized
        self.tables = None  # of the template
        self.pristine = None  # a copy in memory, where it is in memory
        self.clone = None
        self.state = ABSENT
        self.doubtful = False  # tables may be missing, sessions may be left

    @property
    def alias(self):
        return self.aliases[0]


class Databases:
    """One build on one machine; made in the zygote, and kept by forks.

    `build` is its id, `prefix`, `keep` and `bootstrap` are as in `databases`
    of the welcome's options.
    """

    def __init__(self, build, prefix="test", keep=False, bootstrap=False):
        self.build = build
        self.prefix = prefix
        self.keep = keep
        self.bootstrap = bootstrap
        self.token = "m" + secrets.token_hex(3)
        self.record = None
        self.slot = None
        self._servers = {}  # alias: Server
        self._bases = {}  # alias: name without build and slot
        self._given = {}  # alias: TEST NAME of the settings
        self._targets = []
        self._config = None  # what setup_databases gave
        self._foreign = []  # connections of the parent, never to be closed
        self._opened = 0
        self._watching = False

    @property
    def dear(self):
        """Cloning takes so long that kinds of tests go first."""
        return any(target.server.dear for target in self._targets)

    # In the zygote.

    def create(self, runner, aliases, serialized, say):
        """Drop what dead builds left; then make the templates by the runner's
        `setup_databases(aliases=, serialized_aliases=)`, under names of ours.

        Leaves no connection open, but for databases in memory. Raises Unfit;
        after that, and after KeyboardInterrupt, `drop` removes what is there.
        """
        with explained("the test databases cannot be created"):
            self._learn()
            self._name()
            self._sweep(say)
            self._begin()
            self._write_down(aliases)
        self._set_up(runner, aliases, serialized, say)
        with explained("the test databases cannot be read"):
            self._plan(aliases, serialized)
            for target in self._targets:
                self._look_at(target)
            self._close_all()

    def _learn(self):
        """Which server each alias means."""
        for alias in connections:
            with explained("the settings of database %r" % alias):
                self._servers[alias] = servers.server_of(connections[alias])

    def _name(self):
        """Give TEST NAME of all aliases; two that were the same stay so."""
        wanted = []
        for alias, server in self._servers.items():
            wrapper = connections[alias]
            if server.in_memory or wrapper.settings_dict["TEST"]["MIRROR"]:
                continue
            given = wrapper.settings_dict["TEST"]["NAME"]
            self._given[alias] = given
            name = given or wrapper.settings_dict["NAME"]
            key = (alias, server.place,
                   str(wrapper.creation._get_test_db_name()))
            prefixed = naming.prefixed_path if server.place == "sqlite:" \
                else naming.prefixed
            wanted.append((key, prefixed(self.prefix, str(name))))
        shared = {}  # server: what is wanted there
        for key, name in wanted:
            shared.setdefault(key[1], []).append((key[1:], name))
        names = {place: naming.distinct(pairs)
                 for place, pairs in shared.items()}
        for key, _ in wanted:
            alias, place = key[:2]
            self._bases[alias] = names[place][key[1:]]
            connections[alias].settings_dict["TEST"]["NAME"] = self._named(
                alias, self.token)

    def _named(self, alias, last):
        words = [] if self.keep else [self.build]
        if last is not self.token or not self.keep:
            words.append(last)
        return self._servers[alias].named(
            connections[alias], self._bases[alias], words, self.prefix)

    def _begin(self):
        if any(not server.in_memory for server in self._servers.values()):
            try:
                self.record = Record.begin(self.build)
            except OSError as error:
                raise Unfit(
                    "cannot write down which databases are created: %s"
                    % error, "set MULE_STATE to a folder that can be written "
                    "to") from error

    def _write_down(self, aliases):
        """The names of the templates, before any of them is created."""
        if self.keep:
            return
        for alias in self._bases:
            if alias in aliases:
                server = self._servers[alias]
                name = connections[alias].settings_dict["TEST"]["NAME"]
                self._created(server, name)

    def _created(self, server, name):
        if self.record is not None:
            self.record.create(server.place, _recorded(server, name))

    def _set_up(self, runner, aliases, serialized, say):
        """The runner's own way, but that it asks nobody and clones nothing."""
        words = []
        for alias in connections:
            connections[alias].creation.log = _hearer(words, say)
        was = {name: getattr(runner, name, None)
               for name in ("parallel", "interactive", "keepdb")}
        runner.parallel, runner.interactive = 0, False
        runner.keepdb = self.keep
        try:
            with explained("the test databases cannot be created", words):
                self._config = runner.setup_databases(
                    aliases=aliases, serialized_aliases=serialized)
        finally:
            for name, value in was.items():
                setattr(runner, name, value)
            for alias in connections:
                vars(connections[alias].creation).pop("log", None)

    def _plan(self, aliases, serialized):
        """Whose database is whose, as the settings have it."""
        unique, mirrors = get_unique_databases_and_mirrors(aliases)
        self._targets = []
        for _, group in unique.values():
            group = list(group)
            group += [alias for alias, first in mirrors.items()
                      if first in group]
            name = connections[group[0]].settings_dict["NAME"]
            self._targets.append(Target(
                self._servers[group[0]], group, str(name),
                serialized is None or group[0] in serialized))

    def _look_at(self, target):
        """What a clone has to be like."""
        wrapper = connections[target.alias]
        target.tables = target.server.tables(wrapper)
        if target.server.in_memory:
            import sqlite3
            target.pristine = sqlite3.connect(
                ":memory:", check_same_thread=False)
            servers.backup(wrapper.connection, target.pristine)

    def _close_all(self):
        """No session is left in a template: it could not be cloned."""
        for alias in connections:
            self._close(connections[alias])

    def _sweep(self, say):
        """Drop what builds recorded whose owner is dead."""
        for record in dead():
            try:
                for name, reason in self._drop_recorded(record):
                    say("%s, which a run before left, cannot be dropped: %s"
                        % (name, reason))
            finally:
                record.end()

    def _drop_recorded(self, record):
        """All of a record that is on a server of this project."""
        ours = {}
        for alias, server in self._servers.items():
            ours.setdefault(server.place, alias)
        wanted = {}
        for place, name in record.left():
            if place in ours:
                wanted.setdefault(ours[place], []).append(name)
        return self._drop_names(record, wanted)

    def _drop_names(self, record, wanted):
        """Drops {alias: names}, several at once. Gives what could not be."""
        pieces = []
        for alias, names in wanted.items():
            step = max(1, -(-len(names) // THREADS))
            pieces += [(alias, names[i:i + step])
                       for i in range(0, len(names), step)]
        if not pieces:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            if len(pieces) == 1:
                done = [self._drop_piece(*pieces[0])]
            else:
                with ThreadPoolExecutor(THREADS) as pool:
                    done = list(pool.map(lambda piece: self._drop_piece(
                        *piece), pieces))
        problems = []
        for (alias, names), failed in zip(pieces, done):
            problems += [(name, _line(error)) for name, error in failed]
            kept = {name for name, _ in failed}
            for name in names:
                if name not in kept and record is not None:
                    record.drop(self._servers[alias].place, name)
        return problems

    def _drop_piece(self, alias, names):
        try:
            return self._servers[alias].drop(connections[alias], names)
        except Exception as error:
            return [(name, error) for name in names]

    def drop(self, runner, say):
        """Remove all that this build made: clones in parallel, then templates
        through the runner's `teardown_databases`. Gives a list of (name,
        reason) of what could not be removed. Idempotent."""
        self._close_all()
        templates = {}
        for target in self._targets:
            templates[target.server.place, target.template] = target
        clones = {}
        left = self.record.left() if self.record is not None else {}
        places = self._places()
        for place, name in left:
            if (place, name) not in templates:
                clones.setdefault(places[place], []).append(name)
        problems = self._drop_names(self.record, clones)
        self._tear_down(runner)
        wanted = {}
        for (place, name), target in templates.items():
            if (place, name) in left:
                wanted.setdefault(target.alias, []).append(name)
        problems += self._drop_names(self.record, wanted)
        if self.record is not None:
            self.record.end()
            self.record = None
        return problems

    def _places(self):
        places = {}
        for alias, server in self._servers.items():
            places.setdefault(server.place, alias)
        return places

    def _tear_down(self, runner):
        """The runner's own way; what that does not drop is dropped by us."""
        config, self._config = self._config, None
        if config is None:
            return
        was = {name: getattr(runner, name, None)
               for name in ("parallel", "keepdb")}
        runner.parallel, runner.keepdb = 0, self.keep
        for alias in connections:
            connections[alias].creation.log = lambda text: None
        try:
            runner.teardown_databases(config)
        except (Exception, SystemExit):
            pass
        finally:
            for name, value in was.items():
                setattr(runner, name, value)
            for alias in connections:
                vars(connections[alias].creation).pop("log", None)

    def drop_left(self, build):
        """In a process of its own: remove what a dead owner recorded for this
        build. Gives a list as `drop` does."""
        self._learn()
        problems = []
        for record in dead(build):
            try:
                problems += self._drop_recorded(record)
            finally:
                record.end()
        return problems

    # In a worker.

    def attach(self, slot):
        """All connections point at this slot's clones from here on, whether
        they have been made or not. The clones count as not there."""
        self.slot = slot
        self.reconnect()
        for target in self._targets:
            target.state, target.doubtful = ABSENT, False
            if target.server.in_memory:
                target.clone = target.template
                target.state = CLEAN
                continue
            target.clone = target.server.cloned(
                connections[target.alias], target.template,
                self._named(target.alias, slot), slot)
            for alias in target.aliases:
                connections[alias].settings_dict["NAME"] = target.clone

    def make_clean(self, aliases):
        """Each of these aliases has a clone as the template is. Makes those
        that are not there, or dirty. Raises Unfit."""
        for target in self._meant(aliases):
            if target.state is not CLEAN or not self._whole(target):
                self._clone(target)

    def make_sound(self, aliases):
        """As above, for tests that do not mind what is in the tables: a clone
        that is there and whole is left as it is. Raises Unfit."""
        for target in self._meant(aliases):
            if target.state is ABSENT or not self._whole(target):
                self._clone(target)

    def _meant(self, aliases):
        return [target for target in self._targets
                if not set(aliases).isdisjoint(target.aliases)]

    def _whole(self, target):
        """Whether tables are as they were; nobody else is connected then."""
        if not target.doubtful:
            return True
        wrapper = connections[target.alias]
        for alias in target.aliases[1:]:
            self._close(connections[alias])
        for _ in range(2):  # the second time on a new connection
            try:
                target.server.end_others(wrapper)
                whole = target.server.tables(wrapper) == target.tables
                target.doubtful = False
                return whole
            except Exception:
                self._close(wrapper)
        return False

    def _clone(self, target):
        """Anew, whatever is there."""
        wrappers = [connections[alias] for alias in target.aliases]
        for wrapper in wrappers:
            self._close(wrapper)
        target.state = ABSENT
        with explained("database %s cannot be cloned" % target.template,
                       server=target.server, wrapper=wrappers[0]):
            if target.server.in_memory:
                self._refill(target, wrappers)
            else:
                self._copy(target, wrappers[0])
        target.state, target.doubtful = CLEAN, False

    def _copy(self, target, wrapper):
        self._created(target.server, target.clone)
        try:
            target.server.clone(wrapper, target.template, target.clone,
                                self.slot)
        except BaseException:
            # What is half made is nobody's; what cannot be dropped now is in
            # the record.
            self._drop_piece(target.alias, [target.clone])
            raise

    def _refill(self, target, wrappers):
        for wrapper in wrappers:
            raw, wrapper.connection = wrapper.connection, None
            if raw is not None:
                raw.close()
        wrappers[0].connect()
        servers.backup(target.pristine, wrappers[0].connection)

    def used(self, aliases, dirty):
        """A job ran on these. Connections it broke, or left in a transaction,
        are closed. `dirty`: it may have changed what the tables hold.
        Finds out by itself whether tables are missing."""
        for target in self._meant(aliases):
            for alias in target.aliases:
                self._mend(target, connections[alias])
            if dirty:
                target.state = DIRTY if target.state is CLEAN \
                    else target.state
            features = connections[target.alias].features
            if dirty or not features.can_rollback_ddl:
                target.doubtful = True

    def _mend(self, target, wrapper):
        """A connection that is open and idle stays; others are closed."""
        if wrapper.connection is None and not wrapper.closed_in_transaction:
            return
        try:
            sound = not (wrapper.closed_in_transaction
                         or wrapper.in_atomic_block
                         or wrapper.autocommit
                         != wrapper.settings_dict["AUTOCOMMIT"]
                         or wrapper.errors_occurred
                         and not wrapper.is_usable())
            if sound:
                wrapper.errors_occurred = False
                target.server.settle(wrapper)
        except Exception:
            sound = False
        if not sound:
            self._close(wrapper)

    def opened(self):
        """How many connections were opened since the last call."""
        opened, self._opened = self._opened, 0
        return opened

    def _heard(self, connection, **more):
        if connection.alias in self._servers:
            self._opened += 1

    # In the process of one job.

    def reconnect(self):
        """Forget connections of the parent; those of this process are new."""
        for alias in connections:
            wrapper = connections[alias]
            if alias in self._servers and self._servers[alias].in_memory:
                continue
            if wrapper.connection is not None:
                self._foreign.append(wrapper.connection)
                wrapper.connection = None
            _reset(wrapper)
            pools = getattr(wrapper, "_connection_pools", None)
            if pools:
                self._foreign.append(pools.pop(alias, None))
        if not self._watching:
            connection_created.connect(self._heard, weak=False)
            self._watching = True

    def before_fork(self):
        """Close connections, but for databases in memory."""
        self._close_all()

    def _close(self, wrapper):
        """Whatever state it is in."""
        server = self._servers.get(wrapper.alias)
        _reset(wrapper)
        if server is not None and server.in_memory:
            if wrapper.connection is not None \
                    and wrapper.connection.in_transaction:
                wrapper.connection.rollback()
            return
        try:
            wrapper.close()
        except Exception:
            pass
        wrapper.connection = None
        if hasattr(wrapper, "close_pool"):
            try:
                wrapper.close_pool()
            except Exception:
                pass


def _reset(wrapper):
    """As a connection is that was never used."""
    wrapper.in_atomic_block = False
    wrapper.savepoint_ids = []
    if hasattr(wrapper, "atomic_blocks"):
        wrapper.atomic_blocks = []
    wrapper.needs_rollback = False
    wrapper.closed_in_transaction = False
    wrapper.errors_occurred = False
    wrapper.run_on_commit = []


def _recorded(server, name):
    """A file is recorded by its path, whatever the settings call it."""
    return servers.path_of(name) if server.place == "sqlite:" else name


def _hearer(words, say):
    def log(text):
        words.append(str(text))
        say(str(text))
    return log


def _line(error):
    """An error in a line."""
    text = " ".join(str(error).split())
    return text or type(error).__name__
