"""What a job may have changed of Django that the next one relies on.

Jobs share a process under `worker` isolation. A class that ends in the middle
of its fixture leaves its patches behind: they are taken back here.
"""

from django import db
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

__unittest = True

NAMES = ("connections", "connection", "router", "transaction")


class Steady:
    """Made in a worker before its first job."""

    def __init__(self):
        self.names = {name: getattr(db, name, None) for name in NAMES}
        self.ensure = BaseDatabaseWrapper.ensure_connection
        self.wrappers = {alias: connections[alias] for alias in connections}

    def restore(self, classes):
        """After a job of these classes. False: more was changed than can be
        put right, and this process should not run another."""
        whole = True
        for cls in classes:
            if getattr(cls, "_class_cleanups", None):
                cls.doClassCleanups()
        for name, value in self.names.items():
            if getattr(db, name, None) is not value:
                setattr(db, name, value)
                whole = False
        if BaseDatabaseWrapper.ensure_connection is not self.ensure:
            BaseDatabaseWrapper.ensure_connection = self.ensure
            whole = False
        for alias, wrapper in self.wrappers.items():
            if _current(alias) is not wrapper:
                connections[alias] = wrapper
                whole = False
            _free(wrapper)
        return whole


def _current(alias):
    try:
        return connections[alias]
    except Exception:
        return None


def _free(wrapper):
    """Take away what forbids a test to use this connection."""
    for name, value in list(vars(wrapper).items()):
        if type(value).__name__ == "_DatabaseFailure":
            delattr(wrapper, name)
