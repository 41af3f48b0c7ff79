"""Modules of the library that the adapter needs and unittest does not.

A suite may have a resource.py of its own, which `python -m unittest` would
find. So these are loaded before the suite's folder is on sys.path, and
forgotten again: whoever imports them later gets what stands first there.
(Modules that are part of the interpreter itself cannot be hidden.)
"""

import os
import sys

_before = set(sys.modules)

import fcntl  # noqa: E402
import mmap  # noqa: E402
import resource  # noqa: E402
import select  # noqa: E402

for _name in ("fcntl", "mmap", "resource", "select"):
    if _name not in _before:
        del sys.modules[_name]

_wait4 = os.wait4


def wait4(pid, options):
    """os.wait4, which looks for a module by the name of `resource`."""
    theirs = sys.modules.get("resource")
    sys.modules["resource"] = resource
    try:
        return _wait4(pid, options)
    finally:
        if theirs is None:
            del sys.modules["resource"]
        else:
            sys.modules["resource"] = theirs


__all__ = ["fcntl", "mmap", "resource", "select", "wait4"]
