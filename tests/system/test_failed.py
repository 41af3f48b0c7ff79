"""`mule test --failed`: what is still to pass, until nothing is."""

import contextlib
import os
import signal
import sqlite3

from support.mule_case import MuleCase

# What each test does is decided by files, so that it can be mended.
SUITE = """
    import os, unittest

    def bad(name):
        return os.path.exists(name + ".bad")

    class A(unittest.TestCase):
        def test_1(self):
            self.assertFalse(bad("A1"))
        def test_2(self):
            self.assertFalse(bad("A2"))

    class B(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            if bad("setup"):
                raise OSError("no room")
        @classmethod
        def tearDownClass(cls):
            if bad("teardown"):
                raise OSError("no way out")
        def test_1(self):
            self.assertFalse(bad("B1"))
        def test_2(self):
            self.assertFalse(bad("B2"))
    """


class FailedCase(MuleCase):

    def setUp(self):
        super().setUp()
        # Files change within a second, and do not always change their size.
        self.environment["PYTHONDONTWRITEBYTECODE"] = "1"
        self.suite({"test_m.py": SUITE})

    def spoil(self, *names):
        for name in names:
            with open(self.path(name + ".bad"), "w", encoding="utf-8"):
                pass

    def mend(self, *names):
        for name in names:
            os.remove(self.path(name + ".bad"))

    def failed(self, *args, **more):
        return self.mule_test("--failed", *args, **more)

    def assertRan(self, result, *ids):
        self.assertEqual(sorted(result.states), sorted(ids), result.text)

    def outstanding(self, result):
        return result.tally.get("outstanding")


class Chains(FailedCase):

    def test_what_failed_runs_again_until_it_passes(self):
        self.spoil("A1", "B2")
        self.mule_test(status=1)
        self.mend("A1")
        first = self.failed(status=1)
        self.assertRan(first, "test_m.A.test_1", "test_m.B.test_2")
        self.assertEqual(self.outstanding(first), 1)
        self.assertSays(first.text, "2 failed", "1 still to pass")
        self.mend("B2")
        second = self.failed()
        self.assertRan(second, "test_m.B.test_2")
        self.assertEqual(self.outstanding(second), 0)
        self.assertSays(second.text, "Nothing is left")

    def test_with_nothing_left_it_says_so_and_is_fine(self):
        self.mule_test()
        result = self.failed(status=0)
        self.assertRan(result)
        self.assertEqual(self.outstanding(result), 0)
        self.assertSays(result.text, "nothing is left")

    def test_the_build_it_goes_on_from_is_named(self):
        self.spoil("A1")
        self.mule_test("--id", "one", status=1)
        result = self.failed("--id", "two", status=1)
        start, = result.all("run_started")
        self.assertEqual(start["parent"], "one")
        self.assertSays(result.text, "after build one")

    def test_an_ordinary_run_says_nothing_of_it(self):
        result = self.mule_test()
        self.assertNotIn("outstanding", result.tally)
        self.assertNotIn("parent", result.all("run_started")[0])

    def test_a_new_test_runs_with_what_failed(self):
        self.spoil("A1")
        self.mule_test(status=1)
        self.suite({"test_n.py": """
            import unittest
            class N(unittest.TestCase):
                def test_it(self):
                    pass
            """})
        result = self.failed(status=1)
        self.assertRan(result, "test_m.A.test_1", "test_n.N.test_it")
        self.assertSays(result.text, "1 failed, 1 is new")

    def test_a_test_that_is_gone_is_named_and_forgotten(self):
        self.spoil("A1", "A2")
        self.mule_test(status=1)
        self.suite({"test_m.py": SUITE.replace("test_2", "test_3")})
        self.mend("A1")
        result = self.failed("--verbosity", "1", status=1)
        self.assertSays(result.text,
                        "test_m.A.test_2 did not pass and is no longer there")
        # What is called otherwise now is new.
        self.assertEqual(result.states["test_m.A.test_3"], "failed")
        self.mend("A2")
        self.assertRan(self.failed(), "test_m.A.test_3")
        self.assertRan(self.failed())

    def away(self, name):
        os.rename(self.path(name), self.path(name + ".away"))

    def back(self, name):
        os.rename(self.path(name + ".away"), self.path(name))

    def test_a_test_that_comes_back_is_as_it_was(self):
        self.suite({"test_n.py": SUITE})
        self.spoil("A1")
        self.mule_test(status=1)
        for run in ((), ("--failed",), ("-k", "A.test_1")):
            with self.subTest(run=run):
                self.away("test_n.py")
                self.mule_test(*run, status=1)
                self.back("test_n.py")
                result = self.failed(status=1)
                self.assertRan(result, "test_m.A.test_1", "test_n.A.test_1")
                self.assertSays(result.text, "2 failed")
                self.assertEqual(self.outstanding(result), 2)

    def test_a_method_that_comes_back_is_as_it_was(self):
        self.spoil("A1")
        self.mule_test(status=1)
        self.suite({"test_m.py": SUITE.replace("def test_1", "def later")})
        self.mule_test()
        self.suite({"test_m.py": SUITE})
        self.assertRan(self.failed(status=1), "test_m.A.test_1")
        self.mend("A1")
        self.assertRan(self.failed(), "test_m.A.test_1")
        self.assertRan(self.failed())

    def test_what_leaves_quarantine_has_to_pass(self):
        self.spoil("A1")
        self.mule_test("--quarantine", "*.A")
        self.assertRan(self.failed("--quarantine", "*.A"))
        self.assertRan(self.failed(status=1), "test_m.A.test_1")

    def test_a_narrow_run_in_between_forgets_nothing(self):
        self.spoil("A1", "B1")
        self.mule_test(status=1)
        self.mend("A1", "B1")
        self.mule_test("test_m.A")
        self.mule_test("-k", "A.test_2")
        result = self.failed()
        self.assertRan(result, "test_m.B.test_1")

    def test_words_narrow_it(self):
        self.spoil("A1", "B1")
        self.mule_test(status=1)
        result = self.failed("test_m.A", status=1)
        self.assertRan(result, "test_m.A.test_1")
        self.assertEqual(self.outstanding(result), 2)
        result = self.failed("-k", "B", status=1)
        self.assertRan(result, "test_m.B.test_1")

    def test_it_looks_where_the_builds_before_looked(self):
        self.suite({"test_n.py": """
            import unittest
            class N(unittest.TestCase):
                def test_it(self):
                    self.fail()
            """})
        self.spoil("A1")
        self.mule_test("test_m", status=1)
        # Nobody has asked for test_n so far.
        self.assertRan(self.failed(status=1), "test_m.A.test_1")
        self.mule_test("test_n", status=1)
        self.assertRan(self.failed(status=1),
                       "test_m.A.test_1", "test_n.N.test_it")

    def test_a_label_that_is_gone_is_no_mistake(self):
        self.spoil("A1", "B1")
        self.mule_test("test_m.A.test_1", "test_m.B.test_1", status=1)
        self.suite({"test_m.py": SUITE.replace("class A", "class C")})
        self.mend("B1")
        result = self.failed(status=None)
        self.assertIn("test_m.B.test_1", result.states)
        self.assertSays(result.text, "matches nothing any more")

    def test_without_a_build_all_is_new(self):
        result = self.failed()
        self.assertEqual(result.count("passed"), 4)
        self.assertSays(result.text, "4 are new", "no build is known")


