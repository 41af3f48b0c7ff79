"""Where mule's native program is."""

import os
import sys


def find():
    """Path of the program, or None.

    What MULE_BINARY says. Else the one that was installed, or built, together
    with this package; then beside this interpreter; then on PATH.
    """
    named = os.environ.get("MULE_BINARY")
    if named:
        return named if is_native(named) else None
    folders = _own_folders() + [os.path.dirname(sys.executable or "")]
    folders += os.environ.get("PATH", "").split(os.pathsep)
    for folder in folders:
        path = os.path.join(folder, "mule")
        if folder and is_native(path):
            return path
    return None


def _own_folders():
    """Where a program lies that came with this package."""
    place = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    above = os.path.dirname(place)
    if os.path.basename(place) in ("site-packages", "dist-packages"):
        # PREFIX/lib/python3.X/site-packages
        return [os.path.join(os.path.dirname(os.path.dirname(above)), "bin")]
    if place.endswith("/share/mule/python"):
        return [os.path.join(os.path.dirname(os.path.dirname(above)), "bin")]
    if os.path.basename(place) == "python":
        # The source tree; the second is of `pip install --editable`.
        own = "cp%d%d" % sys.version_info[:2]
        return [os.path.join(above, "build"),
                os.path.join(above, "build", own)]
    return [os.path.join(place, "bin")]  # pip install --target


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
                 "mule: hint: install mule anew, or build it with `make build`"
                 % (sys.executable or "this interpreter"))
    os.environ.setdefault("MULE_PYTHON", sys.executable)
    sys.stdout.flush()
    os.execv(path, [path] + list(arguments))
