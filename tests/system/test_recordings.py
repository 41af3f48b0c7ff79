"""What `mule test` records, and files that are not as they should be."""

import json
import os
import shutil
import signal
import struct
import subprocess

from support.mule_case import CLASS, MuleCase

SUITE = {"test_it.py": CLASS + """
    def test_a(self): print("said " * 50)
    def test_b(self): self.fail("wrong")
    def test_c(self): print("said " * 50)
    @unittest.skip("no time")
    def test_d(self): pass
"""}
MARK = b"\x5d\x2a\x4d\x18\x18\0\0\0MULE"


def frames(data):
    """Where the frames begin, and of what kind they are."""
    at, found = data.find(MARK), []
    while at >= 0:
        found.append((at, data[at + 13]))
        at = data.find(MARK, at + 1)
    return found


class Recording(MuleCase):

    def recordings(self):
        folder = self.path(".mule", "recordings")
        return sorted(os.path.join(folder, name)
                      for name in os.listdir(folder))

    def events_of(self, path, status=None):
        result = self.mule("replay", "--json", "-", path)
        if status is not None:
            self.assertEqual(result.status, status, result.text)
        return [json.loads(line) for line in result.out.splitlines()]

    def test_each_build_has_one_beside_the_store(self):
        self.suite(SUITE)
        first = self.mule_test(status=1)
        second = self.mule_test("--id", "second", status=1)
        self.assertEqual(
            sorted(map(os.path.basename, self.recordings())),
            sorted([first.all("run_started")[0]["build"] + ".mule",
                    "second.mule"]))
        self.assertEqual(self.events_of("second", 1), second.events)

    def test_without_a_store_there_is_none(self):
        self.suite(SUITE)
        self.mule_test("--no-store", status=1)
        self.assertFalse(os.path.exists(self.path(".mule")))

    def test_a_file_of_ones_own_has_the_same(self):
        self.suite(SUITE)
        result = self.mule_test("--no-store", "--record", "mine.mule",
                                status=1)
        self.assertEqual(self.events_of("mine.mule", 1), result.events)

    def test_it_can_be_read_without_mule(self):
        if shutil.which("zstd") is None:
            self.skipTest("zstd is not installed")
        self.suite(SUITE)
        self.mule_test("--record", "b.mule", status=1)
        text = subprocess.run(
            ["zstd", "-dc", self.path("b.mule")], check=True,
            stdout=subprocess.PIPE).stdout
        lines = [json.loads(line) for line in text.splitlines()]
        outputs = {line["output"]: line["head"] for line in lines
                   if "output" in line}
        self.assertEqual(list(outputs.values()), ["said " * 50 + "\n"])
        named = [line["out"]["ref"] for line in lines
                 if line.get("event") == "test_finished" and "out" in line]
        self.assertEqual(named, [0, 0])

    def test_a_file_that_cannot_be_written_stops_the_run_before_it(self):
        self.suite(SUITE)
        result = self.mule_test("--record", "no/such/b.mule", status=3)
        self.assertSays(result.err, "mule: error: recording: no/such/b.mule")
        self.assertEqual(result.all("test_finished"), [])

    def test_a_disk_that_is_full_costs_the_recording_and_is_said(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self): pass\n"})
        result = self.mule_test("--record", "/dev/full", status=3)
        self.assertEqual(result.states, {"test_it.T.test_a": "passed"})
        self.assertSays("\n".join(result.notes), "/dev/full",
                        "No space left on device")

    def test_while_it_is_written_nobody_else_writes_it(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        with open(os.environ["BEGAN"], "w") as file: file.write("began\\n")
        open(os.environ["GO"]).readline()
"""})
        began, go = self.fifo("began"), self.fifo("go")
        env = {"BEGAN": began.path, "GO": go.path}
        program = self.start_test("--record", "b.mule", env=env)
        self.assertEqual(began.line(program), "began\n".strip())
        other = self.mule("test", "--record", "b.mule", env=env)
        self.assertEqual(other.status, 3)
        self.assertSays(other.err, "is being written by another mule")
        growing = self.mule("replay", "b.mule")
        self.assertEqual(growing.status, 3)
        self.assertSays(growing.out, "its build is still under way",
                        "1 selected", "1 not run")
        go.write()
        result = self.result_of(program)
        self.assertEqual(result.status, 0)
        self.assertEqual(self.events_of("b.mule", 0), result.events)

    def test_a_build_that_was_killed_says_what_it_never_ran(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self):
        with open(os.environ["BEGAN"], "w") as file: file.write("began\\n")
        open(os.environ["GO"]).readline()
    def test_c(self): pass
class U(unittest.TestCase):
    def test_d(self): pass
"""})
        began, go = self.fifo("began"), self.fifo("go")
        program = self.start_test("--jobs", "1", "--record", "b.mule",
                                  "test_it.T", "test_it.U",
                                  env={"BEGAN": began.path, "GO": go.path})
        began.line(program)
        program.process.send_signal(signal.SIGKILL)
        program.wait()
        result = self.mule("replay", "--json", "-", "b.mule")
        self.assertEqual(result.status, 3)
        self.assertSays(result.err, "b.mule is not whole: its end is missing")
        events = [json.loads(line) for line in result.out.splitlines()]
        states = {event["id"]: event["state"] for event in events
                  if event["event"] == "test_finished"}
        self.assertEqual(set(states), {
            "test_it.T.test_a", "test_it.T.test_b", "test_it.T.test_c",
            "test_it.U.test_d"})
        self.assertEqual(states["test_it.U.test_d"], "not run")
        self.assertEqual(states["test_it.T.test_b"], "not run")
        self.assertEqual(events[-1]["event"], "run_finished")
        self.assertEqual(sum(events[-1]["states"].values()), 4)


