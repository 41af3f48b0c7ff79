"""Whether tests of which nobody knows what they do used a database.

Connections are closed before, so to use one is to open one; a database in
memory counts by itself how many rows were changed. Works across the fork of a
job's own process.
"""

from django.db import connections
from django.db.backends.signals import connection_created

from ...adapters.own import mmap

__unittest = True


class Watch:
    """Of one worker."""

    def __init__(self):
        self._opened = mmap.mmap(-1, mmap.PAGESIZE)  # shared with forks
        self._memory = {}
        connection_created.connect(self._note, weak=False)

    def _note(self, connection, **kwargs):
        self._opened[0] = 1

    def begin(self, aliases):
        """A job of such tests is about to run."""
        self._opened[0] = 0
        self._memory = {alias: _changes(alias) for alias in aliases
                        if in_memory(alias)}

    def saw_use(self):
        return self._opened[0] != 0 or any(
            _changes(alias) != before
            for alias, before in self._memory.items())


def in_memory(alias):
    wrapper = connections[alias]
    return wrapper.vendor == "sqlite" and wrapper.is_in_memory_db()


def _changes(alias):
    raw = connections[alias].connection
    return None if raw is None else (id(raw), raw.total_changes)
