"""The runners that mule is measured beside, as far as they are here."""

import os
import shutil
import subprocess

PACKAGES = ("pytest", "pytest-xdist", "stestr", "celery[redis]")


class Peers:
    """Finds programs; those of Python live in an environment of their own."""

    def __init__(self, root, python, packages=PACKAGES, name="venv"):
        self.folder = os.path.join(root, name)
        self.python = python
        self.packages = packages
        self.missing = []

    def prepare(self):
        """Installs the Python ones unless they are there; may fail."""
        if os.path.exists(os.path.join(self.folder, "complete")):
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        steps = ([self.python, "-m", "venv", self.folder],
                 [os.path.join(self.folder, "bin", "pip"), "install", "-q",
                  "--disable-pip-version-check", *self.packages])
        for step in steps:
            done = subprocess.run(step, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                print(f"bench: {' '.join(step)}: {done.stdout.strip()[-300:]}")
                return
        open(os.path.join(self.folder, "complete"), "w").close()

    def find(self, name):
        """Path of a program, or None and a word about it at the end."""
        own = os.path.join(self.folder, "bin", name)
        path = own if os.path.exists(own) else shutil.which(name)
        if path is None and name not in self.missing:
            self.missing.append(name)
        return path

    def python_module(self, module):
        """The interpreter that has that module, or None."""
        python = os.path.join(self.folder, "bin", "python")
        if os.path.exists(python) and subprocess.run(
                [python, "-c", f"import {module}"], stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL).returncode == 0:
            return python
        if module not in self.missing:
            self.missing.append(module)
        return None

    def env(self):
        """Additions to the environment for programs of the environment."""
        return {"PATH": os.path.join(self.folder, "bin") + os.pathsep
                + os.environ.get("PATH", "")}
