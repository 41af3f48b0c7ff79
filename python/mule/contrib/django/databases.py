"""The test databases of a build: created, cloned for slots, and dropped.

Nobody else knows names, servers and records. See docs/design/0010-django.md.
Makes itself heard only through what it raises (Unfit) and `say(text)`.

Here is what workers do; what their owner does is in templates.py.
"""

from django.db import NotSupportedError, connections
from django.db.backends.signals import connection_created

from ...harness import Unfit
from . import servers, sessions
from .messages import explained
from .templates import Templates

__unittest = True

ABSENT, CLEAN, DIRTY = "absent", "clean", "dirty"


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
        self._templates = Templates(build, prefix, keep, bootstrap)
        self._slot = None
        self._opened = 0
        self._heard = None

    @property
    def _targets(self):
        return self._templates.targets

    # In the zygote.

    def create(self, runner, aliases, serialized, say):
        """Drop what dead builds left; then make the templates by the runner's
        `setup_databases(aliases=, serialized_aliases=)`, under names of ours.

        Leaves no connection open, but for databases in memory. Raises Unfit;
        after that, and after KeyboardInterrupt, `drop` removes what is there.
        """
        self._templates.create(runner, aliases, serialized, say)

    def drop(self, runner, say):
        """Remove all that this build made: clones in parallel, then templates
        through the runner's `teardown_databases`. Gives a list of (name,
        reason) of what could not be removed. Idempotent."""
        return self._templates.drop(runner)

    def drop_left(self, build):
        """In a process of its own: remove what a dead owner recorded for this
        build. Gives a list as `drop` does."""
        self._templates.learn()
        return self._templates.drop_dead(build)

    # In a worker.

    def attach(self, slot):
        """All connections point at this slot's clones from here on, whether
        they have been made or not. The clones count as not there. Raises
        Unfit in a worker that is not a fork, if its build has ended."""
        forked = bool(self._targets)
        if not forked:
            self._templates.join()
        self._templates.guard.forget()
        self._slot = slot
        self.reconnect()
        for target in self._targets:
            target.state, target.doubtful = ABSENT, False
            target.stamped = False
            if target.server.in_memory:
                target.clone = target.template
                target.state = CLEAN if forked else ABSENT
                target.mark = self._mark(target)
            else:
                target.clone = self._templates.clone_name(target, slot)
            for alias in target.aliases:
                connections[alias].settings_dict["NAME"] = target.clone

    def make_clean(self, aliases):
        """Each of these aliases has a clone as the template is. Makes those
        that are not there, or dirty. Raises Unfit."""
        for target in self._meant(aliases):
            if target.state is ABSENT:
                self._find(target)
            if target.state is not CLEAN or not self._whole(target):
                self._clone(target)

    def make_sound(self, aliases):
        """As above, for tests that do not mind what is in the tables: a clone
        that is there and whole is left as it is. Raises Unfit."""
        for target in self._meant(aliases):
            if target.state is ABSENT:
                self._find(target)
            if target.state is ABSENT or not self._whole(target):
                self._clone(target)
            self._unstamp(target)

    def _meant(self, aliases):
        return [target for target in self._targets
                if not set(aliases).isdisjoint(target.aliases)]

    def _whole(self, target):
        """Whether tables are as they were; nobody else is connected then."""
        if not target.doubtful:
            return True
        wrapper = connections[target.alias]
        for alias in target.aliases[1:]:
            self._close(alias)
        for _ in range(2):  # the second time on a new connection
            try:
                target.server.end_others(wrapper)
                whole = target.server.tables(wrapper) == target.tables
                target.doubtful = False
                return whole
            except Exception:
                self._close(target.alias)
        return False

    def _clone(self, target):
        """Anew, whatever is there."""
        for alias in target.aliases:
            self._close(alias)
        wrapper = connections[target.alias]
        target.state, target.stamped = ABSENT, False
        with explained("database %s cannot be cloned" % target.template,
                       server=target.server, wrapper=wrapper):
            if target.server.in_memory:
                self._refill(target)
            else:
                self._copy(target, wrapper)
            target.state, target.doubtful = CLEAN, False
            self._templates.serialize(target)

    def _copy(self, target, wrapper):
        replace = self._templates.may_replace(target.server, target.clone)
        self._templates.created(target.server, target.clone)
        try:
            target.server.clone(wrapper, target.template, target.clone,
                                self._slot, target.ours and not self.keep,
                                replace)
        except servers.Taken as problem:
            self._templates.not_created(target.server, target.clone)
            raise Unfit(
                f"there is a database {target.clone} already",
                "it is of another build with this --id: give this one "
                "another, or drop what that has left") from problem
        except (NotImplementedError, NotSupportedError):
            self._templates.record.drop(target.server.place,
                                        target.server.recorded(target.clone))
            raise
        except BaseException:
            # Half a clone is no use to anybody. One that cannot be dropped
            # now is in the record.
            try:
                target.server.drop(wrapper, [target.clone])
            except Exception:
                pass
            raise
        if target.stamp is not None:
            target.server.write_stamp(wrapper, target.template, target.clone,
                                      target.stamp)
            target.stamped = True

    def _refill(self, target):
        for alias in target.aliases:
            sessions.destroy(connections[alias])
        wrapper = connections[target.alias]
        wrapper.connect()
        servers.backup(target.pristine, wrapper.connection)
        target.mark = self._mark(target)

    # Clones that are kept.

    def _find(self, target):
        """Whether a clone that was kept is as good as a new one."""
        if target.stamp is None:
            return
        wrapper = connections[target.alias]
        with explained("database %s cannot be read" % target.clone,
                       server=target.server, wrapper=wrapper):
            found = target.server.read_stamp(wrapper, target.template,
                                             target.clone)
        if found == target.stamp:
            target.state, target.stamped = CLEAN, True
            target.doubtful = True

    def _unstamp(self, target):
        """Before it changes, so that a crash cannot come between."""
        if target.stamped:
            wrapper = connections[target.alias]
            with explained("database %s cannot be marked" % target.clone,
                           server=target.server, wrapper=wrapper):
                target.server.write_stamp(wrapper, target.template,
                                          target.clone, "")
            target.stamped = False

    def used(self, aliases, dirty):
        """A job ran on these. Connections it broke, or left in a transaction,
        are closed. `dirty`: it may have changed what the tables hold.
        Finds out by itself whether tables are missing."""
        for target in self._meant(aliases):
            for alias in target.aliases:
                sessions.mend(connections[alias], target.server)
            if target.state is ABSENT or self._untouched(target):
                continue
            if dirty:
                target.state = DIRTY
                self._unstamp(target)
            if dirty or not connections[target.alias].features \
                    .can_rollback_ddl:
                target.doubtful = True

    def _untouched(self, target):
        """In memory it shows whether this process wrote anything since."""
        return target.server.in_memory and target.state is CLEAN \
            and target.mark == self._mark(target)

    def _mark(self, target):
        return [target.server.mark(connections[alias])
                for alias in target.aliases]

    def opened(self):
        """How many databases were used since the last call, at least. What
        is open is closed, so that to use it again means to open it. One in
        memory counts as used if something was written."""
        opened, self._opened = self._opened, 0
        for target in self._targets:
            if target.server.in_memory:
                mark = self._mark(target)
                opened += mark != target.watched
                target.watched = mark
            else:
                for alias in target.aliases:
                    self._close(alias)
        return opened

    def _hear(self, connection, **more):
        if connection.alias in self._templates.servers:
            self._opened += 1

    # In the process of one job.

    def reconnect(self):
        """Forget connections of the parent; those of this process are new."""
        for alias, server in self._templates.servers.items():
            if not server.in_memory:
                sessions.forget(connections[alias])
        if self._heard is None:
            self._heard = self._hear
            connection_created.connect(self._heard)

    def before_fork(self):
        """Close connections, but for databases in memory."""
        self._templates.close()

    def _close(self, alias):
        sessions.close(connections[alias],
                       self._templates.servers[alias].in_memory)
