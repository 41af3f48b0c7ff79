"""Where mule's native program is."""

import os
import sys


def find():
    """Path of the program, or None.

    What MULE_BINARY says. Else beside this interpreter, where an installed
    package has it; then in the build folder of the source tree this package
    lies in; then on PATH.
    """
    named = os.environ.get("MULE_BINARY")
    if named:
        return named if is_native(named) else None
    here = os.path.dirname(os.path.abspath(__file__))
    folders = [os.path.dirname(sys.executable or ""),
               os.path.join(os.path.dirname(os.path.dirname(here)), "build")]
    folders += os.environ.get("PATH", "").split(os.pathsep)
    for folder in folders:
        path = os.path.join(folder, "mule")
        if folder and is_native(path):
            return path
    return None


def is_native(path):
    """A program, and not a script that would start this package again."""
    try:
        if not os.access(path, os.X_OK):
            return False
        with open(path, "rb") as file:
            return file.read(2) not in (b"#!", b"")
    except OSError:
        return False


def start(arguments):
    """Become the program. It takes this interpreter unless told otherwise."""
    path = find()
    if path is None:
        sys.exit("mule: the program was not found beside %s nor on PATH\n"
                 "mule: hint: install mule, or build it with `make build`"
                 % (sys.executable or "this interpreter"))
    os.environ.setdefault("MULE_PYTHON", sys.executable)
    sys.stdout.flush()
    os.execv(path, [path] + list(arguments))
