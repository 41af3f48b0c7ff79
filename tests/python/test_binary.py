"""Which native program the package takes."""

import os
import sys
import tempfile
import unittest
import unittest.mock

try:
    from driver import ROOT
except ImportError:
    from .driver import ROOT

sys.path.insert(0, os.path.join(ROOT, "python"))
try:
    from mule import binary
finally:
    del sys.path[0]


class Find(unittest.TestCase):

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name

    def make(self, name, text="\x7fELF"):
        path = os.path.join(self.place, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def find(self, package, **environ):
        """As from the package in that folder."""
        places = unittest.mock.patch.multiple(
            sys, executable=os.path.join(self.place, "other/bin/python"))
        file = os.path.join(self.place, package, "mule/binary.py")
        environ = dict({"PATH": ""}, **environ)
        with places, unittest.mock.patch.dict(os.environ, environ, clear=True):
            with unittest.mock.patch.object(binary, "__file__", file):
                return binary.find()

    def test_of_its_own_installation(self):
        self.make("other/bin/mule")
        own = self.make("p/bin/mule")
        for package in ("p/lib/python3.11/site-packages", "p/share/mule/python",
                        "p/lib/pypy3.10/site-packages", "p",
                        "p/lib/python3.11/dist-packages"):
            with self.subTest(package):
                self.assertEqual(self.find(package), own)

    def test_of_its_own_source_tree(self):
        self.make("other/bin/mule")
        editable = self.make("p/build/cp%d%d/mule" % sys.version_info[:2])
        self.assertEqual(self.find("p/python"), editable)
        built = self.make("p/build/mule")
        self.assertEqual(self.find("p/python"), built)

    def test_beside_the_interpreter_and_on_path(self):
        on_path = self.make("somewhere/mule")
        path = os.pathsep.join(["", os.path.dirname(on_path)])
        self.assertEqual(self.find("p/python", PATH=path), on_path)
        beside = self.make("other/bin/mule")
        self.assertEqual(self.find("p/python", PATH=path), beside)

    def test_a_script_is_passed_over(self):
        self.make("p/bin/mule", "#!/usr/bin/python3\n")
        self.assertIsNone(self.find("p/share/mule/python"))

    def test_what_the_variable_names_or_none(self):
        self.make("p/bin/mule")
        named = self.make("named")
        package = "p/share/mule/python"
        self.assertEqual(self.find(package, MULE_BINARY=named), named)
        self.assertIsNone(self.find(package, MULE_BINARY="/nowhere/mule"))


if __name__ == "__main__":
    unittest.main()
