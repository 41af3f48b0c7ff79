"""Shards of a build that become one again."""

import json
import os
import re
import signal

from support.mule_case import CLASS, MuleCase

COUNT = 12
SUITE = {f"test_{number:02}.py": CLASS + f"""
    def test_a(self): print("of {number}")
    def test_b(self): self.assertNotEqual({number}, 7)
""" for number in range(COUNT)}


class Merge(MuleCase):

    def record(self, shard, *words, name=None, status=None):
        """Records shard K/N as K.mule, and gives what it ran."""
        name = name or shard.split("/")[0] + ".mule"
        return self.mule_test("--no-store", "--shard", shard, "--record",
                              name, *words, status=status)

    def merge(self, *words, status=0):
        result = self.mule("report", "--merge", "--json", "-", *words)
        self.assertEqual(result.status, status, result.text)
        result.events = [json.loads(line) for line in result.out.splitlines()]
        self.check_promises(result)
        return result

    def test_all_shards_are_the_whole_build(self):
        self.suite(SUITE)
        whole = self.mule_test("--no-store", status=1)
        states = {}
        for number in (1, 2, 3):
            states.update(self.record(f"{number}/3").states)
        self.assertEqual(states, whole.states)
        result = self.merge("3.mule", "1.mule", "2.mule",
                            "--xunit-output", "all.xml", "--html",
                            "page.html", "--trace", "o.trace", status=1)
        self.assertStates(result, whole.states)
        tally, wanted = result.tally, whole.tally
        for member in ("selected", "states", "ran", "failures", "errors",
                       "exit_status"):
            self.assertEqual(tally[member], wanted[member])
        self.assertEqual(len(result.all("run_started")), 1)
        self.assertEqual(result.all("collected")[0]["items"], 2 * COUNT)
        self.assertEqual(result.all("elsewhere"), [])
        self.assertEqual(
            sorted(case.get("name") for case in
                   self.xml("all.xml").iter("testcase")),
            sorted(["test_a", "test_b"] * COUNT))
        self.assertSays(self.read("page.html"), "test_07.T.test_b")

    def test_numbers_of_different_shards_are_kept_apart(self):
        self.suite(SUITE)
        for number in (1, 2):
            self.record(f"{number}/2", "--jobs", "2")
        result = self.merge("1.mule", "2.mule", status=1)
        self.assertEqual(result.all("run_started")[0]["slots"], 4)
        for member in ("slot", "process", "job"):
            of = {}
            for event in result.all("job_started"):
                of.setdefault(event[member], set()).add(event["worker"])
            self.assertEqual([number for number, workers in of.items()
                              if len(workers) > 1], [], member)
        self.assertEqual({event["worker"]
                          for event in result.all("job_started")},
                         {"shard 1", "shard 2"})

    def lanes_of(self, *recordings, status):
        """Whose the lanes of the merged page are, by their slots."""
        self.merge(*recordings, "--html", "page.html", status=status)
        text = re.search(r'id="data">(.*?)</script>', self.read("page.html"),
                         re.DOTALL).group(1)
        lanes = json.loads(text)["lanes"]
        self.assertGreater(sum(lane["busy_us"] for lane in lanes), 0)
        return ({lane["slot"]: lane.get("worker") for lane in lanes},
                len(lanes))

    def test_the_page_has_a_lane_for_each_slot_of_a_shard_and_no_other(self):
        self.suite(SUITE)
        for number in (1, 2, 3):
            # A slot that gets no job is a slot of its shard all the same.
            self.record(f"{number}/3", "--jobs", "9" if number == 2 else "2")
        wanted = {slot: "shard 1" if slot < 2 else
                  "shard 2" if slot < 11 else "shard 3" for slot in range(13)}
        self.assertEqual(
            self.lanes_of("1.mule", "2.mule", "3.mule", status=1),
            (wanted, 13))
        with open(self.path("3.mule"), "r+b") as file:
            file.truncate(os.path.getsize(self.path("3.mule")) * 9 // 10)
        self.assertEqual(
            self.lanes_of("1.mule", "2.mule", "3.mule", status=3),
            (wanted, 13))

    def test_what_no_shard_ran_is_named_by_every_reporter(self):
        self.suite(SUITE)
        missing = self.record("2/3").states
        for number in (1, 3):
            self.record(f"{number}/3", "--exclude", "x")
        result = self.merge("1.mule", "3.mule", "--xunit-output", "o.xml",
                            status=1)
        self.assertTrue(missing)
        unrun = {event["id"]: event["reason"]
                 for event in result.all("test_finished")
                 if event["state"] == "not run"}
        self.assertEqual(unrun, dict.fromkeys(missing, "shard 2 is missing"))
        self.assertSays(result.err, "1 of 3 shards is missing: 2",
                        f"{len(missing)} not run", "shard 2 is missing")
        skipped = [case for case in self.xml("o.xml").iter("testcase")
                   if case.find("skipped") is not None]
        self.assertEqual(len(skipped), len(missing))

    def test_even_if_all_that_ran_has_passed(self):
        self.suite({name: text for name, text in SUITE.items()
                    if name != "test_07.py"})
        for number in (1, 2):
            self.record(f"{number}/2", status=0)
        self.assertEqual(self.merge("1.mule", "2.mule").tally["states"]
                         ["passed"], 2 * COUNT - 2)
        self.merge("1.mule", status=1)

    def test_a_shard_that_was_killed_is_not_forgotten(self):
        self.suite({**SUITE, "test_99.py": CLASS + """
    def test_a(self):
        if "BEGAN" in os.environ:
            with open(os.environ["BEGAN"], "w") as file: file.write("now\\n")
            open(os.environ["GO"]).readline()
"""})
        shards = {number: self.record(f"{number}/2").states
                  for number in (1, 2)}
        number = 1 if "test_99.T.test_a" in shards[1] else 2
        began, go = self.fifo("began"), self.fifo("go")
        program = self.start_test(
            "--no-store", "--shard", f"{number}/2", "--jobs", "1", "--record",
            f"{number}.mule", env={"BEGAN": began.path, "GO": go.path})
        began.line(program)
        program.process.send_signal(signal.SIGKILL)
        program.wait()
        result = self.merge("1.mule", "2.mule", status=3)
        self.assertEqual(set(result.states), {*shards[1], *shards[2]})
        self.assertEqual(result.states["test_99.T.test_a"], "not run")
        self.assertSays(result.err, f"{number}.mule is not whole: its end is "
                        "missing")

    def test_shards_of_different_tests_are_refused(self):
        self.suite(SUITE)
        self.record("1/2")
        self.suite({"test_new.py": CLASS + "    def test_a(self): pass\n"})
        self.record("2/2")
        result = self.mule("report", "--merge", "1.mule", "2.mule", "--json",
                           "o.json")
        self.assertMistake(result, "are shards of different tests")
        self.assertEqual(os.path.getsize(self.path("o.json")), 0)

    def test_shards_that_were_balanced_differently_are_refused(self):
        self.suite({**SUITE, "one.txt": "1.5 test_00.T\n",
                    "two.txt": "2.5 test_00.T\n"})
        self.record("1/2", "--durations", "one.txt")
        self.record("2/2", "--durations", "two.txt")
        self.assertMistake(
            self.mule("report", "--merge", "1.mule", "2.mule"),
            "1.mule and 2.mule were balanced by different durations")
        self.record("2/2", "--durations", "one.txt")
        self.merge("1.mule", "2.mule", status=1)

    def test_others_that_do_not_belong_together(self):
        self.suite(SUITE)
        self.record("1/2")
        self.record("1/2", name="again.mule")
        self.record("3/3")
        self.mule("test", "--record", "whole.mule")
        for words, said in (
                (["1.mule", "again.mule"],
                 "1.mule and again.mule are both shard 1 of 2"),
                (["1.mule", "3.mule"], "1.mule is one of 2 shards, and "),
                (["1.mule", "whole.mule"],
                 "whole.mule is not one of several shards"),
                (["1.mule", "none.mule"], "none.mule: No such file"),
                ([], "--merge needs recordings of shards")):
            self.assertMistake(self.mule("report", "--merge", *words), said)

    def test_a_shard_of_nothing_is_one_as_any_other(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self): pass\n"})
        for number in (1, 2):
            self.assertIn(self.record(f"{number}/2").status, (0,))
        result = self.merge("1.mule", "2.mule")
        self.assertStates(result, {"test_it.T.test_a": "passed"})