class Fixtures(FailedCase):

    def test_a_class_whose_fixture_failed_runs_again(self):
        self.spoil("setup")
        first = self.mule_test(status=1)
        self.assertIn("error", first.states.values())
        self.mend("setup")
        result = self.failed()
        self.assertRan(result, "test_m.B.test_1", "test_m.B.test_2")
        self.assertEqual(self.outstanding(result), 0)

    def test_a_class_runs_again_for_the_fixture_behind_it(self):
        self.spoil("teardown")
        self.mule_test(status=1)
        again = self.failed(status=1)
        self.assertEqual(again.states["test_m.B.test_1"], "passed")
        self.assertEqual(self.outstanding(again), 1)
        self.mend("teardown")
        result = self.failed()
        self.assertRan(result, "test_m.B.test_1", "test_m.B.test_2")
        self.assertEqual(self.outstanding(result), 0)
        self.assertRan(self.failed())

    def test_a_module_that_can_be_loaded_again_runs_whole(self):
        self.mule_test()
        good = self.read("test_m.py")
        self.suite({"test_m.py": "raise ImportError('not today')\n"})
        self.mule_test(status=1)
        again = self.failed(status=1)
        self.assertEqual(again.count("error"), 1)
        with open(self.path("test_m.py"), "w", encoding="utf-8") as file:
            file.write(good)
        result = self.failed()
        self.assertEqual(result.count("passed"), 4)
        self.assertEqual(self.outstanding(result), 0)

    def test_a_process_that_dies_no_more_is_well(self):
        self.suite({"test_c.py": """
            import os, unittest
            class C(unittest.TestCase):
                @classmethod
                def tearDownClass(cls):
                    if os.path.exists("crash.bad"):
                        os._exit(3)
                def test_1(self):
                    pass
            """})
        self.spoil("crash")
        self.mule_test("test_c", status=1)
        self.mend("crash")
        result = self.failed()
        self.assertIn("test_c.C.test_1", result.states)
        self.assertEqual(self.outstanding(result), 0)
        self.assertRan(self.failed())


