"""Modules of the library that the adapter needs and unittest does not.

A suite may have a resource.py of its own, which `python -m unittest` would
find. So these are loaded before the suite's folder is on sys.path, and
forgotten again: whoever imports them later gets what stands first there.
(Modules that are part of the interpreter itself cannot be hidden.)
"""

import os
import sys

_LIBRARY = os.path.dirname(os.__file__)


def _own(name):
    """The library's module. A project that is loaded already may have an
    application by that name, which stays what others find."""
    theirs = sys.modules.pop(name, None)
    if theirs is not None and _is_library(theirs):
        sys.modules[name] = theirs
        return theirs
    path = sys.path
    sys.path = [entry for entry in path if entry == _LIBRARY
                or os.path.basename(entry) == "lib-dynload"]
    try:
        return __import__(name)
    finally:
        sys.path = path
        sys.modules.pop(name, None)
        if theirs is not None:
            sys.modules[name] = theirs


def _is_library(module):
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    if origin == "built-in":
        return True
    folder = os.path.dirname(origin or "")
    return folder in (_LIBRARY, os.path.join(_LIBRARY, "lib-dynload"))


fcntl, mmap, resource, select = map(
    _own, ("fcntl", "mmap", "resource", "select"))

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
