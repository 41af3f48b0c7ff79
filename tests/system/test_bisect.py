"""What makes a test fail: planted polluters, found by mule bisect."""

import os
import re
import shlex
import signal

from support.fleet_case import FleetCase
from support.mule_case import MuleCase

SHARED = "state = {}\n"
HEAD = "import os, shared, unittest\n"


def case(name="T", **methods):
    """A TestCase class; each method is a line of code."""
    return f"class {name}(unittest.TestCase):\n" + "".join(
        f"    def {method}(self): {code}\n"
        for method, code in methods.items())


CLEAN = HEAD + case(test_1="pass", test_2="pass") \
    + case("U", test_1="pass", test_2="pass")
SET = "shared.state['x'] = 1"
VICTIM = HEAD + case("V", test_a="pass",
                     test_v="self.assertNotIn('x', shared.state)")


# What a worker that loses its processor between its messages and the page
# looks like to whoever reads both: the page has what was told already.
STALE = """
import select
from _mule.adapters.page import BEGUN, ENDED
from _mule.adapters.worker import Reporter

def flush(self, data, count, fresh=Reporter._flush):
    words = self.words
    had = words[BEGUN], words[ENDED]
    fresh(self, data, count)
    words[BEGUN], words[ENDED] = had
    if b'"msg":"done"' in data:
        select.select([self.connection.fd], [], [], 60) # until it was read

def begin(self, key, test, fresh=Reporter.begin):
    self.words[ENDED] = len(self.batch)
    fresh(self, key, test)

Reporter._flush, Reporter.begin = flush, begin
"""


class Planted:

    def plant(self, modules, victim=VICTIM, clean="abcdefgh"):
        """Modules a to h with nothing in them, and a victim behind them."""
        files = {f"test_{name}.py": CLEAN for name in clean}
        files.update({f"test_{name}.py": text
                      for name, text in modules.items()})
        self.suite({"shared.py": SHARED, "test_v.py": victim, **files})

    def bisect(self, *args, status=0, test="test_v.V.test_v", **more):
        result = self.mule("bisect", *args, test, **more)
        self.assertEqual(result.status, status, result.text)
        return result

    def culprits(self, result):
        """The tests that it names, in their order."""
        return re.findall(r"^    (\S+)$", result.out, re.MULTILINE)

    def again(self, result):
        """Runs the command that it prints, which must do what it says."""
        line = re.search(r"^run again: (.*)$", result.out, re.MULTILINE)[1]
        words = shlex.split(line)
        name, seed = words[0].split("=")
        self.assertEqual((name, words[1]), ("PYTHONHASHSEED", "mule"))
        return self.mule(*words[2:], env={name: seed})

    def found(self, wanted, *args, status=1, **more):
        """It must find these, and its command must show it again."""
        result = self.bisect(*args, **more)
        self.assertEqual(self.culprits(result), wanted, result.out)
        again = self.again(result)
        self.assertEqual(again.status, status, again.text)
        return result


