"""What test databases are called, and the record of them. No server, and no
Django, is needed for either."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from mule.contrib.django import naming, record

PYTHON = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(naming.__file__)))))


class Names(unittest.TestCase):
    def test_a_prefix_that_is_there_is_not_said_twice(self):
        self.assertEqual(naming.prefixed("test", "shop"), "test_shop")
        self.assertEqual(naming.prefixed("test", "test_shop"), "test_shop")
        self.assertEqual(naming.prefixed("test", "testing"), "test_testing")
        self.assertEqual(naming.prefixed("test", "test"), "test")
        self.assertEqual(naming.prefixed("", "shop"), "shop")
        self.assertEqual(naming.prefixed("test", ""), "test")

    def test_build_and_slot_stand_at_the_end(self):
        self.assertEqual(
            naming.compose("test_shop", ["k3v9x2", 4], 63),
            "test_shop_k3v9x2_4")
        self.assertEqual(naming.compose("test_shop", [], 63), "test_shop")

    def test_a_long_name_is_cut_in_its_middle(self):
        for limit in (30, 63, 64):
            for length in range(1, 120):
                name = naming.compose("n" * length, ["k3v9x2", 123], limit)
                self.assertLessEqual(naming.octets(name), limit)
                self.assertTrue(name.endswith("_k3v9x2_123"))
                self.assertEqual("~" in name, length > limit - 11)

    def test_bytes_are_counted_where_a_server_counts_bytes(self):
        name = naming.compose("ü" * 60, ["b", 1], 63)
        self.assertLessEqual(len(name.encode()), 63)
        name = naming.compose("ü" * 70, ["b", 1], 64, naming.characters)
        self.assertEqual(len(name), 64)
        self.assertGreater(len(name.encode()), 64)

    def test_long_names_that_differ_in_a_letter_stay_two(self):
        names = {naming.compose("a" * 50 + letter + "b" * 50, ["b", 1], 63)
                 for letter in "xyz"}
        self.assertEqual(len(names), 3)

    def test_a_long_build_is_shortened_by_itself(self):
        builds = ["jenkins-shop-main-%s-%d" % ("x" * 40, n) for n in (1, 2)]
        names = {naming.compose("test_shop", [build, 12], 63)
                 for build in builds}
        self.assertEqual(len(names), 2)
        for name in names:
            self.assertTrue(name.startswith("test_shop_jenkins"))
            self.assertTrue(name.endswith("_12"))

    def test_what_would_need_escaping_is_not_in_a_name(self):
        odd = ['a"b', "a`b", "a'b", "a%b", "a\\b", "a/b", "a\nb", "a\0b",
               "a\U0001f600b"]
        names = {naming.compose(name, ["b", 0], 63) for name in odd}
        self.assertEqual(len(names), len(odd))
        for name in names:
            self.assertRegex(name, "^a_b~[0-9a-f]{8}_b_0$")
        self.assertEqual(naming.compose("Shop Größe", ["b", 0], 63),
                         "Shop Größe_b_0")

    def test_a_name_does_not_end_with_a_blank(self):
        self.assertEqual(naming.compose("shop ", [], 64), "shop")

    def test_a_file_keeps_its_folder_and_its_ending(self):
        path = naming.prefixed_path("test", "/a b/shop.sqlite3")
        self.assertEqual(path, "/a b/test_shop.sqlite3")
        self.assertEqual(naming.compose_path(path, ["b", 3]),
                         "/a b/test_shop_b_3.sqlite3")
        long = naming.compose_path("/x/" + "ü" * 200 + ".db", ["b", 3])
        self.assertTrue(long.endswith("_b_3.db"))
        self.assertLessEqual(
            len(os.path.basename(long + "-journal").encode()), 255)

    def test_what_is_not_the_same_gets_another_name(self):
        names = naming.distinct([("a", "test_shop"), ("b", "test_shop"),
                                 ("c", "TEST_SHOP"), ("a", "test_shop")])
        self.assertEqual(names["a"], "test_shop")
        self.assertEqual(
            len({name.casefold() for name in names.values()}), 3)

    def test_what_looks_like_a_clone_gets_another_name(self):
        names = naming.distinct([("a", "test_shop"), ("b", "test_shop_1")])
        self.assertNotEqual(names["b"], "test_shop_1")
        self.assertEqual(naming.distinct([("b", "test_shop_1")]),
                         {"b": "test_shop_1"})


class Records(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = folder.name
        patched = mock.patch.dict(os.environ, MULE_STATE=self.state)
        patched.start()
        self.addCleanup(patched.stop)

    def files(self):
        return os.listdir(os.path.join(self.state, "databases"))

    def other(self, code):
        """Runs it in another process, which ends as it says."""
        return subprocess.run(
            [sys.executable, "-c", "import os, signal\n"
             "from mule.contrib.django import record\n" + code],
            env={**os.environ, "PYTHONPATH": PYTHON},
            stdout=subprocess.PIPE, text=True)

    def left_by_the_dead(self, **header):
        """A record whose owner is dead, with another header if given."""
        self.other("r = record.Record.begin('dead')\nr.create('s', 'one')\n"
                   "r.create('s', 'two')\nr.drop('s', 'one')\n"
                   "os.kill(os.getpid(), signal.SIGKILL)\n")
        path = os.path.join(self.state, "databases", self.files()[0])
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
        lines[0] = json.dumps({**json.loads(lines[0]), **header}) + "\n"
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)
        return path

    def test_the_folder_is_where_state_is(self):
        self.assertEqual(record.folder(), self.state + "/databases")
        with mock.patch.dict(os.environ, {
                "MULE_STATE": "", "XDG_STATE_HOME": "/x"}):
            self.assertEqual(record.folder(), "/x/mule/databases")
        with mock.patch.dict(os.environ, {
                "MULE_STATE": "", "XDG_STATE_HOME": "not/absolute",
                "HOME": "/h"}):
            self.assertEqual(record.folder(),
                             "/h/.local/state/mule/databases")

    def test_what_was_created_and_not_dropped_is_left(self):
        one = record.Record.begin("b")
        one.create("s", "a")
        one.create("t", "a")
        one.create("s", "b")
        one.drop("s", "a")
        self.assertEqual(set(one.left()), {("t", "a"), ("s", "b")})
        one.end()
        self.assertEqual(len(self.files()), 1)

    def test_a_record_of_nothing_goes(self):
        one = record.Record.begin("b")
        one.create("s", "a")
        one.drop("s", "a")
        one.end()
        self.assertEqual(self.files(), [])

    def test_the_header_says_whose_it_is(self):
        one = record.Record.begin("b/../c")
        name, = self.files()
        self.assertRegex(name, r"^b_\.\._c-%d-[0-9a-f]{8}\.jsonl$"
                         % os.getpid())
        with open(one.path, encoding="utf-8") as file:
            header = json.loads(file.readline())
        self.assertEqual(header["build"], "b/../c")
        self.assertEqual(header["pid"], os.getpid())
        self.assertEqual(header["boot"], record.boot())
        self.assertEqual(os.stat(one.path).st_mode & 0o777, 0o600)
        one.end()

    def test_a_record_is_not_taken_while_its_owner_lives(self):
        one = record.Record.begin("b")
        one.create("s", "a")
        look = ("print([r.header['build'] for r in record.dead()],"
                " len(record.alive('b')))")
        self.assertEqual(self.other(look).stdout, "[] 1\n")
        # Not even if the owner itself looks, or a fork of it ends.
        self.assertEqual(list(record.dead()), [])
        self.assertEqual(record.alive("b"), [])
        pid = os.fork()
        if pid == 0:
            one.create("s", "b")
            os.close(one.fd)
            os._exit(0)
        os.waitpid(pid, 0)
        self.assertEqual(self.other(look).stdout, "[] 1\n")
        self.assertEqual(set(one.left()), {("s", "a"), ("s", "b")})
        one.end()
        self.assertEqual(self.other(look).stdout, "['b'] 0\n")

    def test_what_a_dead_owner_left_is_taken_once(self):
        self.left_by_the_dead()
        found = list(record.dead())
        self.assertEqual([set(one.left()) for one in found],
                         [{("s", "two")}])
        self.assertEqual(self.other(
            "print(list(record.dead()))").stdout, "[]\n")
        self.assertEqual(list(record.dead("other")), [])
        found[0].drop("s", "two")
        found[0].end()
        self.assertEqual(self.files(), [])

    def test_another_build_may_be_asked_for(self):
        self.left_by_the_dead()
        self.assertEqual(list(record.dead("other")), [])
        taken = list(record.dead("dead"))
        self.assertEqual(len(taken), 1)
        taken[0].end()

    def test_before_the_machine_started_nobody_of_now_lived(self):
        self.left_by_the_dead(boot="of before")
        taken = list(record.dead())
        self.assertEqual(len(taken), 1)
        taken[0].end()

    def test_what_another_machine_recorded_is_left_alone(self):
        self.left_by_the_dead(boot="of elsewhere", host="elsewhere")
        self.assertEqual(list(record.dead()), [])
        self.assertEqual(len(self.files()), 1)

    def test_a_container_of_this_machine_is_this_machine(self):
        if not record.boot():
            self.skipTest("nobody knows which kernel this is")
        self.left_by_the_dead(host="container")
        taken = list(record.dead())
        self.assertEqual(len(taken), 1)
        taken[0].end()

    def test_half_a_line_hides_no_other(self):
        one = record.Record.begin("b")
        one.create("s", "a")
        os.write(one.fd, b'{"create": "lo')
        one.create("s", "b")
        self.assertEqual(set(one.left()), {("s", "a"), ("s", "b")})
        one.end()

    def test_what_is_no_record_is_left_alone(self):
        os.makedirs(record.folder())
        for name, text in (("a.jsonl", ""), ("b.jsonl", "{}\n"),
                           ("c.jsonl", '{"mule":"databases","version":2}\n'),
                           ("d.jsonl", "\xff\n"), ("e", "")):
            with open(os.path.join(record.folder(), name), "w",
                      encoding="latin-1") as file:
                file.write(text)
        os.mkdir(os.path.join(record.folder(), "f.jsonl"))
        self.assertEqual(list(record.dead()), [])
        self.assertEqual(len(self.files()), 6)

    def test_no_room_is_an_error_before_anything_is_created(self):
        one = record.Record.begin("b")
        with mock.patch.object(record.os, "write", lambda fd, data: 3):
            with self.assertRaises(OSError):
                one.create("s", "a")
        one.end()

    def test_a_lock_is_held_before_the_file_has_its_name(self):
        seen = []
        real = os.rename

        def rename(old, new):
            seen.append(self.other(
                "import fcntl\nfile = open(%r, 'r+b')\n"
                "try: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
                "except OSError: print('held', len(file.readlines()))"
                % old).stdout)
            real(old, new)

        with mock.patch.object(record.os, "rename", rename):
            one = record.Record.begin("b")
        self.assertEqual(seen, ["held 1\n"])
        one.end()


if __name__ == "__main__":
    unittest.main()
