"""Where an engine's sources come from: git, or an archive in pieces.

The archives are made by Python's tarfile, which knows nothing of mule.
"""

import base64
import hashlib
import io
import os
import subprocess
import tarfile

from support.engine_case import EngineCase, order
from support.mule_case import CLASS

SUITE = CLASS + "    def test_a(self): print(open('data').read())\n"
IDS = ["test_it.T.test_a"]
GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
}
PIECE = 256 * 1024


def git(folder, *words):
    done = subprocess.run(["git", "-C", folder, *words], check=True,
                          env={**os.environ, **GIT_ENVIRONMENT},
                          stdout=subprocess.PIPE)
    return done.stdout.decode().strip()


class TreeCase(EngineCase):
    """A tree lies in self.home, beside the folder the engine starts in."""

    def setUp(self):
        super().setUp()
        self.environment.update(GIT_ENVIRONMENT)

    @property
    def tree(self):
        return os.path.join(self.home, "trees", "b1", "w=40here")

    def run_one(self, engine):
        engine.say("run", orders=[order(1, "test_it.T", IDS)])
        engine.wait(lambda: engine.all("end") or engine.all("differs"), "end")
        self.assertEqual(engine.all("differs"), [], engine.updates)
        return engine.all("result", 1)[0]

    def assertFails(self, engine, *parts):
        failed = engine.await_said("failed")
        self.assertSays(failed["why"], *parts)
        self.assertTrue(self.tear_down(engine)["ok"])
        self.assertFalse(os.path.exists(self.tree))


class Git(TreeCase):

    def setUp(self):
        super().setUp()
        self.origin = os.path.join(self.home, "origin")
        os.mkdir(self.origin)
        git(self.origin, "init", "-q", "-b", "main")
        self.commit("one")

    def commit(self, data):
        for name, text in ("test_it.py", SUITE), ("data", data):
            with open(os.path.join(self.origin, name), "w") as file:
                file.write(text)
        git(self.origin, "add", ".")
        git(self.origin, "commit", "-qm", data)
        return git(self.origin, "rev-parse", "HEAD")

    def origin_of(self, revision):
        return {"git": "file://" + self.origin, "revision": revision}

    def test_tests_run_in_the_revision_that_was_named(self):
        first = git(self.origin, "rev-parse", "HEAD")
        self.commit("two")
        for revision, data in (first, "one\n"), ("main", "two\n"):
            with self.subTest(revision=revision):
                engine = self.ready(tree=self.origin_of(revision))
                result = self.run_one(engine)
                self.assertEqual((result["state"], result["out"]),
                                 ("passed", data))
                self.assertTrue(self.tear_down(engine)["ok"])
                self.assertFalse(os.path.exists(self.tree))
        self.assertEqual(len(os.listdir(os.path.join(self.home,
                                                     "mirrors"))), 1)

    def test_scripts_run_in_the_tree_and_are_told_the_revision(self):
        commit = git(self.origin, "rev-parse", "HEAD")
        engine = self.ready(
            tree=self.origin_of("main"), revision="",
            workspace={"name": "ci", "setup": "cat data; pwd; "
                       "echo $MULE_REVISION", "teardown": "pwd >../../pwd",
                       "setup_timeout_ms": 60000,
                       "teardown_timeout_ms": 60000})
        self.assertSays(engine.text, "fetching file://", "one",
                        self.tree + "\n", commit)
        self.tear_down(engine)
        with open(os.path.join(self.home, "trees", "pwd")) as file:
            self.assertEqual(file.read().strip(), self.tree)

    def test_a_revision_that_is_missing_says_what_to_do(self):
        engine = self.engine(tree=self.origin_of("no-such"))
        self.assertFails(engine, "no-such", "--ship")

    def test_a_url_that_would_run_a_program_does_not(self):
        mark = os.path.join(self.home, "ran")
        engine = self.engine(tree={"git": f"ext::touch {mark}",
                                   "revision": "main"})
        self.assertFails(engine, "git")
        self.assertFalse(os.path.exists(mark))


