"""Connections of this thread, whatever state tests have left them in.

Django protects a connection that is inside of a transaction from being
closed; what is here does not mind. A database in memory lives as long as a
connection to it, so that these are never closed, only rolled back.
"""

import contextlib

__unittest = True

# Connections of a parent. They are never closed and never collected: some
# drivers say goodbye to the server in either case, on the parent's behalf.
_foreign = []


def reset(wrapper):
    """As a connection is that was never used."""
    wrapper.in_atomic_block = False
    wrapper.savepoint_ids = []
    if hasattr(wrapper, "atomic_blocks"):
        wrapper.atomic_blocks = []
    wrapper.needs_rollback = False
    wrapper.closed_in_transaction = False
    wrapper.errors_occurred = False
    wrapper.run_on_commit = []


def close(wrapper, in_memory):
    """The next use opens it."""
    reset(wrapper)
    if in_memory:
        raw = wrapper.connection
        if raw is not None and raw.in_transaction:
            raw.rollback()
        return
    with contextlib.suppress(Exception):
        wrapper.close()
    wrapper.connection = None
    if hasattr(wrapper, "close_pool"):
        with contextlib.suppress(Exception):
            wrapper.close_pool()


def destroy(wrapper):
    """Even if the database goes with it."""
    reset(wrapper)
    raw, wrapper.connection = wrapper.connection, None
    if raw is not None:
        raw.close()


def forget(wrapper):
    """It is the parent's: neither used nor closed here."""
    if wrapper.connection is not None:
        _foreign.append(wrapper.connection)
        wrapper.connection = None
    reset(wrapper)
    pools = getattr(wrapper, "_connection_pools", None)
    if pools:
        _foreign.append(pools.pop(wrapper.alias, None))


def mend(wrapper, server):
    """Open and idle, it stays; otherwise it is closed."""
    if wrapper.connection is None and not wrapper.closed_in_transaction:
        return
    try:
        if _is_sound(wrapper):
            wrapper.errors_occurred = False
            server.settle(wrapper)
            return
    except Exception:
        pass
    close(wrapper, server.in_memory)


def _is_sound(wrapper):
    if wrapper.closed_in_transaction or wrapper.in_atomic_block:
        return False
    if wrapper.autocommit != wrapper.settings_dict["AUTOCOMMIT"]:
        return False
    return not wrapper.errors_occurred or wrapper.is_usable()
