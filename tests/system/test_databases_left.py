"""What `mule doctor` says of records of test databases.

docs/protocol/databases.md says what they look like.
"""

import fcntl
import json
import os
import socket

from support.mule_case import MuleCase

SERVER = "postgresql://127.0.0.1:5432"


def boot():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


class DatabasesLeft(MuleCase):

    def setUp(self):
        super().setUp()
        self.state = os.path.join(self.home, "state")
        os.makedirs(os.path.join(self.state, "databases"))

    def record(self, name, *names, **header):
        header = {"mule": "databases", "version": 1, "build": name,
                  "host": socket.gethostname(), "boot": boot(), "pid": 4711,
                  "time": 1795408000, **header}
        lines = [header, *({"create": n, "server": SERVER} for n in names)]
        path = os.path.join(self.state, "databases", name + ".jsonl")
        with open(path, "w", encoding="ascii") as file:
            for line in lines:
                file.write(json.dumps(line) + "\n")
        return path

    def doctor(self, **env):
        result = self.mule("doctor", env=env or {"MULE_STATE": self.state})
        self.assertEqual(result.status, 0, result.text)
        return result.out

    def test_none_are_left(self):
        self.record("dropped")
        self.assertRegex(self.doctor(), "ok  databases +none")

    def test_those_of_a_dead_owner_are_named_with_what_to_do(self):
        self.record("k3v9x2", *("test_%d" % i for i in range(7)))
        out = self.doctor()
        self.assertRegex(out, "warn  databases +build k3v9x2 died and left on "
                         + SERVER + ": test_0, test_1, test_2, test_3, "
                         "test_4 and 2 more\n")
        self.assertSays(out, "manage.py mule", "by hand")

    def test_those_of_an_owner_that_lives_are_its_own(self):
        path = self.record("alive", "test_a")
        with open(path, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.assertRegex(self.doctor(), "ok  databases +none")
        self.assertSays(self.doctor(), "build alive died")

    def test_those_of_before_a_new_start_are_dead(self):
        self.record("old", "test_a", boot="another")
        self.assertSays(self.doctor(), "build old died")

    def test_those_of_another_machine_are_left_to_it(self):
        self.record("far", "test_a", boot="another", host="elsewhere")
        out = self.doctor()
        self.assertSays(out, "build far has on " + SERVER + ": test_a; it ran "
                        "on elsewhere", "only that machine can tell")

    def test_what_is_no_record_is_said_or_passed_over(self):
        for name, text in (("new.jsonl", '{"mule":"databases","version":2}\n'),
                           ("other.plan", "nothing of ours"),
                           ("empty.jsonl", "")):
            path = os.path.join(self.state, "databases", name)
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        os.mkdir(os.path.join(self.state, "databases", "folder.jsonl"))
        out = self.doctor()
        for name in ("new.jsonl", "empty.jsonl", "folder.jsonl"):
            self.assertRegex(out, name + " cannot be read: ")
        self.assertNotIn("other.plan", out)

    def test_names_cannot_deceive_a_terminal(self):
        self.record("odd", "a\x1b[2Jb\nc")
        result = self.mule("doctor", env={"MULE_STATE": self.state})
        self.assertNotIn(b"\x1b", result.raw_out)

    def test_the_folder_is_where_the_user_keeps_state(self):
        self.record("k3", "test_a")
        os.makedirs(os.path.join(self.home, ".local"))
        os.rename(self.state, os.path.join(self.home, "mule"))
        self.assertSays(self.doctor(XDG_STATE_HOME=self.home), "build k3 died")
        self.assertRegex(self.doctor(XDG_STATE_HOME="relative",
                                     HOME="/nonexistent"), "databases +none")