class Damage(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite(SUITE)
        self.mule_test("--no-store", "--record", "b.mule", status=1)
        with open(self.path("b.mule"), "rb") as file:
            self.data = file.read()

    def replay(self, data, *args):
        with open(self.path("bad.mule"), "wb") as file:
            file.write(data)
        result = self.mule("replay", *args, "bad.mule")
        self.assertGreaterEqual(result.status, 0, result.text)  # no signal
        return result

    def test_wherever_it_is_cut_the_rest_is_shown(self):
        end, _ = frames(self.data)[-1]  # which says that nothing follows
        for length in [*range(32, len(self.data), 97), end]:
            result = self.replay(self.data[:length])
            self.assertEqual(result.status, 3 if length < end else 1,
                             (length, result.text))
            self.assertSays(result.text, "bad.mule is not whole",
                            "its end is missing")

    def test_every_reporter_takes_what_is_left(self):
        found = frames(self.data)
        ends = [at for at, _ in found[1:]] + [len(self.data)]
        for missing in range(len(found)):
            data = b"".join(self.data[at:end] for place, ((at, _), end)
                            in enumerate(zip(found, ends))
                            if place != missing)
            result = self.replay(
                data, "-vvv", "--json", "o.json", "--xunit-output", "o.xml",
                "--trace", "o.trace", "--html", "o.html")
            if missing < len(found) - 1 and found[missing][1] != 4:
                self.assertSays(result.text, "bad.mule is not whole")

    def test_a_wrong_byte_costs_one_frame(self):
        found = frames(self.data)
        last = [at for at, kind in found if kind == 1][-1]
        data = bytearray(self.data)
        data[last + 50] ^= 0xff
        result = self.replay(bytes(data))
        self.assertEqual(result.status, 3, result.text)
        self.assertSays(result.text, "1 damaged place", "missing events",
                        "at byte %d" % last)

    def test_outputs_that_are_gone_are_counted(self):
        found = frames(self.data)
        at, end = next((at, found[place + 1][0])
                       for place, (at, kind) in enumerate(found) if kind == 2)
        result = self.replay(self.data[:at] + self.data[end:])
        self.assertEqual(result.status, 1, result.text)
        self.assertSays(result.text, "2 missing outputs", "4 selected")

    def test_what_is_no_recording_is_refused(self):
        for data in (b"", b"#!/bin/sh\n" * 1000, b"\0" * 100000,
                     os.urandom(5000), self.data[:20]):
            result = self.replay(data)
            self.assertMistake(result, "bad.mule")

    def test_a_later_format_is_refused_with_what_to_do(self):
        header = bytearray(self.data[:32])
        header[12] = 2
        total = 2166136261
        for place in range(12, 32):
            if place not in (14, 15):
                total = (total ^ header[place]) * 16777619 % 2**32
        struct.pack_into("<H", header, 14, (total ^ total >> 16) & 0xffff)
        result = self.replay(bytes(header) + self.data[32:])
        self.assertMistake(result, "has format 2", "a newer mule wrote it")


class Last(MuleCase):
    """Which build is meant where none is named, or by an id."""

    def setUp(self):
        super().setUp()
        self.suite({f"test_{name}.py": CLASS + "    def test_a(self): pass\n"
                    for name in "xyz"})

    def shown(self, *args):
        """The id of the build that is shown, and the modules it ran."""
        result = self.mule("replay", "--json", "-", *args)
        self.assertEqual(result.status, 0, result.text)
        events = [json.loads(line) for line in result.out.splitlines()]
        return events[0]["build"], {
            event["id"].split(".")[0] for event in events
            if event["event"] == "test_finished"}

    def first_of_history(self):
        lines = self.mule("history", "--json").out.splitlines()
        return json.loads(lines[0])["build"]

    def test_an_older_build_that_is_imported_is_not_the_last(self):
        self.mule_test("--id", "old", "--store", "other", "test_x")
        self.mule("history", "export", "old.db", "--recordings",
                  "--store", "other")
        self.mule_test("--id", "new", "test_y")
        result = self.mule("history", "import", "old.db")
        self.assertSays(result.out, "1 build and 1 recording added")
        self.assertEqual(self.first_of_history(), "new")
        self.assertEqual(self.shown(), ("new", {"test_y"}))
        self.assertIn("test_y", self.mule("replay", "--process", "1").out)

    def test_a_file_that_is_touched_is_not_the_last(self):
        self.mule_test("--id", "old", "test_x")
        self.mule_test("--id", "new", "test_y")
        os.utime(self.path(".mule", "recordings", "old.mule"),
                 (4e9, 4e9))
        self.assertEqual(self.shown(), ("new", {"test_y"}))

    def test_of_two_that_overlap_the_one_that_began_last_is_it(self):
        began, go = self.fifo("began"), self.fifo("go")
        self.suite({"test_w.py": f"""
            import unittest
            class W(unittest.TestCase):
                def test_a(self):
                    with open({began.path!r}, "w") as file:
                        file.write("began\\n")
                    open({go.path!r}).readline()
            """})
        program = self.start_test("--id", "long", "test_w")
        began.line(program)
        self.mule_test("--id", "short", "test_x")
        go.write()
        self.assertEqual(self.result_of(program).status, 0)
        self.assertEqual(self.first_of_history(), "short")
        self.assertEqual(self.shown(), ("short", {"test_x"}))

    def test_what_is_no_recording_is_older_than_all_others(self):
        self.mule_test("--id", "good", "test_x")
        with open(self.path(".mule", "recordings", "void.mule"), "wb"):
            pass
        self.assertEqual(self.shown(), ("good", {"test_x"}))

    def test_an_id_that_is_used_again_names_the_newest_build(self):
        for name in "xyz":
            self.mule_test("--id", "ci-1", f"test_{name}")
        for word in ("ci-1", "ci", "c"):
            self.assertEqual(self.shown(word), ("ci-1", {"test_z"}))
        self.assertEqual(self.shown("ci-1-2"), ("ci-1", {"test_y"}))
        path = self.path(".mule", "recordings", "ci-1.mule")
        self.assertEqual(self.shown(path), ("ci-1", {"test_x"}))

    def test_an_id_goes_before_a_file_of_that_name(self):
        for build, name in (("ci-1-2", "x"), ("ci-1", "y"), ("ci-1", "z")):
            self.mule_test("--id", build, f"test_{name}")
        self.assertEqual(self.shown("ci-1-2"), ("ci-1-2", {"test_x"}))
        self.assertEqual(self.shown("ci-1"), ("ci-1", {"test_z"}))
        result = self.mule("replay", "ci")
        self.assertMistake(result, 'there are 2 builds that begin with "ci"',
                           "one of ci-1, ci-1-2")