class Interrupted(FailedCase):

    SLOW = """
        import os, unittest
        class S(unittest.TestCase):
            def test_1(self):
                pass
            def test_2(self):
                if os.path.exists("wait.fifo"):
                    with open("wait.fifo", "w") as file:
                        file.write("here\\n")
                    os.read(os.open("never.fifo", os.O_RDWR), 1)
            def test_3(self):
                pass
        """

    def begin(self):
        """A run that is in the middle of its second test."""
        os.remove(self.path("test_m.py"))
        self.suite({"test_s.py": self.SLOW})
        return self.hold()

    def hold(self, *args):
        """A run that gets as far as the second test of test_s."""
        here = self.fifo("wait.fifo")
        never = self.fifo("never.fifo")
        for fifo in (here, never):
            os.symlink(fifo.path,
                       self.path(os.path.basename(fifo.path)))
        program = self.start_test("--jobs", "1", *args)
        self.assertEqual(here.line(program), "here")
        os.remove(self.path("wait.fifo"))
        return program

    def test_after_ctrl_c_the_rest_runs(self):
        program = self.begin()
        program.signal(signal.SIGINT)
        self.result_of(program)
        result = self.failed()
        self.assertRan(result, "test_s.S.test_2", "test_s.S.test_3")
        self.assertEqual(self.outstanding(result), 0)

    def test_after_mule_was_killed_the_rest_runs(self):
        program = self.begin()
        program.signal(signal.SIGKILL)
        program.wait()
        result = self.failed()
        self.assertIn("test_s.S.test_2", result.states)
        self.assertIn("test_s.S.test_3", result.states)
        self.assertEqual(self.outstanding(result), 0)
        self.assertRan(self.failed())

    def interrupt_and_return(self, *between):
        program = self.hold()
        program.signal(signal.SIGINT)
        self.result_of(program)
        os.rename(self.path("test_s.py"), self.path("kept"))
        self.mule_test(*between)
        os.rename(self.path("kept"), self.path("test_s.py"))
        self.assertRan(self.failed(), "test_s.S.test_2", "test_s.S.test_3")
        self.assertRan(self.failed())

    def test_what_never_ran_and_comes_back_runs(self):
        self.mule_test()
        self.suite({"test_s.py": self.SLOW})
        self.interrupt_and_return()

    def test_what_passed_before_and_comes_back_runs(self):
        self.suite({"test_s.py": self.SLOW})
        self.mule_test()
        self.interrupt_and_return()

    def test_what_a_rerun_missed_and_comes_back_runs(self):
        self.suite({"test_s.py": self.SLOW})
        self.mule_test()
        self.interrupt_and_return("--failed")

    def kill_one(self):
        """A run of all, in which A1 fails, is killed within test_s."""
        self.suite({"test_s.py": self.SLOW})
        self.spoil("A1")
        program = self.hold()
        program.signal(signal.SIGKILL)
        program.wait()

    def assertAllIsLeft(self):
        result = self.failed(status=1)
        self.assertNotIn("no longer there", result.text)
        self.assertEqual(result.states.get("test_m.A.test_1"), "failed")
        self.assertEqual(result.states.get("test_s.S.test_2"), "passed")
        self.assertEqual(result.states.get("test_s.S.test_3"), "passed")
        self.assertEqual(self.outstanding(result), 1)

    def test_a_narrow_run_after_a_kill_does_not_narrow_it(self):
        self.kill_one()
        self.mule_test("test_m.B")
        self.assertAllIsLeft()

    def test_a_kill_between_narrow_runs_does_not_narrow_it(self):
        self.mule_test("test_m.B.test_1")
        self.kill_one()
        self.mule_test("test_m.B.test_2")
        self.assertAllIsLeft()

    def test_a_narrow_run_after_a_killed_narrow_one_looks_at_both(self):
        self.suite({"test_s.py": self.SLOW})
        program = self.hold("test_s")
        program.signal(signal.SIGKILL)
        program.wait()
        self.mule_test("test_m.B")
        # Nobody has asked for A.
        result = self.failed()
        self.assertIn("test_s.S.test_2", result.states)
        self.assertNotIn("test_m.A.test_1", result.states)

    def test_recordings_alone_say_where_it_looks(self):
        self.suite({"test_s.py": self.SLOW})
        self.spoil("A1")
        for spoil in (self.remove_database, self.break_database):
            with self.subTest(spoil=spoil.__name__):
                self.mule_test(status=1)
                spoil()
                self.mule_test("test_m.B")
                result = self.failed(status=1)
                self.assertNotIn("no longer there", result.text)
                self.assertRan(result, "test_m.A.test_1")

    def remove_database(self):
        for name in os.listdir(self.path(".mule")):
            if name.startswith("history.db"):
                os.remove(self.path(".mule", name))

    def break_database(self):
        self.remove_database()
        with open(self.path(".mule", "history.db"), "wb") as file:
            file.write(b"this is no database" * 100)

    def test_a_build_that_kept_no_scope_may_have_been_of_all(self):
        self.spoil("A1")
        self.mule_test(status=1)
        with contextlib.closing(sqlite3.connect(
                self.path(".mule", "history.db"))) as database:
            database.execute("UPDATE suites SET scope = NULL")
            database.commit()
        self.mule_test("test_m.B")
        self.assertRan(self.failed(status=1), "test_m.A.test_1")