class Ships(TreeCase):

    def archive(self, *entries):
        """Of (name, TarInfo's attributes, data)."""
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w",
                          format=tarfile.PAX_FORMAT) as archive:
            for name, attributes, data in entries:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                info.mode = 0o644
                for key, value in attributes.items():
                    setattr(info, key, value)
                archive.addfile(info, io.BytesIO(data))
        return file.getvalue()

    def origin_of(self, archive, **more):
        return {"ship": hashlib.sha256(archive).hexdigest(),
                "bytes": len(archive), **more}

    def serve(self, engine, archive):
        """Gives pieces until the engine is ready or has failed."""
        served = 0
        while True:
            def find():
                wants = [m for m in engine.said if m["msg"] == "want"]
                ends = [m for m in engine.said
                        if m["msg"] in ("ready", "failed")]
                return ends or wants[served:]
            message = engine.wait(find, "a want, or the end")[0]
            if message["msg"] != "want":
                return message
            served += 1
            piece = archive[message["at"]:message["at"] + PIECE]
            if message["bytes"] > 0 and piece:
                engine.say("piece", at=message["at"],
                           data=base64.b64encode(piece).decode())

    def test_tests_run_in_what_was_shipped(self):
        archive = self.archive(
            ("test_it.py", {}, SUITE.encode()), ("data", {}, b"shipped"),
            ("bin/run", {"mode": 0o755}, b"#!/bin/sh\n"),
            ("n" * 90 + "/" + "m" * 120, {}, b"long"),
            ("\u00e4 \u00f6", {}, b"umlaut"),
            ("folder", {"type": tarfile.DIRTYPE, "mode": 0o755}, b""),
            ("bin/link", {"type": tarfile.SYMTYPE, "linkname": "../data"},
             b""),
            ("big", {}, os.urandom(1000000)))
        engine = self.engine(tree=self.origin_of(archive))
        self.assertEqual(self.serve(engine, archive)["msg"], "ready")
        result = self.run_one(engine)
        self.assertEqual((result["state"], result["out"]),
                         ("passed", "shipped\n"))
        for name, text in (("n" * 90 + "/" + "m" * 120, "long"),
                           ("\u00e4 \u00f6", "umlaut"),
                           ("bin/link", "shipped")):
            with open(os.path.join(self.tree, name)) as file:
                self.assertEqual(file.read(), text)
        self.assertTrue(os.path.isdir(os.path.join(self.tree, "folder")))
        self.assertTrue(os.access(os.path.join(self.tree, "bin/run"),
                                  os.X_OK))
        self.tear_down(engine)
        self.assertFalse(os.path.exists(self.tree))
        self.assertEqual(os.listdir(os.path.join(self.home, "ships")),
                         [hashlib.sha256(archive).hexdigest()])

    def test_work_can_begin_in_a_folder_of_the_tree(self):
        archive = self.archive(("a/b/test_it.py", {}, SUITE.encode()),
                               ("a/b/data", {}, b"below"))
        engine = self.engine(tree=self.origin_of(archive, folder="a/b"))
        self.assertEqual(self.serve(engine, archive)["msg"], "ready")
        self.assertEqual(self.run_one(engine)["out"], "below\n")
        self.tear_down(engine)
        engine = self.engine(tree=self.origin_of(archive, folder="a/c"))
        self.serve(engine, archive)
        self.assertFails(engine, "no folder /a/c")

    def test_an_archive_with_one_bad_entry_is_refused(self):
        outside = os.path.join(self.home, "outside")
        bad = {
            "absolute path": (outside, {}, b"x"),
            "leads out of the tree by": ("a/../../outside", {}, b"x"),
            "link that leads out": ("link", {
                "type": tarfile.SYMTYPE, "linkname": "../.."}, b""),
            "hard link": ("link", {
                "type": tarfile.LNKTYPE, "linkname": "first"}, b""),
            "no file, folder or symbolic link": ("null", {
                "type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}, b""),
            "setuid": ("tool", {"mode": 0o4755}, b"x"),
            "belongs to git": (".git/hooks/post-checkout", {"mode": 0o755},
                               b"#!/bin/sh\ntouch ../../../outside\n"),
            "below a file or a link": ("link/x", {}, b"x"),
        }
        for why, entry in bad.items():
            with self.subTest(why=why):
                archive = self.archive(
                    ("first", {}, b"x"), ("link" if "below" in why else "l", {
                        "type": tarfile.SYMTYPE, "linkname": "."}, b""),
                    entry, ("last", {}, b"x"))
                engine = self.engine(tree=self.origin_of(archive))
                self.assertEqual(self.serve(engine, archive)["msg"],
                                 "failed")
                self.assertFalse(os.path.exists(self.tree))
                self.assertFails(engine, why,
                                 os.path.basename(entry[0]).strip("."))
                self.assertFalse(os.path.exists(outside))

    def test_another_archive_than_was_announced_is_refused(self):
        archive = self.archive(("first", {}, b"x" * 5000))
        engine = self.engine(tree=self.origin_of(archive))
        self.serve(engine, archive[:-1] + b"y")
        self.assertFails(engine, "hash")
        self.assertEqual(os.listdir(os.path.join(self.home, "ships")), [])

    def test_what_an_engine_that_died_had_pulled_is_not_asked_for_again(self):
        archive = self.archive(("test_it.py", {}, SUITE.encode()),
                               ("data", {}, b"all"),
                               ("big", {}, os.urandom(3 * PIECE)))
        engine = self.engine(tree=self.origin_of(archive))
        engine.await_said("want")
        engine.say("piece", at=0,
                   data=base64.b64encode(archive[:PIECE]).decode())
        engine.wait(lambda: [m for m in engine.said if m["msg"] == "want"
                             and m["at"] == PIECE], "the next want")
        os.kill(engine.program.pid, 9)
        engine.program.wait()
        engine = self.engine(tree=self.origin_of(archive))
        self.assertEqual(engine.await_said("want")["at"], PIECE)
        self.assertEqual(self.serve(engine, archive)["msg"], "ready")
        self.assertEqual(self.run_one(engine)["out"], "all\n")
        self.tear_down(engine)

    def test_its_end_can_be_asked_for_while_it_pulls(self):
        archive = self.archive(("big", {}, os.urandom(3 * PIECE)))
        engine = self.engine(tree=self.origin_of(archive))
        engine.await_said("want")
        self.assertTrue(self.tear_down(engine)["ok"])
        self.assertFalse(os.path.exists(self.tree))

    def test_two_nodes_of_a_host_pull_once(self):
        archive = self.archive(("test_it.py", {}, SUITE.encode()),
                               ("data", {}, b"both"),
                               ("big", {}, os.urandom(3 * PIECE)))
        first = self.engine(tree=self.origin_of(archive))
        first.await_said("want")
        second = self.engine(tree=self.origin_of(archive), node="other")
        self.assertEqual(self.serve(first, archive)["msg"], "ready")
        self.assertEqual(second.await_said("ready")["msg"], "ready")
        self.assertEqual([m for m in second.said if m["msg"] == "want"], [])
        self.assertIn("is here already", second.text)
        for engine in first, second:
            self.assertEqual(self.run_one(engine)["out"], "both\n")
            self.tear_down(engine)
        self.assertEqual(os.listdir(os.path.join(self.home, "trees")), [])