class Bisect(Planted, MuleCase):

    # ------------------------------------------------------------- found

    def test_what_the_page_still_says_is_no_crash(self):
        skip = "self.skipTest('not here')"
        self.plant({"a": STALE + CLEAN, "b": HEAD + case(test_1=skip),
                    "c": HEAD + case(test_1="pass", test_2=SET)})
        self.found(["test_c.T.test_2"])

    def test_a_polluter_in_another_module(self):
        self.plant({"c": HEAD + case(test_1="pass", test_2=SET,
                                     test_3="pass")})
        result = self.found(["test_c.T.test_2"])
        self.assertIn("polluter: test_c.T.test_2\n", result.out)
        self.assertIn("victim:   test_v.V.test_v\n", result.out)
        self.assertIn("failed 3 of 3 times, alone it passed 6 of 6",
                      result.out)
        self.assertIn("unexpectedly found", result.out)
        probes = int(re.search(r"^(\d+) probes", result.out, re.M)[1])
        self.assertLessEqual(probes, 30)

    def test_a_name_gives_the_terminal_no_orders(self):
        self.plant({"c": HEAD + case(test_1="pass")
                    + "def set(self): shared.state['x'] = 1\n"
                      "setattr(T, 'test_\\x1b[2Jit', set)\n"})
        result = self.bisect()
        self.assertIn("polluter: test_c.T.test_it\n", result.out)
        self.assertNotIn("\x1b", result.out)

    def test_any_number_of_slots_finds_it(self):
        self.plant({"f": HEAD + case(test_1=SET)})
        for slots in "1", "3", "8":
            with self.subTest(slots=slots):
                self.found(["test_f.T.test_1"], "-j", slots)

    def test_a_polluter_in_another_class_of_the_module(self):
        self.plant({}, victim=HEAD + case("A", test_1="pass", test_2=SET)
                   + VICTIM)
        self.found(["test_v.A.test_2"])

    def test_a_polluter_in_the_same_class(self):
        self.plant({}, victim=HEAD + case(
            "V", test_a="pass", test_b=SET, test_c="pass",
            test_v="self.assertNotIn('x', shared.state)"))
        self.found(["test_v.V.test_b"])

    def test_two_that_only_act_together(self):
        self.plant({"b": HEAD + case(test_1=SET),
                    "g": HEAD + case(test_1="pass",
                                     test_2="shared.state['y'] = 1")},
                   victim=HEAD + case(
                       "V", test_v="self.assertLess(len(shared.state), 2)"))
        result = self.found(["test_b.T.test_1", "test_g.T.test_2"])
        self.assertIn("all of them are needed", result.out)
        self.assertIn("polluter: 2 tests together\n", result.out)

    def test_order_among_several_of_one_class_and_others_is_kept(self):
        # The middle one counts what came before it: order is what matters.
        self.plant({"b": HEAD + case(
            test_1="shared.state['n'] = 1",
            test_2="shared.state['n'] = shared.state.get('n', 0) * 3")},
            victim=HEAD + case("V", test_v=(
                "self.assertNotEqual(shared.state.get('n'), 3)")))
        self.found(["test_b.T.test_1", "test_b.T.test_2"])

    def test_one_of_two_polluters_is_enough(self):
        self.plant({"b": HEAD + case(test_1=SET),
                    "g": HEAD + case(test_2=SET)})
        names = self.culprits(self.bisect())
        self.assertEqual(len(names), 1)
        self.assertIn(names[0], ("test_b.T.test_1", "test_g.T.test_2"))

    def test_what_sets_up_a_state_that_a_test_needs(self):
        self.plant({"d": HEAD + case(test_1="pass", test_2=SET)},
                   victim=HEAD + case(
                       "V", test_v="self.assertIn('x', shared.state)"))
        result = self.found(["test_d.T.test_2"], status=0)
        self.assertIn("passes only when this ran before it", result.out)
        self.assertIn("setter:   test_d.T.test_2\n", result.out)

    def test_what_is_found_behind_it_can_set_up_its_state(self):
        self.plant({"z": HEAD + case(test_1=SET)}, victim=HEAD + case(
            "V", test_v="self.assertIn('x', shared.state)"))
        result = self.found(["test_z.T.test_1"], status=0)
        self.assertIn("after all 33 other tests", result.out)

    def test_a_fixture_that_pollutes_belongs_to_its_tests(self):
        self.plant({"c": HEAD + "class T(unittest.TestCase):\n"
                    "    @classmethod\n"
                    f"    def setUpClass(cls): {SET}\n"
                    "    def test_1(self): pass\n"})
        self.found(["test_c.T.test_1"])

    def test_a_fixture_that_fails_is_a_failure_of_its_tests(self):
        self.plant({"c": HEAD + case(test_1=SET)}, victim=HEAD
                   + "class V(unittest.TestCase):\n"
                   "    @classmethod\n"
                   "    def setUpClass(cls):\n"
                   "        assert 'x' not in shared.state, 'polluted'\n"
                   "    def test_v(self): pass\n")
        result = self.found(["test_c.T.test_1"])
        self.assertIn("polluted", result.out)

    def test_a_whole_class_can_be_looked_at(self):
        self.plant({"c": HEAD + case(test_1=SET)})
        self.found(["test_c.T.test_1"], test="test_v.V")

    def test_a_test_that_dies_of_another_one(self):
        self.plant({"c": HEAD + case(test_1=SET)}, victim=HEAD + case(
            "V", test_v="'x' in shared.state and os.abort()"))
        result = self.found(["test_c.T.test_1"])
        self.assertIn("killed by signal 6", result.out)

    def test_workers_that_are_started_find_it_too(self):
        self.plant({"c": HEAD + case(test_1=SET)}, clean="abd")
        self.found(["test_c.T.test_1"], "--start", "spawn")

    def test_a_polluter_that_acts_now_and_then(self):
        count = os.path.join(self.home, "count")
        # Of each three processes that come here it spares the first.
        self.plant({"c": HEAD + case(test_1=(
            f"open({count!r}, 'a').write('.'); "
            f"os.path.getsize({count!r}) % 3 == 1 or "
            "shared.state.update(x=1)"))}, clean="abd")
        result = self.bisect("-j", "1")
        self.assertEqual(self.culprits(result), ["test_c.T.test_1"],
                         result.out)
        self.assertIn("tried several times", result.out)

    # --------------------------------------------------------- not found

    def test_a_test_that_fails_alone(self):
        self.plant({}, victim=HEAD + case("V", test_v="self.fail('no')"))
        result = self.bisect(status=1)
        self.assertIn("test_v.V.test_v fails alone and after", result.out)
        self.assertIn("AssertionError: no", result.out)
        self.assertEqual(self.culprits(result), [])

    def test_a_test_that_never_fails(self):
        self.plant({})
        result = self.bisect(status=1)
        self.assertIn("passes alone and after", result.out)

    def test_a_flaky_test(self):
        count = os.path.join(self.home, "count")
        self.plant({}, victim=HEAD + case("V", test_v=(
            f"open({count!r}, 'a').write('.'); "
            f"self.assertEqual(os.path.getsize({count!r}) % 2, 0)")))
        result = self.bisect("-j", "1", status=1)
        self.assertIn("is flaky: alone it failed", result.out)
        self.assertEqual(self.culprits(result), [])

    def test_a_test_that_is_skipped(self):
        self.plant({}, victim=HEAD + case("V", test_v="self.skipTest('no')"))
        self.assertIn("neither passes nor fails",
                      self.bisect(status=1).out)

    def test_a_process_that_dies_before_it_says_nothing(self):
        self.plant({"c": HEAD + case(test_1="os.abort()")})
        result = self.bisect(status=1)
        self.assertIn("may not be reached", result.out)

    # ------------------------------------------------- words and recordings

    def test_what_is_no_test_is_said(self):
        self.plant({})
        result = self.bisect(status=4, test="test_v.V.test_x")
        self.assertIn('there is no test "test_v.V.test_x"', result.err)
        self.assertIn("which test", self.mule("bisect").err)

    def test_programs_have_no_order(self):
        result = self.mule("bisect", "--tap", "a.t")
        self.assertEqual(result.status, 4)
        self.suite({"mule.yaml": "runner: ./run $TEST\n"})
        result = self.mule("bisect", "a")
        self.assertEqual(result.status, 4)
        self.assertIn("programs have a process each", result.err)

    def recorded(self, *args, **more):
        path = os.path.join(self.home, "build.mule")
        self.mule_test("--record", path, "--isolation", "worker", *args,
                       **more)
        return path

    def test_a_recording_says_what_ran_before_it(self):
        # In the order of the recording it comes after what is found behind.
        self.plant({"z": HEAD + case(test_1=SET)})
        labels = [f"test_{name}" for name in "zabcdefghv"]
        path = self.recorded("-j", "1", "--order", "given", *labels,
                             status=1)
        result = self.found(["test_z.T.test_1"], "--build", path)
        self.assertIn("after the 34 tests before it in process 1 of build",
                      result.out)

    def test_the_last_build_says_what_ran_before_it(self):
        self.plant({"z": HEAD + case(test_1=SET)})
        labels = [f"test_{name}" for name in "zabcdefghv"]
        self.mule_test("--isolation", "worker", "-j", "1", "--order", "given",
                       *labels, status=1)
        result = self.found(["test_z.T.test_1"])
        self.assertIn("after the 34 tests before it in process 1 of build",
                      result.out)

    def test_an_id_that_is_used_again_is_the_newest_build(self):
        self.plant({"z": HEAD + case(test_1=SET)})
        self.mule_test("--id", "ci", "test_a")
        labels = [f"test_{name}" for name in "zabcdefghv"]
        self.mule_test("--id", "ci", "--isolation", "worker", "-j", "1",
                       "--order", "given", *labels, status=1)
        result = self.found(["test_z.T.test_1"], "--build", "ci")
        self.assertIn("after the 34 tests before it in process 1 of build ci",
                      result.out)

    def test_a_last_build_that_says_nothing_is_no_obstacle(self):
        self.plant({"c": HEAD + case(test_1=SET)})
        self.mule_test("test_v")
        result = self.found(["test_c.T.test_1"])
        self.assertIn("found before it", result.out)

    def test_a_test_that_did_not_run_in_a_recording_is_said(self):
        self.plant({})
        path = self.recorded("test_a")
        result = self.bisect("--build", path, status=4)
        self.assertIn("did not run in", result.err)

    def test_tests_that_are_no_more_are_counted(self):
        self.plant({"c": HEAD + case(test_1=SET, test_2="pass")})
        path = self.recorded("-j", "1", "--order", "given", status=1)
        self.plant({"c": HEAD + case(test_1=SET)})
        result = self.found(["test_c.T.test_1"], "--build", path)
        self.assertIn("1 of the tests that ran before it are not found",
                      result.out)

    def test_the_hash_seed_of_the_recording_is_used(self):
        self.plant({"c": HEAD + case(test_1=SET)})
        path = self.recorded("-j", "1", "--order", "given", status=1,
                             env={"PYTHONHASHSEED": "4242"})
        result = self.found(["test_c.T.test_1"], "--build", path)
        self.assertIn("PYTHONHASHSEED=4242 mule test", result.out)

    # ------------------------------------------------------------ stopping

    def test_ctrl_c_ends_it(self):
        self.plant({}, victim=HEAD + case("V", test_v=(
            "open(os.environ['READY'], 'w').write('here\\n'); "
            "os.read(os.open(os.environ['GO'], os.O_RDONLY), 1)")))
        ready, go = self.fifo("ready"), self.fifo("go")
        program = self.start("bisect", "-j", "1", "test_v.V.test_v",
                             env={"READY": ready.path, "GO": go.path})
        ready.line(program)
        program.signal(signal.SIGINT)
        self.assertIn(program.wait(), (2, -signal.SIGINT))

    def test_a_time_limit_ends_it_with_what_is_known(self):
        self.plant({}, victim=HEAD + case("V", test_v=(
            "os.read(os.open(os.environ['GO'], os.O_RDONLY), 1)")))
        go = self.fifo("go")
        result = self.bisect("--max-time", "1", status=2,
                             env={"GO": go.path})
        self.assertIn("was looked at in", result.out)


