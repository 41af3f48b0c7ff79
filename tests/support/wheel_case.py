"""TestCases that install mule."""

import os
import re
import tempfile
import unittest

from . import wheel_env
from .wheel_env import ROOT, Place, run


class InFolder(unittest.TestCase):
    """Each test has a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def copy(self, *names):
        """Of the tree, to where nothing else of it is."""
        return wheel_env.copy_tree(os.path.join(ROOT, *names),
                                   os.path.join(self.folder, names[-1]))


class InPlace(InFolder):
    """The tests of a class share an environment, and know a wheel."""

    @classmethod
    def setUpClass(cls):
        wheel_env.has_index()
        cls.wheel = wheel_env.wheel()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.place = Place(os.path.join(folder.name, "venv"))

    def doctor(self, program, **env):
        """{what: what is said of it}"""
        text = run(program, "doctor", status=None, cwd=self.folder,
                   env=wheel_env.environ(**env))
        return dict(re.findall(r"^ *ok +(\S+) +(.*)$", text, re.MULTILINE))
