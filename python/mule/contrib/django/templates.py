"""What the owner of a build's databases does: makes the templates through
the project's runner, and removes all that was made.
"""

import contextlib
import secrets
import sqlite3
import warnings
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connections
from django.test.utils import get_unique_databases_and_mirrors

from ...harness import Unfit
from . import handed, kept, naming, servers, sessions
from .messages import explained, line_of
from .record import Record, dead

__unittest = True

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
        self.ours = True  # nobody else has the template
        self.tables = None  # of the template
        self.stamp = None  # of the template, if clones are kept
        self.copy = None  # a file, for workers that are not forks
        self.pristine = None  # a copy in memory
        self.clone = None  # the name
        self.state = None
        self.doubtful = False  # tables may be missing, sessions may be left
        self.stamped = False  # the clone carries the stamp
        # In memory: what it looked like when made, and when last asked.
        self.mark = self.watched = None

    @property
    def alias(self):
        return self.aliases[0]


class Templates:
    """Of one build on one machine."""

    def __init__(self, build, prefix, keep, bootstrap):
        self.build = build
        self.prefix = prefix
        self.keep = keep
        self.bootstrap = bootstrap
        self.token = "m" + secrets.token_hex(3)
        self.record = None
        self.guard = kept.Guard(build)
        self.servers = {}  # alias: Server
        self.targets = []
        self._bases = {}  # alias: name without build and slot
        self._names = {}  # alias: TEST NAME that we gave
        self._recorded = set()
        self._config = None  # what setup_databases gave

    # Names.

    def learn(self):
        """Which server each alias means, and what its database is called."""
        for alias in connections:
            with explained(f"database {alias!r}"):
                self.servers[alias] = servers.server_of(connections[alias])
        wanted = {}  # place: [(what the settings mean, name)]
        keys = {}
        for alias, server in self.servers.items():
            values = connections[alias].settings_dict
            if server.in_memory or values["TEST"]["MIRROR"]:
                continue
            name = str(values["TEST"]["NAME"] or values["NAME"] or "")
            keys[alias] = str(connections[alias].creation._get_test_db_name())
            wanted.setdefault(server.place, []).append(
                (keys[alias], self._apart(
                    alias, server.prefixed(self.prefix, name))))
        names = {place: naming.distinct(pairs)
                 for place, pairs in wanted.items()}
        self._bases = {alias: names[self.servers[alias].place][key]
                       for alias, key in keys.items()}

    def _apart(self, alias, name):
        """A kept template has no more to its name than this, and must still
        be none of the project's own databases."""
        server = self.servers[alias]
        homes = {other.recorded(str(other.home)).casefold()
                 for other in self.servers.values()
                 if other.home and other.place == server.place}
        ways = [name]
        if self.prefix and server.place != servers.Files.place:
            ways.append(f"{self.prefix}_{name}")
        for way in ways:
            full = server.named(connections[alias], way, ())
            if server.recorded(full).casefold() not in homes:
                return way
        if self.keep:
            raise Unfit(
                f"the test database that is kept would be {name}, which is "
                "the project's own", "choose another --db-prefix, or another "
                "NAME in TEST of DATABASES[%r]" % alias)
        return name

    def rename(self, keep):
        """Give TEST NAME; two aliases that meant the same still do."""
        words = () if keep else (self.build, self.token)
        for alias in self._bases:
            self._names[alias] = self._named(alias, words)
        self._apply_names()

    def _apply_names(self):
        for alias, name in self._names.items():
            connections[alias].settings_dict["TEST"]["NAME"] = name

    def _named(self, alias, words):
        return self.servers[alias].named(
            connections[alias], self._bases[alias], words)

    def clone_name(self, target, slot):
        words = (slot,) if self.keep else (self.build, slot)
        return target.server.cloned(
            connections[target.alias], target.template,
            self._named(target.alias, words), slot)

    # Creating.

    def create(self, runner, aliases, serialized, say):
        self.learn()
        if self._adopt(aliases, serialized, say):
            return
        self.rename(self.keep)
        self._reach(aliases, say)
        with explained("the test databases cannot be created"):
            self._open_record()
            if not self.keep:
                self._write_down(aliases)
        self._set_up(runner, aliases, serialized, say)
        self._look(aliases, serialized)
        self._tell_bootstrapped()

    def _wanted(self, aliases):
        """{alias: its TEST NAME}, where a server has to be asked for it."""
        return {alias: name for alias, name in self._names.items()
                if alias in aliases}

    def _reach(self, aliases, say):
        """All servers answer; nobody has our names; what is left is gone."""
        wanted = self._wanted(aliases)
        if self.keep:
            with _recording():
                self.guard.take(
                    {(self.servers[alias].place, name):
                     (self.servers[alias], connections[alias], name)
                     for alias, name in wanted.items()}.values(), say)
        for alias, name in wanted.items():
            server, wrapper = self.servers[alias], connections[alias]
            with explained("the test databases cannot be created",
                           server=server, wrapper=wrapper):
                if not self.keep and server.there(wrapper, [name]):
                    raise Unfit(f"there is a database {name} already",
                                "give the build another --id")
        self.sweep(say)

    def _open_record(self):
        """Needed by whoever leaves something outside of this process."""
        outside = not all(server.in_memory
                          for server in self.servers.values())
        try:
            self.record = Record.begin(self.build, outside)
            kept.forget_old()
        except OSError as error:
            if outside:
                raise Unfit(
                    "cannot write down which databases are created: %s"
                    % error, "set MULE_STATE to a folder that can be "
                    "written to") from error

    def _write_down(self, aliases):
        """The names of the templates, before any of them is created."""
        for alias, name in self._wanted(aliases).items():
            self.created(self.servers[alias], name)

    def created(self, server, name):
        """Before it is. What is kept is not recorded: nobody drops it."""
        what = server.place, server.recorded(name)
        if self.record is not None and not self.keep \
                and what not in self._recorded:
            self.record.create(*what)
            self._recorded.add(what)

    def may_replace(self, server, name):
        """Whether a clone by this name that is there is of this process, of
        its parent or of one of its siblings. Asked before `created`."""
        what = server.place, server.recorded(name)
        return self.keep or self.record is None \
            or what in self._recorded or what in self.record.left()

    def not_created(self, server, name):
        """After all; what has the name is somebody else's."""
        what = server.place, server.recorded(name)
        if what in self._recorded:
            self._recorded.discard(what)
            self.record.drop(*what)

    def _set_up(self, runner, aliases, serialized, say):
        """The runner's own way, but that it asks nobody and clones nothing."""
        words = []

        def hear(text):
            words.append(str(text))
            say(str(text))

        with _quiet(runner, hear, parallel=0, interactive=False,
                    keepdb=self.keep), \
                explained("the test databases cannot be created", words):
            self._config = runner.setup_databases(
                aliases=aliases, serialized_aliases=serialized)

    def _look(self, aliases, serialized):
        """Whose database is whose, and what clones have to be like."""
        with explained("the test databases cannot be read"):
            unique, mirrors = get_unique_databases_and_mirrors(aliases)
            for _, group in unique.values():
                group = list(group)
                group += [alias for alias, first in mirrors.items()
                          if first in group]
                name = connections[group[0]].settings_dict["NAME"]
                target = Target(
                    self.servers[group[0]], group, str(name),
                    serialized is None or group[0] in serialized)
                # Some runners create nothing: then it is the project's own.
                target.ours = target.server.in_memory \
                    or target.template in map(self._names.get, group)
                self.targets.append(target)
            for target in self.targets:
                self._look_at(target)
            if self.record is not None:
                handed.write(self.record, self._names, self.targets)
        self.close()

    def _look_at(self, target):
        wrapper = connections[target.alias]
        target.tables = target.server.tables(wrapper)
        if self.keep and target.ours and target.server.stamps:
            target.stamp = kept.digest(
                *target.server.identity(wrapper, target.template),
                *sorted(target.tables))
        if target.server.in_memory:
            target.pristine = sqlite3.connect(
                ":memory:", check_same_thread=False)
            servers.backup(wrapper.connection, target.pristine)
            self._write_copy(target)

    def _write_copy(self, target):
        """For workers that are not forks."""
        if self.record is None:
            return
        path = self.record.beside("-%s.sqlite3" % naming.digest(target.alias))
        self.record.create("sqlite:", path)
        servers.copy_pages(target.pristine, path)
        target.copy = path

    # Databases that `mule --bootstrap` made.

    def _tell_bootstrapped(self):
        """By a setup script, for the build that it sets up for."""
        build = kept.prepared_for()
        if self.keep and not self.build and build:
            kept.write_prepared(build, [
                (target.server.place, target.template)
                for target in self.targets if not target.server.in_memory])

    def _adopt(self, aliases, serialized, say):
        """Take the templates that were prepared for this build."""
        ready = set() if self.keep or self.bootstrap \
            else kept.read_prepared(self.build)
        if not ready or any(self.servers[alias].in_memory
                            for alias in aliases):
            return False
        self.rename(True)
        wanted = self._wanted(aliases)
        for alias, name in wanted.items():
            server = self.servers[alias]
            with explained("the test databases cannot be read",
                           server=server, wrapper=connections[alias]):
                if (server.place, name) not in ready \
                        or not server.there(connections[alias], [name]):
                    return False
        self.sweep(say)
        self._open_record()
        for alias, name in wanted.items():
            settings.DATABASES[alias]["NAME"] = name
            connections[alias].settings_dict["NAME"] = name
        self._look(aliases, serialized)
        for target in self.targets:
            target.ours = False
            self.serialize(target)
        self.close()
        return True

    def serialize(self, target):
        """What serialized_rollback brings back, where a runner did not."""
        wrapper = connections[target.alias]
        if target.serialized and not hasattr(
                wrapper, "_test_serialized_contents"):
            wrapper._test_serialized_contents = \
                wrapper.creation.serialize_db_to_string()

    # In a worker that is not a fork.

    def join(self):
        found = handed.find(self.build)
        if found is None:
            raise Unfit("the databases of build %s are not there"
                        % self.build, "start it again")
        self.record, value = found
        self.learn()
        self._names = value["names"]
        self._apply_names()
        for one in value["targets"]:
            target = Target(self.servers[one["aliases"][0]], one["aliases"],
                            one["template"], one["serialized"])
            target.ours, target.stamp = one["ours"], one["stamp"]
            target.tables = frozenset(map(tuple, one["tables"]))
            target.copy = one["copy"]
            if target.copy is not None:
                target.pristine = sqlite3.connect(
                    target.copy, check_same_thread=False)
            self.targets.append(target)

    # Dropping.

    def close(self):
        """No session is left in a template: it could not be cloned."""
        for wrapper in connections.all(initialized_only=True):
            server = self.servers.get(wrapper.alias)
            sessions.close(wrapper, server is not None and server.in_memory)

    def sweep(self, say):
        """Drop what builds recorded whose owner is dead."""
        for name, reason in self.drop_dead(None):
            say("database %s, which another run left, cannot be dropped: %s"
                % (name, reason))

    def drop_dead(self, build):
        problems = []
        for record in dead(build):
            try:
                problems += self._drop_recorded(record, record.left())
            finally:
                record.end()
        return problems

    def _drop_recorded(self, record, left):
        """Those that are on a server of this project's. Files always are."""
        pieces = []
        for place in sorted({place for place, _ in left}):
            names = sorted(name for where, name in left if where == place)
            ways = [(servers.Files(), None)] if place == "sqlite:" else [
                (self.servers[alias], alias)
                for alias in self._aliases_at(place)]
            step = -(-len(names) // THREADS)
            if ways:
                pieces += [(place, ways, names[i:i + step])
                           for i in range(0, len(names), step)]
        return self._drop_pieces(record, pieces)

    def _aliases_at(self, place):
        """One for each user who is known on this server. First those that
        databases are created with."""
        found = {}
        for alias, server in sorted(
                self.servers.items(), key=lambda pair: bool(
                    connections[pair[0]].settings_dict["TEST"]["MIRROR"])):
            if server.place == place:
                user = connections[alias].settings_dict["USER"]
                found.setdefault(user, alias)
        return list(found.values())

    def _drop_pieces(self, record, pieces):
        """Several at once. Gives (name, reason) of what could not be."""
        if not pieces:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            if len(pieces) == 1:
                done = [_drop_piece(pieces[0])]
            else:
                with ThreadPoolExecutor(THREADS) as pool:
                    done = list(pool.map(_drop_piece, pieces))
        problems = []
        for (place, _, names), failed in zip(pieces, done):
            problems += [(name, line_of(error)) for name, error in failed]
            for name in set(names).difference(name for name, _ in failed):
                record.drop(place, name)
        return problems

    def drop(self, runner):
        self.close()
        problems = []
        if self.record is not None:
            templates = {(target.server.place,
                          target.server.recorded(target.template))
                         for target in self.targets}
            problems = self._drop_recorded(
                self.record, self._there().difference(templates))
            if self._tear_down(runner):
                self._trust(templates)
            problems += self._drop_recorded(
                self.record, self._there().intersection(templates))
            self.record.end()
            self.record = None
        else:
            self._tear_down(runner)
        self.guard.release()
        return problems

    def _there(self):
        """(place, name) of what was recorded here and is there. To drop what
        is not would need a right that nobody may have given."""
        there = set(self.record.left())
        for place in {place for place, _ in there}:
            names = {name for where, name in there if where == place}
            found = None
            try:
                for alias in self._aliases_at(place)[:1]:
                    found = self.servers[alias].there(
                        connections[alias], sorted(names))
            except Exception:
                pass  # to drop them will say why
            for name in names.difference(names if found is None else found):
                self.record.drop(place, name)
                there.discard((place, name))
        return there

    def _tear_down(self, runner):
        """The runner's own way; what that does not drop is dropped by us."""
        config, self._config = self._config, None
        if config is None:
            return False
        for target in self.targets:
            for alias in target.aliases:  # this process may have been a worker
                connections[alias].settings_dict["NAME"] = target.template
            if target.server.guards and target.ours and not self.keep:
                target.server.empty(connections[target.alias],
                                    target.template)
        with _quiet(runner, lambda text: None, parallel=0, keepdb=self.keep):
            try:
                runner.teardown_databases(config)
            except (Exception, SystemExit):
                return False
        return True

    def _trust(self, templates):
        """Where nobody can be asked what is there, the runner has dropped
        what it says."""
        for target in self.targets:
            what = target.server.place, target.server.recorded(target.template)
            if what in templates and type(target.server) is servers.Generic:
                self.record.drop(*what)


@contextlib.contextmanager
def _recording():
    """What is written beside the record needs a folder."""
    try:
        yield
    except OSError as error:
        raise Unfit(
            "cannot write down which databases are created: %s" % error,
            "set MULE_STATE to a folder that can be written to") from error


class _quiet:
    """What a runner and its databases are like while we call them."""

    def __init__(self, runner, log, **values):
        self.runner = runner
        self.log = log
        self.values = values

    def __enter__(self):
        self.was = {name: getattr(self.runner, name, None)
                    for name in self.values}
        self._set(self.values)
        for alias in connections:
            connections[alias].creation.log = self.log

    def __exit__(self, *_):
        self._set(self.was)
        for alias in connections:
            vars(connections[alias].creation).pop("log", None)

    def _set(self, values):
        for name, value in values.items():
            setattr(self.runner, name, value)


def _drop_piece(piece):
    """One user may not drop what another has created. What the first was
    told about those that nobody could drop."""
    _, ways, names = piece
    first, left = {}, list(names)
    for server, alias in ways:
        try:
            problems = server.drop(
                connections[alias] if alias else None, left)
        except Exception as error:
            problems = [(name, error) for name in left]
        left = [name for name, _ in problems]
        first = {**dict(problems), **first}
        if not left:
            break
    return [(name, first[name]) for name in left]
