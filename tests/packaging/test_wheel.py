"""A wheel in a clean virtual environment: all of mule, and nothing else."""

import base64
import csv
import glob
import hashlib
import os
import re
import socket
import ssl
import subprocess
import threading
import unittest
import zipfile

from support import wheel_env
from support.wheel_case import InPlace
from support.wheel_env import ROOT, run

# What is linked in, as doctor and the licenses have it.
LIBRARIES = ("libuv", "jansson", "libyaml", "expat", "hiredis", "rabbitmq-c",
             "openssl", "sqlite", "zstd")


class Installed(InPlace):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.place.pip("install", cls.wheel)
        cls.mule = cls.place.program("mule")

    def test_it_runs_a_suite(self):
        suite = self.copy("examples", "unittest")
        self.assertRegex(run(self.mule, "test", cwd=suite),
                         r"(?m)^\d+ selected = [1-9]\d* passed \+ 0 failed")

    def test_program_package_and_interpreter_are_of_one_installation(self):
        said = self.doctor(self.mule)
        self.assertEqual(said["package"],
                         os.path.join(self.place.site_packages(), "mule"))
        self.assertTrue(said["mule"].endswith(", " + self.mule), said["mule"])
        self.assertIn(self.place.bin + "/python", said["python"])

    def test_no_library_of_the_machine_is_used_but_glibc(self):
        log = os.path.join(self.folder, "log")
        with subprocess.Popen(
                [self.mule, "doctor"], cwd=self.folder, env=wheel_env.environ(
                    LD_DEBUG="libs", LD_DEBUG_OUTPUT=log),
                stdout=subprocess.PIPE, text=True) as mule:
            said = mule.communicate()[0]
        with open("%s.%d" % (log, mule.pid)) as file:
            asked = set(re.findall(r"find library=(\S+)", file.read()))
        self.assertIn("libc.so.6", asked)
        self.assertLessEqual(asked, {"libc.so.6", "libm.so.6"})
        for name in LIBRARIES:
            self.assertRegex(said, r"(?m)^ *ok +%s +\S+, linked in$" % name)

    def test_the_package_starts_the_program(self):
        version = run(self.mule, "--version")
        self.assertRegex(version, r"^mule \d+\.\d+")
        said = run(self.place.python, "-m", "mule", "--version")
        self.assertEqual(said, version)
        # Also where another mule is on PATH and is not meant.
        said = run(self.place.python, "-c", "import mule.binary as b; "
                   "print(b.find())").strip()
        self.assertEqual(said, self.mule)

    def test_there_is_one_version(self):
        with open(os.path.join(ROOT, "meson.build")) as file:
            version = re.search(r"version: '(.*?)'", file.read()).group(1)
        said = run(self.place.python, "-c", "import importlib.metadata, mule; "
                   "print(importlib.metadata.version('mule'), "
                   "mule.__version__)")
        self.assertEqual(said.split(), [version, version])
        self.assertIn(version, os.path.basename(self.wheel))
        self.assertIn(version, run(self.mule, "--version"))

    def test_pip_has_nothing_to_complain_of(self):
        self.assertIn("No broken requirements", self.place.pip("check"))

    def test_manual_documents_and_service_are_there(self):
        share = os.path.join(self.place.folder, "share")
        for name in ("man/man1/mule.1", "doc/mule/mule-worker.service"):
            with self.subTest(name):
                self.assertTrue(os.path.isfile(os.path.join(share, name)))
        docs = self.doctor(self.mule)["docs"]
        self.assertEqual(docs, os.path.join(share, "doc", "mule", "docs"))
        for path in glob.glob(os.path.join(docs, "**", "*.md"), recursive=True):
            with open(path) as file:
                links = re.findall(r"\]\((?!https?:)([^)#]+)", file.read())
            for link in links:
                with self.subTest(path=path, link=link):
                    self.assertTrue(os.path.exists(os.path.join(
                        os.path.dirname(path), link)))

    def test_tls_works_with_the_openssl_that_is_linked_in(self):
        certificate = os.path.join(self.folder, "certificate.pem")
        key = os.path.join(self.folder, "key.pem")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-keyout", key, "-out", certificate, "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost")
        server = TLSServer(certificate, key)
        self.addCleanup(server.close)
        url = "rediss://localhost:%d/0" % server.port
        said = run(self.mule, "doctor", "--broker", url, status=None,
                   cwd=self.folder)
        self.assertIn("certificate is not trusted", said)
        self.assertEqual(server.hands_shaken, 0)
        run(self.mule, "doctor", "--broker", url, status=None, cwd=self.folder,
            env=wheel_env.environ(SSL_CERT_FILE=certificate))
        self.assertGreater(server.hands_shaken, 0)


class TLSServer:
    """Shakes hands, counts, and hangs up."""

    def __init__(self, certificate, key):
        self.hands_shaken = 0
        self.closed = False
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while not self.closed:
            peer, _ = self.socket.accept()
            peer.settimeout(20)
            try:
                with self.context.wrap_socket(peer, server_side=True) as up:
                    # Whoever trusts us has something to say.
                    if up.recv(1):
                        self.hands_shaken += 1
            except OSError:
                peer.close()

    def close(self):
        self.closed = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.thread.join()
        self.socket.close()