class Together(FailedCase):

    SLOW = """
        import unittest
        class S(unittest.TestCase):
            def test_1(self):
                with open("here.fifo", "w") as file:
                    file.write("here\\n")
                with open("go.fifo") as file:
                    file.readline()
        """

    def test_what_another_mule_saw_fail_meanwhile_is_not_forgotten(self):
        self.suite({"test_s.py": self.SLOW})
        self.spoil("A1")
        here, go = self.fifo("here.fifo"), self.fifo("go.fifo")
        for fifo in (here, go):
            os.symlink(fifo.path, self.path(os.path.basename(fifo.path)))
        slow = self.start_test("test_s")
        self.assertEqual(here.line(slow), "here")
        self.mule_test("test_m.A", status=1)
        go.write()
        self.assertEqual(self.result_of(slow).status, 0)
        result = self.failed(status=1)
        self.assertEqual(result.states.get("test_m.A.test_1"), "failed")
        self.assertEqual(self.outstanding(result), 1)


class Words(FailedCase):

    def test_programs_are_named_by_whoever_runs_them(self):
        self.suite({"a.t": "#!/bin/sh\necho 1..1; echo 'not ok 1 - it'\n",
                    "b.t": "#!/bin/sh\necho 1..1; echo 'ok 1 - it'\n"})
        self.mule_test("--tap", "./a.t", "./b.t", status=1)
        result = self.mule("test", "--tap", "--failed")
        self.assertMistake(result, "--tap needs programs to run")
        again = self.failed("--tap", "./a.t", "./b.t", status=1)
        self.assertEqual(len(again.all("job_started")), 1)
        self.suite({"a.t": "#!/bin/sh\necho 1..1; echo 'ok 1 - it'\n"})
        self.assertEqual(
            self.outstanding(self.failed("--tap", "./a.t", "./b.t")), 0)

    def test_a_runner_of_an_earlier_build_is_not_executed(self):
        self.suite({"run.sh": "#!/bin/sh\ntouch was-here; exit 1\n"})
        self.mule_test("--runner", "./run.sh $TEST", "--jobs-from", "-",
                       status=None, check=False, stdin=b"one\n")
        if os.path.exists(self.path("was-here")):
            os.remove(self.path("was-here"))
        result = self.mule("test", "--failed")
        self.assertMistake(result, "no build of this suite is known",
                           "runner ./run.sh")
        self.assertFalse(os.path.exists(self.path("was-here")))

    def test_it_needs_the_store_and_all_shards(self):
        self.assertMistake(self.mule("test", "--failed", "--no-store"),
                           "--no-store")
        self.assertMistake(self.mule("test", "--failed", "--shard", "1/2"),
                           "--shard")

    def test_a_store_that_cannot_be_read_costs_no_test(self):
        self.mule_test()
        os.remove(self.path(".mule", "history.db-wal"))
        with open(self.path(".mule", "history.db"), "wb") as file:
            file.write(b"this is no database" * 100)
        result = self.failed(status=0)
        self.assertEqual(result.count("passed"), 4)

    def test_what_is_to_pass_and_cannot_be_read_is_everything(self):
        self.spoil("A1")
        self.mule_test(status=1)
        with contextlib.closing(sqlite3.connect(
                self.path(".mule", "history.db"))) as database:
            database.execute("DROP TABLE outstanding")
            database.commit()
        result = self.failed(status=1)
        self.assertEqual(len(result.states), 4)
        self.assertSays(result.text, "cannot be read")

    def test_a_run_that_looks_elsewhere_misses_nothing(self):
        self.suite({"a/__init__.py": "", "b/__init__.py": "",
                    "b/test_b.py": SUITE})
        os.rename(self.path("test_m.py"), self.path("a", "test_a.py"))
        self.spoil("A1")
        self.mule_test("--basedir", "a", "--top", ".", status=1)
        self.mend("A1")
        result = self.mule_test("--basedir", "b", "--top", ".")
        self.assertNotIn("no longer there", result.text)
        self.assertRan(self.failed("--basedir", "a", "--top", "."),
                       "a.test_a.A.test_1")
