"""The test databases of a build: created, cloned for slots, and dropped.

Nobody else knows names, servers and records. See docs/design/0010-django.md.
Makes itself heard only through what it raises (Unfit) and `say(text)`.
"""

from ...harness import Unfit  # noqa: F401  what everything here may raise


class Databases:
    """One build on one machine; made in the zygote, and kept by forks.

    `build` is its id, `prefix`, `keep` and `bootstrap` are as in `databases`
    of the welcome's options.
    """

    dear = False  # cloning takes so long that kinds of tests go first

    def __init__(self, build, prefix="test", keep=False, bootstrap=False):
        self.build = build
        self.prefix = prefix
        self.keep = keep
        self.bootstrap = bootstrap

    # In the zygote.

    def create(self, runner, aliases, serialized, say):
        """Drop what dead builds left; then make the templates by the runner's
        `setup_databases(aliases=, serialized_aliases=)`, under names of ours.

        Leaves no connection open, but for databases in memory. Raises Unfit;
        after that, and after KeyboardInterrupt, `drop` removes what is there.
        """
        raise NotImplementedError

    def drop(self, runner, say):
        """Remove all that this build made: clones in parallel, then templates
        through the runner's `teardown_databases`. Gives a list of (name,
        reason) of what could not be removed. Idempotent."""
        raise NotImplementedError

    def drop_left(self, build):
        """In a process of its own: remove what a dead owner recorded for this
        build. Gives a list as `drop` does."""
        raise NotImplementedError

    # In a worker.

    def attach(self, slot):
        """All connections point at this slot's clones from here on, whether
        they have been made or not. The clones count as not there."""
        raise NotImplementedError

    def make_clean(self, aliases):
        """Each of these aliases has a clone as the template is. Makes those
        that are not there, or dirty. Raises Unfit."""
        raise NotImplementedError

    def make_sound(self, aliases):
        """As above, for tests that do not mind what is in the tables: a clone
        that is there and whole is left as it is. Raises Unfit."""
        raise NotImplementedError

    def used(self, aliases, dirty):
        """A job ran on these. Connections it broke, or left in a transaction,
        are closed. `dirty`: it may have changed what the tables hold.
        Finds out by itself whether tables are missing."""
        raise NotImplementedError

    def opened(self):
        """How many connections were opened since the last call."""
        raise NotImplementedError

    # In the process of one job.

    def reconnect(self):
        """Forget connections of the parent; those of this process are new."""
        raise NotImplementedError

    def before_fork(self):
        """Close connections, but for databases in memory."""
        raise NotImplementedError
