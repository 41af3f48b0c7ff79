"""Django's release archive, and an environment that its tests run in.

Both are fetched from the Python package index at first use, into a folder
below the build folder, and found there ever after. Nothing of them is part of
the repository.
"""

import hashlib
import os
import shutil
import subprocess
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(os.path.dirname(HERE), "tests", "compare",
                            "django-5.2-requirements.txt")
NAME = "django-5.2.19"
LEFT_OUT = ("gis_tests", "import_error_package", "test_runner_apps")
ARCHIVE = ("Django==5.2.19 --hash=sha256:"
           "ad03d8abc51dbff95ebf34b27123cf0c26a3b62db7ba0cd520783686362533d1")


class Unavailable(Exception):
    """Neither here nor at the index."""


class Archive:
    """`tests` is the folder of its tests, `python` an interpreter."""

    def __init__(self, base, folder):
        self.base = base
        self.folder = os.path.abspath(folder)
        self.root = os.path.join(self.folder, NAME)
        self.tests = os.path.join(self.root, "tests")
        os.makedirs(self.folder, exist_ok=True)
        if not os.path.isdir(self.root):
            self._unpack()
        with open(REQUIREMENTS) as file:
            wanted = file.read()
        digest = hashlib.sha256(f"{base}\n{wanted}".encode()).hexdigest()
        environment = os.path.join(self.folder, f"python-{digest[:12]}")
        self.python = os.path.join(environment, "bin", "python")
        if not os.path.exists(os.path.join(environment, "complete")):
            self._furnish(environment)

    def folders(self):
        """The names of all folders that hold tests, as runtests.py has it
        where no database is a geographic one."""
        return sorted(
            name for name in os.listdir(self.tests) if name not in LEFT_OUT
            and os.path.exists(os.path.join(self.tests, name, "__init__.py")))

    def _unpack(self):
        wanted = os.path.join(self.folder, "archive.txt")
        with open(wanted, "w") as file:
            file.write(ARCHIVE + "\n")
        self._run(self.base, "-m", "pip", "download", "--no-deps", "--quiet",
                  "--disable-pip-version-check", "--no-binary", ":all:",
                  "--dest", self.folder, "--requirement", wanted)
        fresh = self.root + ".new"
        shutil.rmtree(fresh, ignore_errors=True)
        with tarfile.open(self.root + ".tar.gz") as packed:
            packed.extractall(fresh)
        os.rename(os.path.join(fresh, NAME), self.root)
        os.rmdir(fresh)

    def _furnish(self, environment):
        """As `pip install -e` of the archive and of what its tests use."""
        shutil.rmtree(environment, ignore_errors=True)
        self._run(self.base, "-m", "venv", environment)
        self._run(self.python, "-m", "pip", "install", "--quiet", "--no-input",
                  "--disable-pip-version-check", "--only-binary", ":all:",
                  "--requirement", REQUIREMENTS)
        found = subprocess.run(
            [self.python, "-c",
             "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        with open(os.path.join(found, "django-of-archive.pth"), "w") as file:
            file.write(self.root + "\n")
        open(os.path.join(environment, "complete"), "w").close()

    def _run(self, *words):
        done = subprocess.run(words, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            said = done.stdout.strip().splitlines() or ["silently"]
            raise Unavailable(f"{' '.join(words[1:4])} ended with "
                              f"{done.returncode}: {said[-1]}")
