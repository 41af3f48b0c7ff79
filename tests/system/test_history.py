"""`mule history`, `mule list` with what past builds know, and their travels."""

import json
import os
import signal
import sqlite3
import stat

from support.mule_case import MuleCase

SUITE = """
    import os, unittest

    class A(unittest.TestCase):
        def test_1(self):
            pass
        def test_2(self):
            self.assertFalse(os.path.exists("bad"))
        @unittest.skip("not today")
        def test_3(self):
            pass
    """
FLAKY = """
    import os, unittest

    class F(unittest.TestCase):
        def test_it(self):
            if not os.path.exists("again"):
                open("again", "w").close()
                self.fail("the first time")
    """


class HistoryCase(MuleCase):

    def setUp(self):
        super().setUp()
        self.environment["TZ"] = "UTC"
        self.suite({"test_m.py": SUITE})

    def spoil(self):
        with open(self.path("bad"), "w", encoding="utf-8"):
            pass

    def history(self, *args, status=0, **more):
        result = self.mule("history", *args, **more)
        self.assertEqual(result.status, status, result.text)
        return result

    def lines(self, *args, **more):
        """What `mule history ... --json` prints."""
        out = self.history(*args, "--json", **more).out
        return [json.loads(line) for line in out.splitlines()]

    def three_builds(self):
        self.mule_test("--id", "one")
        self.spoil()
        self.mule_test("--id", "two", status=1)
        os.remove(self.path("bad"))
        self.mule_test("--id", "three", "-k", "test_2")


class Builds(HistoryCase):

    def test_they_stand_from_the_newest_to_the_oldest(self):
        self.three_builds()
        out = self.history().out
        lines = out.splitlines()
        self.assertRegex(
            lines[0], r"^OK {7}three {7}\d{4}-\d\d-\d\d \d\d:\d\d +[\d.]+s  "
                      r"1 passed$")
        self.assertRegex(lines[1], r"^ {9}recorded    mule test .*--id three")
        self.assertRegex(lines[2], r"^FAILED   two .* 1 passed, 1 failed, "
                                   r"1 skipped$")
        self.assertRegex(lines[4], r"^OK       one .* 2 passed, 1 skipped$")
        for line in lines:
            self.assertLessEqual(len(line), 80)
        self.assertNotIn("\x1b", out)

    def test_on_a_terminal_they_have_colours(self):
        self.mule_test()
        program = self.on_terminal("history")
        self.assertEqual(program.wait(), 0)
        self.assertIn(b"\x1b[", bytes(program.out))

    def test_last_says_how_many(self):
        self.three_builds()
        self.assertEqual([line["build"] for line in self.lines("--last", "2")],
                         ["three", "two"])
        self.assertEqual(len(self.lines("--last", "0")), 3)

    def test_as_json_each_has_its_counts_and_its_recording(self):
        self.three_builds()
        three, two, one = self.lines()
        self.assertEqual(two["exit_status"], 1)
        self.assertEqual(two["states"]["failed"], 1)
        self.assertEqual(two["states"]["skipped"], 1)
        self.assertEqual(two["state"], "ended")
        self.assertTrue(os.path.isfile(one["recording"]))
        self.assertNotIn("parent", three)

    def test_one_whose_recording_is_gone_is_there_all_the_same(self):
        self.mule_test()
        line, = self.lines()
        os.remove(line["recording"])
        line, = self.lines()
        self.assertNotIn("recording", line)
        self.assertNotIn("recorded", self.history().out)

    def test_where_there_is_none_it_says_so(self):
        result = self.history(status=5)
        self.assertSays(result.err, "there is no history", "mule test")

    def test_the_first_one_is_there_before_it_has_ended(self):
        here, never = self.fifo("here"), self.fifo("never")
        self.suite({"test_w.py": f"""
            import os, unittest
            class W(unittest.TestCase):
                def test_1(self):
                    with open({here.path!r}, "w") as file:
                        file.write("here\\n")
                    open({never.path!r}).read()
            """})
        program = self.start_test("--id", "first", "test_w")
        self.assertEqual(here.line(program), "here")
        running, = self.lines()
        self.assertEqual((running["build"], running["state"]),
                         ("first", "running"))
        self.assertRegex(self.history().out, r"^running  first ")
        for asked in (["--flaky"], ["--slowest", "3"], ["test_w.W.test_1"]):
            self.assertSays(self.history(*asked, status=5).err,
                            "there is no history")
        program.signal(signal.SIGKILL)
        program.wait()
        self.assertEqual(self.lines()[0]["state"], "cut off")
        self.assertRegex(self.history().out, r"^cut off  first ")
        self.assertEqual(os.listdir(self.path(".mule", "recordings")),
                         ["first.mule"])

    def test_one_that_is_under_way_and_one_that_was_killed(self):
        self.mule_test("--id", "first")
        here, never = self.fifo("here"), self.fifo("never")
        self.suite({"test_w.py": f"""
            import os, unittest
            class W(unittest.TestCase):
                def test_1(self):
                    pass
                def test_2(self):
                    with open({here.path!r}, "w") as file:
                        file.write("here\\n")
                    open({never.path!r}).read()
            """})
        program = self.start_test("--id", "second", "test_w")
        self.assertEqual(here.line(program), "here")
        running = self.lines()[0]
        self.assertEqual((running["build"], running["state"]),
                         ("second", "running"))
        self.assertNotIn("exit_status", running)
        program.signal(signal.SIGKILL)
        program.wait()
        self.assertEqual(self.lines()[0]["state"], "cut off")
        self.assertRegex(self.history().out, r"^cut off  second ")
        # The next build makes it one like any other.
        self.mule_test("--id", "third", "test_m")
        second = self.lines()[1]
        self.assertEqual((second["build"], second["state"]),
                         ("second", "cut off"))
        self.assertEqual(sum(second["states"].values()), 2)
        self.assertGreaterEqual(second["states"]["not run"], 1)


