"""From source: what pip makes of the tree, and what it says where it cannot."""

import glob
import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from support import wheel_env
from support.wheel_case import InFolder
from support.wheel_env import ROOT, Place, run

PC_PATH = subprocess.run(
    ["pkg-config", "--variable=pc_path", "pkg-config"],
    stdout=subprocess.PIPE, text=True).stdout.strip().split(":")


class WithPip(InFolder):

    @classmethod
    def setUpClass(cls):
        wheel_env.has_index()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.place = Place(os.path.join(folder.name, "venv"))

    def test_pip_install_takes_the_libraries_of_the_machine(self):
        # Unoptimized, as this is about what is installed.
        self.place.pip("install", ROOT,
                       "--config-settings=setup-args=-Doptimization=0")
        mule = self.place.program("mule")
        self.assertIn("libuv", run("ldd", mule))
        suite = self.copy("examples", "unittest")
        self.assertRegex(run(mule, "test", cwd=suite),
                         r"(?m)^\d+ selected = [1-9]\d* passed \+ 0 failed")
        name, = glob.glob(os.path.join(self.place.site_packages(),
                                       "mule-*.dist-info/WHEEL"))
        with open(name) as file:
            self.assertRegex(file.read(), r"(?m)^Tag: py3-none-linux_\w+$")

    def test_without_a_library_pip_says_what_to_install(self):
        said = self.place.pip("install", ROOT, status=1, env=wheel_env.environ(
            PKG_CONFIG_LIBDIR=hide(self.folder, "jansson")))
        self.assertIn("mule needs jansson >=2.13: "
                      "sudo apt install libjansson-dev\n", said)


@unittest.skipUnless(os.path.exists(os.path.join(ROOT, ".git")),
                     "not a checkout of git")
class SourceDistribution(InFolder):

    def test_it_makes_the_same_wheel_byte_for_byte(self):
        wheel_env.has_index()
        changed = run("git", "-C", ROOT, "status", "--porcelain", "--",
                      *wheel_env.SOURCES)
        if changed:
            self.skipTest("what is not committed is not packed")
        place = Place(os.path.join(self.folder, "venv"))
        place.pip("install", "build")
        run(place.python, "-m", "build", "--sdist", "--outdir", self.folder,
            ROOT)
        archive, = glob.glob(os.path.join(self.folder, "mule-*.tar.gz"))
        with tarfile.open(archive) as tar:
            tar.extractall(self.folder)
        tree = archive[:-len(".tar.gz")]
        out = os.path.join(self.folder, "out")
        wheel_env.make_wheel(tree, out)
        made, = glob.glob(os.path.join(out, "*.whl"))
        with open(made, "rb") as ours, open(wheel_env.wheel(), "rb") as first:
            self.assertEqual(os.path.basename(made),
                             os.path.basename(first.name))
            self.assertEqual(ours.read(), first.read())


def hide(folder, *names):
    """A folder that pkg-config has in place of its own, where these are not
    known."""
    place = os.path.join(folder, "pkgconfig")
    os.makedirs(place, exist_ok=True)
    for source in PC_PATH:
        for path in glob.glob(os.path.join(source, "*.pc")):
            name = os.path.basename(path)
            target = os.path.join(place, name)
            if name[:-3] not in names and not os.path.lexists(target):
                os.symlink(path, target)
    return place


class Missing(InFolder):
    """`meson setup`, where something is not there."""

    def setup(self, *words, **env):
        environ = wheel_env.environ()
        # Wherever these are: what is hidden is hidden by what is said here.
        environ["PATH"] += os.pathsep + os.path.dirname(shutil.which("meson"))
        environ.update(env)
        return run(shutil.which("meson"), "setup", *words, "build", ROOT,
                   status=None, cwd=self.folder, env=environ)

    def only(self, *names):
        """A PATH with nothing but these."""
        place = os.path.join(self.folder, "bin")
        os.makedirs(place)
        # The shell with which wrappers of programs begin, and what they ask.
        for name in ("sh", "env", "bash", "dirname", "printenv", *names):
            path = shutil.which(name)
            if path:
                os.symlink(path, os.path.join(place, name))
        os.symlink(wheel_env.python(), os.path.join(place, "python3"))
        return place

    def test_all_libraries_are_named_at_once(self):
        said = self.setup(PKG_CONFIG_LIBDIR=hide(
            self.folder, "libuv", "hiredis"))
        self.assertIn("mule needs libuv >=1.40, hiredis >=0.14: "
                      "sudo apt install libuv1-dev libhiredis-dev\n", said)

    def test_what_is_linked_in_is_looked_for_too(self):
        said = self.setup("-Dbundled=true", PKG_CONFIG_LIBDIR=hide(
            self.folder, "libuv-static"))
        self.assertIn("mule needs libuv >=1.40: sudo apt install libuv1-dev\n",
                      said)

    def test_a_library_that_is_too_old_is_missing(self):
        place = hide(self.folder, "jansson")
        with open(os.path.join(place, "jansson.pc"), "w") as file:
            file.write("Name: jansson\nDescription: old\nVersion: 2.1\n"
                       "Libs: -ljansson\n")
        said = self.setup(PKG_CONFIG_LIBDIR=place)
        self.assertIn("mule needs jansson >=2.13: "
                      "sudo apt install libjansson-dev\n", said)

    def test_without_a_compiler(self):
        said = self.setup(PATH=self.only("ninja", "pkg-config", "ld"))
        self.assertIn("mule needs a C compiler, libuv >=1.40, ", said)
        self.assertIn(": sudo apt install gcc libc6-dev libuv1-dev "
                      "libjansson-dev libyaml-dev libexpat1-dev libhiredis-dev "
                      "librabbitmq-dev libssl-dev libsqlite3-dev "
                      "libzstd-dev\n", said)

    def test_without_ninja(self):
        place = self.only("cc", "gcc", "ld", "as", "ar", "pkg-config")
        said = self.setup(PATH=place)
        self.assertIn("mule needs ninja: sudo apt install ninja-build\n", said)
        # Whoever brings one says so.
        ninja = os.path.realpath(shutil.which("ninja"))
        said = self.setup(PATH=place, NINJA=ninja, PKG_CONFIG_LIBDIR=hide(
            self.folder, "expat"))
        self.assertIn("mule needs expat >=2.2: "
                      "sudo apt install libexpat1-dev\n", said)

    def test_without_pkg_config(self):
        said = self.setup(PATH=self.only("cc", "gcc", "ld", "as", "ar",
                                         "ninja"))
        self.assertIn("mule needs pkg-config, libuv >=1.40, ", said)
        self.assertIn(": sudo apt install pkg-config libuv1-dev ", said)


if __name__ == "__main__":
    unittest.main()
