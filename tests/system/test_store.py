"""What builds leave behind, and that it costs them nothing when it cannot."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import unittest

from support.mule_case import MuleCase

CLASS = """
import unittest
class Case(unittest.TestCase):
"""
PASSING = {"test_it.py": CLASS + "    def test_a(self): pass\n"
                                 "    def test_b(self): pass\n"}
FAILING = {"test_it.py": CLASS + "    def test_a(self): pass\n"
                                 "    def test_b(self): self.fail('no')\n"}


class StoreCase(MuleCase):

    def ask(self, sql, *where):
        """The rows of a query to a store, which nobody writes meanwhile."""
        path = self.path(*(where or (".mule",)), "history.db")
        with contextlib.closing(sqlite3.connect(path)) as db:
            return db.execute(sql).fetchall()

    def number(self, sql, *where):
        return self.ask(sql, *where)[0][0]

    def recordings(self, *where):
        return sorted(os.listdir(self.path(*(where or (".mule",)),
                                           "recordings")))

    def warnings(self, result):
        """Of the store: notes about it, in the events."""
        return [event["text"] for event in result.all("note")
                if event["level"] == "warning"]

    def disk(self, kib):
        """A file system of its own; skips where none may be mounted."""
        place = os.path.join(self.home, "disk")
        os.mkdir(place)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k",
                           "tmpfs", place],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("a file system can only be mounted by root")
        self.addCleanup(subprocess.run, ["umount", "-l", place])
        return place

    def remount(self, place, how):
        subprocess.run(["mount", "-o", f"remount,{how}", place], check=True)


class Place(StoreCase):

    def test_it_lies_where_the_tests_run(self):
        self.suite(FAILING)
        result = self.mule_test(status=1)
        self.assertEqual(self.warnings(result), [])
        self.assertEqual(sorted(os.listdir(self.path(".mule"))),
                         [".gitignore", "history.db", "history.db-shm",
                          "history.db-wal", "lock", "recordings"])
        build = result.all("run_started")[0]["build"]
        self.assertEqual(self.recordings(), [build + ".mule"])
        self.assertEqual(
            self.ask("SELECT id, selected, passed, failed, exit_status, whole"
                     " FROM builds"), [(build, 2, 1, 1, 1, 1)])
        self.assertEqual(
            self.ask("SELECT name, bad FROM tests ORDER BY name"),
            [("test_it.Case.test_a", 0), ("test_it.Case.test_b", 1)])

    def test_no_password_of_a_broker_is_kept(self):
        self.suite(PASSING)
        self.mule_test("--broker", "amqp://me:s3same@127.0.0.1/",
                       "--record", self.path("a.mule"))
        command = self.ask("SELECT command FROM builds")[0][0]
        self.assertIn("@127.0.0.1/", command)
        self.assertNotIn("s3same", command)
        for replayed in ([], [self.path("a.mule")]):
            told = self.mule("report", "--json", "-", *replayed).out
            self.assertIn("@127.0.0.1/", told)
            self.assertNotIn("s3same", told)

    def test_it_lies_beside_the_configuration(self):
        self.suite({"mule.yaml": "jobs: 1\n",
                    "deep/test_it.py": PASSING["test_it.py"]})
        self.mule_test(cwd=self.path("deep"))
        self.assertTrue(os.path.isdir(self.path(".mule")))
        self.assertFalse(os.path.exists(self.path("deep", ".mule")))
        self.assertEqual(self.ask("SELECT folder, words FROM suites"),
                         [("deep", "unittest")])

    def test_git_does_not_see_it(self):
        self.suite(PASSING)
        subprocess.run(["git", "init", "-q", "."], cwd=self.folder, check=True)
        os.makedirs(self.path("sub"))
        shutil.copy(self.path("test_it.py"), self.path("sub"))
        self.mule_test(cwd=self.path("sub"))
        self.assertTrue(os.path.isdir(self.path(".mule")))
        seen = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=all"],
            cwd=self.folder, check=True, stdout=subprocess.PIPE, text=True)
        self.assertNotIn(".mule", seen.stdout)

    def test_it_lies_where_it_is_told_to(self):
        self.suite({**PASSING, "mule.yaml": "store: ../kept\n"})
        self.mule_test()
        self.assertEqual(self.number("SELECT count(*) FROM builds",
                                     "..", "kept"), 1)
        self.mule_test("--store", "other")
        self.assertEqual(self.number("SELECT count(*) FROM builds", "other"),
                         1)
        self.assertFalse(os.path.exists(self.path(".mule")))

    def test_there_need_not_be_one(self):
        self.suite(PASSING)
        self.mule_test("--no-store")
        self.assertFalse(os.path.exists(self.path(".mule")))
        self.suite({"mule.yaml": "no-store: true\n"})
        self.mule_test()
        self.assertFalse(os.path.exists(self.path(".mule")))

    def test_a_run_of_nothing_leaves_nothing(self):
        self.suite(PASSING)
        self.mule_test("-k", "nothing has that name", status=5)
        self.mule_test("no.such.label", status=4)
        self.assertFalse(os.path.exists(self.path(".mule")))

    def test_suites_in_one_store_do_not_mix(self):
        self.suite({**PASSING, "job": "#!/bin/sh\nexit 1\n"})
        self.mule_test()
        self.mule_test("--runner", "./job", "test_it.Case.test_a", status=1)
        self.assertEqual(
            self.ask("SELECT words FROM suites ORDER BY number"),
            [("unittest",), ("runner ./job",)])
        self.assertEqual(
            self.ask("SELECT bad FROM tests"
                     " WHERE name = 'test_it.Case.test_a' ORDER BY number"),
            [(0,), (1,)])


class Bounds(StoreCase):

    def test_the_oldest_builds_go_with_their_recordings(self):
        self.suite({**PASSING, "mule.yaml": "keep-builds: 2\n"})
        for name in "abcd":
            self.mule_test("--id", name)
        self.assertEqual(self.ask("SELECT id FROM builds ORDER BY number"),
                         [("c",), ("d",)])
        self.assertEqual(self.recordings(), ["c.mule", "d.mule"])

    def test_a_store_that_would_be_too_large_keeps_the_newest(self):
        self.suite(PASSING)
        for name in "abc":
            self.mule_test("--id", name, "--keep-size", "1K")
        self.assertEqual(self.ask("SELECT id FROM builds"), [("c",)])

    def test_two_builds_of_one_id_have_a_recording_each(self):
        self.suite(PASSING)
        for _ in range(3):
            self.mule_test("--id", "a.b-c_d")
        self.assertEqual(self.recordings(), [
            "a.b-c_d-2.mule", "a.b-c_d-3.mule", "a.b-c_d.mule"])
        self.assertEqual(
            [name for name, in self.ask("SELECT recording FROM builds"
                                        " ORDER BY recording")],
            self.recordings())


class Trouble(StoreCase):
    """One warning with a hint; reports and exit status as without a store."""

    def check_costs_nothing(self, *args, part, env=None):
        result = self.mule_test("--xunit", "--xunit-output", "all.xml", *args,
                                env=env)
        found = self.warnings(result)
        self.assertEqual(len(found), 1, found)
        self.assertIn(part, found[0])
        note, = [event for event in result.all("note")
                 if event["level"] == "warning"]
        self.assertTrue(note["hint"])
        # What developers are told is not for users: they had it once.
        self.assertNotIn("] warn: ", result.err)
        self.assertEqual(result.events[-1]["event"], "run_finished")
        self.assertEqual(len(list(self.xml("all.xml").iter("testcase"))), 2)
        return result

    def test_one_of_a_newer_mule(self):
        self.suite(PASSING)
        self.mule_test()
        with contextlib.closing(sqlite3.connect(
                self.path(".mule", "history.db"))) as db:
            db.execute("PRAGMA user_version = 99")
            db.commit()
        before = self.recordings()
        self.check_costs_nothing(part="newer mule")
        result = self.mule_test("--failed")
        self.assertNotIn("] warn: ", result.err)
        self.assertEqual(self.number("SELECT count(*) FROM builds"), 1)
        self.assertEqual(self.recordings(), before)

    def test_one_that_is_broken_is_moved_aside(self):
        self.suite(PASSING)
        self.mule_test()
        path = self.path(".mule", "history.db")
        self.ask("SELECT * FROM suites")  # who closes it last empties the log
        with open(path, "r+b") as file:
            file.write(b"\xff" * 4096)
        self.check_costs_nothing("--id", "new", part="history.db.broken-1")
        self.assertIn(("new",), self.ask("SELECT id FROM builds"))
        self.assertTrue(os.path.exists(path + ".broken-1"))
        self.assertEqual(self.warnings(self.mule_test()), [])

    def test_one_that_was_cut_short_is_moved_aside(self):
        self.suite({"test_it.py": CLASS + "".join(
            f"    def test_{i:04}(self): pass\n" for i in range(1000))})
        self.mule_test("--isolation", "worker")
        self.suite(PASSING)
        self.ask("SELECT * FROM suites")
        os.truncate(self.path(".mule", "history.db"), 5 * 4096)
        self.check_costs_nothing("--id", "new", part="history.db.broken-1")
        self.assertIn(("new",), self.ask("SELECT id FROM builds"))

    def test_a_file_where_its_folder_should_be(self):
        self.suite({**PASSING, ".mule": "mine\n"})
        self.check_costs_nothing(part="not kept")
        self.assertEqual(self.read(".mule"), "mine\n")

    def test_a_disk_that_may_only_be_read(self):
        self.suite(PASSING)
        disk = self.disk(4096)
        store = os.path.join(disk, "store")
        self.mule_test("--store", store)
        self.remount(disk, "ro")
        result = self.check_costs_nothing("--store", store, part="not kept")
        self.remount(disk, "rw")
        self.assertEqual(self.number("SELECT count(*) FROM builds", store), 1)
        # It is read all the same.
        self.assertTrue(result.all("job_started")[0].get("expect_us"))

    def test_a_disk_that_is_full(self):
        self.suite(PASSING)
        disk = self.disk(64)
        with open(os.path.join(disk, "filler"), "wb", buffering=0) as file:
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 4096)
        self.check_costs_nothing("--store", os.path.join(disk, "store"),
                                 part="")

    def test_a_disk_that_fills_up_while_it_is_written(self):
        self.suite({"test_it.py": CLASS + "".join(
            f"    def test_{i:04}(self): pass\n" for i in range(2000))})
        disk = self.disk(160)
        result = self.mule_test("--isolation", "worker", "--store",
                                os.path.join(disk, "store"))
        self.assertIn(len(self.warnings(result)), (1, 2))
        self.assertEqual(result.count("passed"), 2000)

    def test_another_who_does_not_let_go_of_it(self):
        self.suite(PASSING)
        self.mule_test()
        with contextlib.closing(sqlite3.connect(
                self.path(".mule", "history.db"),
                isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            self.check_costs_nothing(part="locked")
            db.execute("ROLLBACK")
        self.assertEqual(self.number("SELECT count(*) FROM builds"), 1)

    def test_a_store_that_goes_away_while_tests_run(self):
        self.suite({"test_it.py": """