class Tests(HistoryCase):

    def test_one_test_is_shown_build_by_build(self):
        self.three_builds()
        out = self.history("test_m.A.test_2").out
        lines = out.splitlines()
        self.assertEqual(lines[0], "test_m.A.test_2")
        self.assertEqual(lines[1], "3 builds: 2 passed, 1 failed")
        self.assertRegex(lines[4], r" three +passed +[\d.]+s  [=.]{12}  slot 0")
        self.assertRegex(lines[5], r" two +failed ")
        self.assertEqual(len(lines), 7)
        for line in lines:
            self.assertLessEqual(len(line), 80)

    def test_as_json_it_has_what_was_wrong(self):
        self.three_builds()
        three, two, one = self.lines("test_m.A.test_2")
        self.assertEqual(two["build"], "two")
        self.assertEqual(two["state"], "failed")
        self.assertSays(two["message"], "AssertionError")
        self.assertEqual([one["state"], three["state"]], ["passed", "passed"])
        self.assertEqual(len(self.lines("test_m.A.test_1")), 2)

    def test_one_that_is_not_known_names_the_nearest(self):
        self.mule_test()
        result = self.mule("history", "test_m.A.test_11")
        self.assertMistake(result, 'did you mean "test_m.A.test_1"?')
        result = self.mule("history", "something.quite.different")
        self.assertMistake(result, "no build knows")
        self.assertNotIn("did you mean", result.err)

    def test_a_name_that_is_guessed_gives_the_terminal_no_orders(self):
        self.suite({"test_o.py": """
            import unittest
            class O(unittest.TestCase):
                pass
            setattr(O, "test_of_a_name_\\x1b[2Jthat", lambda self: None)
            """})
        self.mule_test()
        result = self.mule("history", "test_o.O.test_of_a_name_that")
        self.assertMistake(result,
                           'did you mean "test_o.O.test_of_a_name_that"?')

    def test_the_lists_are_asked_for_one_at_a_time(self):
        result = self.mule("history", "--slowest", "3", "--flaky")
        self.assertMistake(result, "--slowest and --flaky do not go together")
        result = self.mule("history", "test_m.A.test_1", "--slowest", "3")
        self.assertMistake(result, "a test and --slowest do not go together")

    def test_the_slowest_come_first(self):
        self.suite({"test_t.py": """
            import time, unittest
            class T(unittest.TestCase):
                def test_long(self):
                    time.sleep(0.3)
            """})
        self.mule_test()
        ranks = self.lines("--slowest", "2")
        self.assertEqual(len(ranks), 2)
        self.assertEqual(ranks[0]["test"], "test_t.T.test_long")
        self.assertGreaterEqual(ranks[0]["expect_us"], 300000)
        self.assertRegex(self.history("--slowest", "1").out,
                         r"  passed    test_t.T.test_long\n")

    def test_flaky_ones_are_named_and_counted(self):
        self.suite({"test_f.py": FLAKY})
        self.mule_test("--retries", "1", "--retry-delay", "0")
        rank, = self.lines("--flaky")
        self.assertEqual(rank["test"], "test_f.F.test_it")
        self.assertEqual(rank["flaky"], 1)
        self.assertRegex(self.history("--flaky").out,
                         r"(?m)^ +1 +0 +1  20.*  test_f.F.test_it$")
        seen, = self.lines("test_f.F.test_it")
        self.assertEqual((seen["state"], seen["flaky"], seen["tries"]),
                         ("passed", True, 2))
        self.assertRegex(self.history("test_f.F.test_it").out,
                         r"  flaky  .*, try 2\n")

    def test_flaky_ones_are_those_of_the_last_builds(self):
        self.suite({"test_f.py": FLAKY})
        retried = ("--retries", "1", "--retry-delay", "0")
        self.mule_test(*retried)
        os.remove(self.path("again"))
        self.mule_test(*retried)
        self.mule_test()
        counts = [(rank["flaky"], rank["runs"], rank["bad"])
                  for last in ((), ("--last", "0"), ("--last", "3"),
                               ("--last", "2"))
                  for rank in self.lines("--flaky", *last)]
        self.assertEqual(counts, [(2, 3, 2)] * 3 + [(1, 2, 1)])
        self.assertEqual(self.lines("--flaky", "--last", "1"), [])
        self.assertSays(self.history("--flaky", "--last", "1").out,
                        "No test was flaky.")

    def test_turns_are_those_of_the_last_builds(self):
        for bad in (False, True, False, True, True):
            if bad:
                self.spoil()
            self.mule_test(status=int(bad))
            if bad:
                os.remove(self.path("bad"))
        rank, = self.lines("--flaky", "--last", "5")
        self.assertEqual((rank["turns"], rank["runs"], rank["bad"]),
                         (3, 5, 3))
        self.assertEqual(self.lines("--flaky", "--last", "4"), [])

    def test_the_slowest_are_not_those_of_the_last_builds(self):
        result = self.mule("history", "--slowest", "3", "--last", "2")
        self.assertMistake(result, "--slowest and --last do not go together")

    def test_one_that_comes_and_goes_is_suspicious(self):
        for bad in (False, True, False, True):
            if bad:
                self.spoil()
            self.mule_test(status=int(bad))
            if bad:
                os.remove(self.path("bad"))
        rank, = self.lines("--flaky")
        self.assertEqual((rank["test"], rank["flaky"], rank["turns"]),
                         ("test_m.A.test_2", 0, 3))

    def test_without_any_it_says_so(self):
        self.mule_test()
        self.assertSays(self.history("--flaky").out, "No test was flaky.")

    def test_the_list_says_what_is_expected(self):
        self.assertNotIn("last", self.mule("list", "--json").out)
        self.mule_test()
        out = self.mule("list", "--json").out
        lines = {line["id"]: line
                 for line in map(json.loads, out.splitlines())}
        self.assertEqual(lines["test_m.A.test_1"]["last"], "passed")
        self.assertGreater(lines["test_m.A.test_1"]["expect_ms"], 0)
        self.assertEqual(lines["test_m.A.test_3"]["last"], "skipped")
        self.assertNotIn("expect_ms", lines["test_m.A.test_3"])
        self.assertRegex(self.mule("list", "-v").out,
                         r"(?m)^ +\d+\.\d{3}s  passed   test_m.A.test_1$")
        self.assertSays(self.mule("list").out, "test_m.A.test_1\n")
        self.assertNotIn("passed", self.mule("list").out)
        self.assertNotIn("passed",
                         self.mule("list", "-v", "--no-store").out)


