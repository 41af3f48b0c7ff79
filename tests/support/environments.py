"""Virtual environments from the Python package index.

They are made at first use and kept in the folder build, whichever program is
tested. Needs the index once. Without it the tests that ask are skipped, or fail where
CI=true.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")


class Environments:
    """A kind of them: `wanted` are lists of requirements by name, and
    `newest` is the newest Python (two numbers) that some of them run with."""

    def __init__(self, kind, wanted, newest=None):
        self.kind = kind
        self.wanted = wanted
        self.newest = newest or {}

    def python(self, name):
        """The interpreter of an environment, which is made if need be."""
        try:
            return os.path.join(self.folder(name), "bin", "python")
        except (OSError, subprocess.SubprocessError) as error:
            if os.environ.get("CI") == "true":
                raise
            raise unittest.SkipTest(
                f"no {self.kind} from the package index: {error}") from error

    def folder(self, name):
        """Where the environment is. Tests that run at once make it once."""
        base = self._base(name)
        wanted = "\n".join([base, *self.wanted[name]])
        digest = hashlib.sha256(wanted.encode()).hexdigest()[:12]
        place = os.path.join(BUILD, self.kind.lower(), f"{name}-{digest}")
        if os.path.isdir(place):
            return place
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.isdir(place):
                _make(base, place, self.wanted[name])
        return place

    def _base(self, name):
        """The interpreter to make it with: this one, or an older one."""
        newest = self.newest.get(name)
        if newest is None or sys.version_info[:2] <= newest:
            return sys.executable
        names = [f"python3.{minor}" for minor in range(newest[1], 8, -1)]
        for path in filter(None, map(shutil.which, [*names, "python3"])):
            version = subprocess.run(
                [path, "-c", "import sys; print(sys.version_info[:2] <= %r)"
                 % (newest,)], stdout=subprocess.PIPE)
            if version.stdout.strip() == b"True":
                return path
        raise OSError("there is no Python that is old enough for %s" % name)


def _make(base, place, requirements):
    """It gets its name last, so that half of one is never taken."""
    shutil.rmtree(place + ".new", ignore_errors=True)
    _run(base, "-m", "venv", "--copies", place + ".new")
    _run(os.path.join(place + ".new", "bin", "python"), "-m", "pip",
         "--disable-pip-version-check", "--no-input", "install", "--quiet",
         *requirements)
    _relocate(place + ".new", place)
    os.rename(place + ".new", place)


def _relocate(old, new):
    """Scripts name the interpreter of the folder they were made in."""
    scripts = os.path.join(old, "bin")
    for name in os.listdir(scripts):
        path = os.path.join(scripts, name)
        if os.path.islink(path) or name.startswith("python"):
            continue
        with open(path, "rb") as file:
            text = file.read()
        with open(path, "wb") as file:
            file.write(text.replace(old.encode(), new.encode()))


def _run(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=600)
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip()
        raise OSError(f"{words[0]} ended with {done.returncode}: "
                      f"{said.splitlines()[-1] if said else 'silently'}")