class Elsewhere(InPlace):
    """Not in a virtual environment, and gone again."""

    def check(self, folder, site_packages, *words, **env):
        self.place.pip("install", "--no-deps", *words, self.wheel,
                       env=wheel_env.environ(**env))
        said = self.doctor(os.path.join(folder, "bin", "mule"))
        package, = glob.glob(os.path.normpath(
            os.path.join(folder, site_packages, "mule")))
        self.assertEqual(said["package"], package)

    def test_for_one_user(self):
        # The --user of pip is refused in a virtual environment; the same
        # scheme, for the interpreter that made it.
        base = os.path.join(self.folder, "user")
        run(self.place.python, "-m", "pip", "--disable-pip-version-check",
            "--python", wheel_env.python(), "install", "--user", "--no-deps",
            "--break-system-packages", self.wheel,
            env=wheel_env.environ(PYTHONUSERBASE=base))
        said = self.doctor(os.path.join(base, "bin", "mule"))
        package, = glob.glob(os.path.join(base, "lib/python3*/*-packages/mule"))
        self.assertEqual(said["package"], package)
        said = run(wheel_env.python(), "-m", "mule", "--version",
                   env=wheel_env.environ(PYTHONUSERBASE=base))
        self.assertRegex(said, "^mule ")

    def test_into_a_folder(self):
        folder = os.path.join(self.folder, "target")
        self.check(folder, ".", "--target", folder)

    def test_into_a_prefix(self):
        folder = os.path.join(self.folder, "prefix")
        self.check(folder, "lib/python3*/site-packages", "--prefix", folder)

    def test_uninstalling_leaves_nothing(self):
        before = self.place.files()
        self.place.pip("install", self.wheel)
        self.assertGreater(len(self.place.files() - before), 40)
        # Having run, too.
        suite = self.copy("examples", "unittest")
        run(self.place.program("mule"), "test", cwd=suite)
        self.place.pip("uninstall", "--yes", "mule")
        self.assertEqual(self.place.files(), before)
        left = glob.glob(os.path.join(self.place.folder, "**", "*mule*"),
                         recursive=True)
        self.assertEqual(left, [])


class Content(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        wheel_env.has_index()
        cls.path = wheel_env.wheel()
        cls.wheel = zipfile.ZipFile(cls.path)
        cls.addClassCleanup(cls.wheel.close)
        cls.names = cls.wheel.namelist()

    def read(self, end):
        name, = [x for x in self.names if x.endswith(end)]
        return self.wheel.read(name)

    def test_the_record_is_right(self):
        rows = list(csv.reader(
            self.read(".dist-info/RECORD").decode().splitlines()))
        self.assertEqual(sorted(row[0] for row in rows), sorted(self.names))
        for name, digest, size in rows:
            if name.endswith("/RECORD"):
                continue
            data = self.wheel.read(name)
            found = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
            self.assertEqual(digest, "sha256=" + found.decode().rstrip("="))
            self.assertEqual(int(size), len(data))

    def test_the_name_says_what_machines_it_runs_on(self):
        tag = re.search(r"-(py3-none-manylinux_(\d+)_(\d+)_\w+)[.]whl$",
                        self.path)
        self.assertIsNotNone(tag, self.path)
        self.assertIn("\nTag: %s\n" % tag.group(1),
                      self.read(".dist-info/WHEEL").decode())
        program = self.read("scripts/mule")
        asked = re.findall(rb"\0GLIBC_(\d+)\.(\d+)", program)
        newest = max((int(major), int(minor)) for major, minor in asked)
        self.assertEqual(newest, (int(tag.group(2)), int(tag.group(3))))

    def test_the_licenses_of_what_is_linked_in_go_with_it(self):
        metadata = self.read(".dist-info/METADATA").decode()
        self.assertIn("Apache License", self.read("licenses/LICENSE").decode())
        for library in LIBRARIES:
            with self.subTest(library):
                name = "linked/%s.txt" % library
                self.assertIn("\nLicense-File: %s\n" % name, metadata)
                self.assertRegex(self.read("/licenses/" + name).decode(),
                                 "Copyright")

    def test_all_of_the_package_and_nothing_else(self):
        base = os.path.join(ROOT, "python")
        wanted = {os.path.relpath(os.path.join(place, name), base)
                  for place, _, names in os.walk(base) for name in names
                  if not name.endswith(".pyc")}
        found = {x.split("/", 2)[2] for x in self.names if "/purelib/" in x}
        self.assertEqual(found, wanted)
        self.assertEqual([x for x in self.names if "__pycache__" in x], [])

    def test_nothing_of_the_machine_that_built_it(self):
        program = self.read("scripts/mule")
        for path in (ROOT, os.path.expanduser("~/"), ".mesonpy-"):
            self.assertNotIn(path.encode(), program)


class Worker(InPlace):
    """mule.tasks needs Celery, which is not mule's to bring."""

    def test_celery_finds_the_tasks(self):
        self.place.pip("install", self.wheel + "[celery]")
        said = run(self.place.python, "-c", "import mule.tasks; "
                   "print(sorted(x for x in mule.tasks.app.tasks "
                   "if x.startswith('mule.')))")
        self.assertEqual(said.strip(), "['mule.provision', 'mule.run_test']")


if __name__ == "__main__":
    unittest.main()