class Travels(HistoryCase):

    def elsewhere(self, name="other"):
        """An empty project."""
        self.suite({name + "/mule.yaml": "verbosity: 1\n"})
        return self.path(name)

    def take(self, *files, cwd, status=0):
        return self.history("import", *map(self.path, files), cwd=cwd,
                            status=status)

    def test_a_store_goes_as_one_file_and_comes_back_the_same(self):
        self.three_builds()
        self.assertSays(self.history("export", "h.db").out, "3 builds")
        there = self.elsewhere()
        self.assertSays(self.take("h.db", cwd=there).out, "3 builds",
                        "0 known")
        def known(cwd):
            builds = [dict(line, recording=None)
                      for line in self.lines(cwd=cwd)]
            return (builds, self.lines("--slowest", "9", cwd=cwd),
                    self.lines("test_m.A.test_2", cwd=cwd))
        self.assertEqual(known(there), known(self.folder))

    def test_what_is_known_is_not_added_again(self):
        self.three_builds()
        self.history("export", "h.db")
        there = self.elsewhere()
        self.take("h.db", cwd=there)
        before = self.lines("--slowest", "9", cwd=there)
        self.assertSays(self.take("h.db", "h.db", cwd=there).out,
                        "0 builds", "6 known")
        self.assertEqual(self.lines("--slowest", "9", cwd=there), before)
        self.assertEqual(len(self.lines(cwd=there)), 3)

    def test_recordings_go_along_when_they_are_asked_to(self):
        self.mule_test("--id", "one")
        self.history("export", "without.db")
        self.assertSays(self.history("export", "with.db", "--recordings").out,
                        "1 recording in")
        there = self.elsewhere()
        self.take("without.db", cwd=there)
        self.assertNotIn("recording", self.lines(cwd=there)[0])
        self.take("with.db", cwd=there)
        path = self.lines(cwd=there)[0]["recording"]
        with open(path, "rb") as copy, open(
                self.path(".mule", "recordings", os.path.basename(path)),
                "rb") as original:
            self.assertEqual(copy.read(), original.read())
        self.assertEqual(self.mule("replay", "one", cwd=there).status, 0)

    def test_two_machines_are_put_together(self):
        self.mule_test("--id", "here")
        self.history("export", "a.db")
        there = self.elsewhere()
        self.suite({"other/test_o.py": SUITE})
        self.mule_test("--id", "there", cwd=there)
        self.take("a.db", cwd=there)
        self.assertEqual({line["build"] for line in self.lines(cwd=there)},
                         {"here", "there"})
        tests = {line["test"]
                 for line in self.lines("--slowest", "9", cwd=there)}
        self.assertLessEqual({"test_m.A.test_1", "test_o.A.test_1"}, tests)

    def test_what_failed_elsewhere_runs_here(self):
        self.spoil()
        self.mule_test(status=1)
        self.history("export", "ci.db")
        there = self.elsewhere()
        self.suite({"other/test_m.py": SUITE})
        self.take("ci.db", cwd=there)
        result = self.mule_test("--failed", cwd=there)
        self.assertStates(result, {"test_m.A.test_2": "passed"})

    def kill_one(self):
        """A build of all, in which test_2 fails, is killed within test_w."""
        here, never = self.fifo("here"), self.fifo("never")
        self.suite({"test_w.py": f"""
            import unittest
            class W(unittest.TestCase):
                def test_1(self):
                    with open({here.path!r}, "w") as file:
                        file.write("here\\n")
                    open({never.path!r}).read()
            """})
        self.spoil()
        program = self.start_test("--id", "killed", "--jobs", "1")
        self.assertEqual(here.line(program), "here")
        program.signal(signal.SIGKILL)
        program.wait()

    def test_what_a_killed_build_left_goes_along(self):
        self.mule_test("--id", "first")
        self.kill_one()
        result = self.history("export", "ci.db", "--recordings")
        self.assertSays(result.out, "2 builds and 2 recordings")
        self.assertEqual(result.err, "")
        there = self.elsewhere()
        self.suite({"other/test_m.py": SUITE,
                    "other/test_w.py": SUITE.replace("A(", "W(")})
        self.take("ci.db", cwd=there)
        self.assertEqual(self.lines(cwd=there)[0]["state"], "cut off")
        result = self.mule_test("--failed", cwd=there)
        self.assertEqual(result.states.get("test_m.A.test_2"), "passed")
        self.assertEqual(result.states.get("test_w.W.test_1"), "passed")

    def test_a_killed_build_alone_goes_along(self):
        self.kill_one()
        self.assertSays(self.history("export", "ci.db").out, "1 build and")

    def test_a_killed_build_that_cannot_be_understood_stays_and_is_said(self):
        self.mule_test("--id", "first")
        self.kill_one()
        store = self.path(".mule")
        result = self.history("export", "--store", store, self.path("ci.db"),
                              cwd=self.elsewhere())
        self.assertSays(result.out, "1 build and")
        self.assertSays(result.err,
                        "1 build that was cut off is not in the file",
                        "where mule was killed")
        self.assertSays(self.history("export", "ci.db").out, "2 builds and")

    def test_what_failed_elsewhere_runs_where_less_was_asked_for(self):
        there = self.elsewhere()
        self.suite({"other/test_m.py": SUITE, "other/test_o.py": SUITE})
        self.mule_test("test_o", cwd=there)
        self.spoil()
        self.mule_test(status=1)
        self.history("export", "ci.db")
        self.take("ci.db", cwd=there)
        result = self.mule_test("--failed", cwd=there)
        self.assertEqual(result.states.get("test_m.A.test_2"), "passed")

    def test_a_place_that_cannot_be_written_to_is_named(self):
        self.mule_test()
        self.history("export", self.path("none/h.db"), status=3)
        result = self.mule("history", "export", self.path("none/h.db"))
        self.assertIn("No such file or directory", result.err)
        self.assertNotIn("--no-store", result.err)

    def test_what_is_no_such_file_is_refused_and_changes_nothing(self):
        self.mule_test()
        self.history("export", "h.db")
        with open(self.path("h.db"), "rb") as file:
            whole = file.read()
        for name, data in (("cut.db", whole[:len(whole) // 2]),
                           ("text.db", b"no database at all" * 50),
                           ("empty.db", b"")):
            with open(self.path(name), "wb") as file:
                file.write(data)
        there = self.elsewhere()
        for name in ("cut.db", "text.db", "empty.db", "missing.db"):
            result = self.mule("history", "import", self.path(name), cwd=there)
            self.assertIn(result.status, (3, 4, 5), name)
            self.assertRegex(result.err, r"(?m)^mule: error: ", name)
            self.assertIn(name, result.err)
        self.assertEqual(self.lines(cwd=there), [])

    def test_one_of_a_newer_mule_is_refused(self):
        self.mule_test()
        self.history("export", "h.db")
        with sqlite3.connect(self.path("h.db")) as copy:
            copy.execute("PRAGMA user_version = 4711")
        copy.close()
        result = self.mule("history", "import", self.path("h.db"),
                           cwd=self.elsewhere())
        self.assertMistake(result, "newer mule")

    def test_a_recording_cannot_lie_elsewhere(self):
        self.mule_test("--id", "one")
        self.history("export", "h.db", "--recordings")
        copy = sqlite3.connect(self.path("h.db"))
        copy.execute("UPDATE builds SET recording = '../../out.mule'")
        copy.execute("UPDATE recordings SET name = '../../out.mule'")
        copy.commit()
        copy.close()
        self.take("h.db", cwd=self.elsewhere("deep/other"))
        for folder, _, files in os.walk(self.path("deep")):
            self.assertNotIn("out.mule", files, folder)

    def test_an_export_that_cannot_be_written_is_a_mistake(self):
        self.mule_test()
        result = self.mule("history", "export", "no/such/folder/h.db")
        self.assertMistake(result, "no/such/folder", status=3)

    def test_an_export_replaces_a_file_and_nothing_else(self):
        self.mule_test()
        os.mkfifo(self.path("fifo"))
        os.mkdir(self.path("folder"))
        for name in ("fifo", "folder"):
            with self.subTest(name):
                self.assertMistake(self.mule("history", "export", name), name)
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("fifo")).st_mode))
        own = os.path.join(".mule", "history.db")
        self.assertMistake(self.mule("history", "export", own), own)
        with open(self.path("real.db"), "w"):
            pass
        os.symlink("real.db", self.path("link.db"))
        self.history("export", "link.db")
        self.assertTrue(os.path.islink(self.path("link.db")))
        self.assertGreater(os.path.getsize(self.path("real.db")), 0)

    def test_prune_keeps_what_it_is_told_to(self):
        for name in ("one", "two", "three", "four"):
            self.mule_test("--id", name)
        out = self.history("prune", "--keep-builds", "2").out
        self.assertSays(out, "2 builds, 2 recordings")
        self.assertEqual([line["build"] for line in self.lines()],
                         ["four", "three"])
        self.assertEqual(len(os.listdir(self.path(".mule", "recordings"))), 2)

    def test_words_that_do_not_belong_there_are_mistakes(self):
        self.mule_test()
        for words in (("prune", "x"), ("export",), ("export", "a", "b"),
                      ("import",), ("a", "b")):
            self.assertMistake(self.mule("history", *words))