class Exactly(Planted, MuleCase):

    def ran(self, *labels):
        result = self.mule_test("--exactly", *labels)
        self.assertEqual({event["process"]
                          for event in result.all("test_finished")}, {1})
        return [event["id"] for event in result.all("test_finished")]

    def test_tests_run_in_just_that_order(self):
        self.plant({})
        order = ["test_b.U.test_2", "test_a.T.test_1", "test_b.U.test_1",
                 "test_v.V.test_v", "test_a.T.test_2"]
        self.assertEqual(self.ran(*order), order)

    def test_nothing_is_a_mistake(self):
        self.plant({})
        self.assertMistake(self.mule("test", "--exactly"), "--exactly")

    def test_a_class_is_all_its_tests(self):
        self.plant({})
        self.assertEqual(self.ran("test_b.U", "test_a.T.test_2"),
                         ["test_b.U.test_1", "test_b.U.test_2",
                          "test_a.T.test_2"])


class OnFleet(Planted, FleetCase):
    broker_kind = "redis"

    def test_what_failed_on_a_worker_is_found_here(self):
        self.plant({"c": HEAD + case(test_1=SET)})
        self.start_worker(name="one", slots=1)
        path = os.path.join(self.home, "build.mule")
        self.distributed("--isolation", "worker", "--order", "given",
                         "--record", path, status=1)
        result = self.found(["test_c.T.test_1"], "--build", path)
        self.assertIn("tests before it in process 1 of build", result.out)