import os, shutil, unittest
class Case(unittest.TestCase):
    def test_a(self):
        shutil.rmtree(os.environ["STORE"])
"""})
        result = self.mule_test(env={"STORE": self.path(".mule")})
        self.assertEqual(self.warnings(result), [])
        self.assertEqual(self.number("SELECT count(*) FROM builds"), 1)


class Several(StoreCase):

    def test_mules_that_end_together_lose_nothing(self):
        go = self.fifo("go")
        self.suite({"test_it.py": """
import os, unittest
class Case(unittest.TestCase):
    def test_a(self):
        number = os.open(os.environ["GO"], os.O_RDONLY)
        os.read(number, 1)
"""})
        count = 4
        programs = [self.start_test("-j", "1", "--id", f"b{number}",
                                    env={"GO": go.path})
                    for number in range(count)]
        for program in programs:
            program.wait_until(lambda p=program: any(
                event["event"] == "job_started" for event in p.events),
                "its job to start")
        go.write("x" * count)
        for program in programs:
            result = self.result_of(program)
            self.assertEqual(result.status, 0, result.text)
            self.assertEqual(self.warnings(result), [])
        self.assertEqual(self.number("SELECT count(*) FROM builds"), count)
        self.assertEqual(self.ask("SELECT name, runs FROM tests"),
                         [("test_it.Case.test_a", count)])
        self.assertEqual(self.number("SELECT count(*) FROM parts"), 2 * count)

    def test_one_that_is_killed_is_entered_by_the_next(self):
        ready = self.fifo("ready")
        self.suite({"test_it.py": """
import os, time, unittest
class Case(unittest.TestCase):
    def test_a(self):
        with open(os.environ["READY"], "w") as file: file.write("here\\n")
        time.sleep(600)
"""})
        program = self.start_test("--id", "killed", env={"READY": ready.path})
        ready.line(program)
        os.kill(program.pid, signal.SIGKILL)
        program.wait()
        self.assertEqual(self.recordings(), ["killed.mule"])
        self.suite(PASSING)
        self.assertEqual(self.warnings(self.mule_test("--id", "next")), [])
        self.assertEqual(
            self.ask("SELECT id, recording, not_run FROM builds"
                     " ORDER BY number"),
            [("killed", "killed.mule", 1), ("next", "next.mule", 0)])
        self.assertEqual(self.recordings(), ["killed.mule", "next.mule"])


if __name__ == "__main__":
    unittest.main()
