"""The wheel of this tree, and environments that know nothing of the tree.

    wheel_env.wheel()             path of the wheel that `make wheel` makes
    wheel_env.Place()             a folder with a virtual environment
    wheel_env.run("meson", ...)   as from a stranger's shell

Needs the Python package index, as pip does. Without it, or without the
licenses that go into a wheel, the tests that ask are skipped, or fail where
CI=true.
"""

import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.dirname(os.path.abspath(
    os.environ.get("MULE_BINARY") or os.path.join(ROOT, "build", "mule")))
PATIENCE = 600

# What a wheel is made of.
SOURCES = ("LICENSE", "README.md", "dist", "docs", "meson.build",
           "meson_options.txt", "pyproject.toml", "python", "src",
           "tools/make_wheel")

# What a stranger has not: anything that leads to this tree or changes Python.
UNWANTED = re.compile(r"MULE|PYTHON|VIRTUAL_ENV|PYENV_|PATH$|COVERAGE|CI$|"
                      r"GITHUB_|DJANGO|SSL_CERT|MAKE|MFLAGS|TEST$|WORKSPACE$|"
                      r"BUILD_ID$|SOURCE_DATE_EPOCH$|LD_|CC$|PKG_CONFIG")
PATH = "/usr/local/bin:/usr/bin:/bin"


def environ(**more):
    kept = {name: value for name, value in os.environ.items()
            if not UNWANTED.match(name)}
    return dict(kept, PATH=PATH, **more)


def run(*words, status=0, cwd="/", env=None):
    """Its output, both streams; a status of None: any."""
    done = subprocess.run(
        words, cwd=cwd, env=environ() if env is None else env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=PATIENCE, text=True,
        errors="replace")
    if status is not None and done.returncode != status:
        raise AssertionError("%s\nended with %d:\n%s" % (
            " ".join(words), done.returncode, done.stdout))
    return done.stdout


def python():
    """The interpreter of this run, and no shim that stands for it."""
    return os.path.realpath(sys.executable)


class Place:
    """A new virtual environment, in a folder to be given. `pip` is that of
    the environment, or without one of its own that of its maker."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = os.path.join(folder, "bin")
        self.python = os.path.join(self.bin, "python")
        run(python(), "-m", "venv", folder)

    def program(self, name):
        return os.path.join(self.bin, name)

    def pip(self, *words, **kwargs):
        return run(self.python, "-m", "pip", "--disable-pip-version-check",
                   "--no-input", *words, **kwargs)

    def files(self):
        """All that is there, less what Python leaves behind when it runs."""
        return {os.path.relpath(os.path.join(place, name), self.folder)
                for place, _, names in os.walk(self.folder) for name in names
                if "__pycache__" not in place}

    def site_packages(self):
        found, = glob.glob(os.path.join(self.folder, "lib", "python3.*",
                                        "site-packages"))
        return found


def has_index():
    """Skips where pip can get nothing, as on a machine without a network."""
    if os.environ.get("CI") == "true":
        return
    try:
        wheel()
    except AssertionError as error:
        raise unittest.SkipTest(
            "no wheel: " + str(error).strip().splitlines()[-1]) from error


def wheel():
    """It is made once for each state of the sources, and kept beside the
    program that is tested."""
    place = os.path.join(BUILD, "wheel")
    os.makedirs(place, exist_ok=True)
    with open(place + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = os.path.join(place, "digest")
        wanted = digest()
        found = glob.glob(os.path.join(place, "*.whl"))
        if len(found) == 1 and _read(stamp) == wanted:
            return found[0]
        make_wheel(ROOT, place)
        with open(stamp, "w") as file:
            file.write(wanted)
        found, = glob.glob(os.path.join(place, "*.whl"))
        return found


def make_wheel(tree, place):
    """As `make wheel` does, with dates that depend on nothing."""
    run(python(), os.path.join(tree, "tools", "make_wheel"), place, cwd=tree,
        env=environ(SOURCE_DATE_EPOCH="1700000000"))


def digest():
    total = hashlib.sha256()
    for name in SOURCES:
        path = os.path.join(ROOT, name)
        files = [path] if os.path.isfile(path) else sorted(
            os.path.join(folder, file) for folder, _, files in os.walk(path)
            for file in files if not file.endswith(".pyc"))
        for file in files:
            with open(file, "rb") as data:
                known_as = os.path.relpath(file, ROOT).encode()
                total.update(known_as + b"\0" + data.read() + b"\0")
    return total.hexdigest()


def _read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def copy_tree(source, target):
    shutil.copytree(source, target,
                    ignore=shutil.ignore_patterns("__pycache__"))
    return target
