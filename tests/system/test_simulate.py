"""`mule simulate`: the scheduler in virtual time."""

import json
import signal
import time

from support.mule_case import CLASS, MuleCase

DEADLINE = 60  # seconds, for anything: machines may be slow
LOGNORMAL = "lognormal:sum=120s,max=15s,seed=7"
SLEEPERS = {"test_it.py": CLASS.replace("class T", "class A") + """
    def test_a(self):
        import time
        time.sleep(0.3)
class B(unittest.TestCase):
    def test_b(self):
        import time
        time.sleep(0.1)
"""}


class Simulate(MuleCase):

    def simulate(self, *words):
        result = self.mule("simulate", "--json", *words)
        self.assertEqual(result.status, 0, result.text)
        return json.loads(result.out)

    def test_longest_first_reaches_the_bound(self):
        found = self.simulate("--jobs", "300", "--slots", "4",
                              "--distribution", LOGNORMAL)
        self.assertEqual((found["jobs"], found["slots"], found["decisions"]),
                         (300, 4, 300))
        self.assertEqual(found["longest_us"], 15000000)
        self.assertAlmostEqual(found["sum_us"], 120e6, delta=300)
        self.assertLess(found["ratio"], 1.01)

    def test_another_order_is_no_better_and_a_seed_repeats_it(self):
        words = ("--jobs", "300", "--slots", "8", "--distribution", LOGNORMAL)
        best = self.simulate(*words)
        for order in (("--order", "given"), ("--order", "random")):
            found = self.simulate(*words, *order)
            self.assertGreaterEqual(found["makespan_us"],
                                    best["makespan_us"])
            self.assertEqual(found["makespan_us"],
                             self.simulate(*words, *order)["makespan_us"])

    def test_a_shared_resource_bounds_it(self):
        found = self.simulate("--jobs", "100", "--slots", "10", "--shared",
                              "1:100%", "--distribution", "constant:1s")
        self.assertEqual(found["bound"], "jobs that share a resource")
        self.assertEqual(found["makespan_us"], 100000000)

    def test_a_recording_is_simulated_on_as_many_slots_as_are_wanted(self):
        self.suite(SLEEPERS)
        self.mule_test("-j", "1", "--store", "kept", "--record", "it.mule")
        one = self.simulate("it.mule")
        self.assertEqual((one["jobs"], one["slots"]), (2, 1))
        self.assertGreaterEqual(one["sum_us"], 400000)
        self.assertGreaterEqual(one["recorded_us"], one["makespan_us"])
        self.assertEqual(self.simulate("--store", "kept")["sum_us"],
                         one["sum_us"])
        two = self.simulate("it.mule", "--slots", "2")
        self.assertEqual(two["makespan_us"], two["longest_us"])
        self.assertEqual(two["sum_us"], one["sum_us"])

    def sleepers(self, count, ms=50):
        """As many jobs of one test, and an empty mule.yaml."""
        self.suite({"mule.yaml": "resources: {db: 1, cpu: 2}\n", **{
            f"test_{number}.py": CLASS + f"""
    def test_it(self):
        import time
        time.sleep({ms / 1000})
""" for number in range(count)}})

    def say(self, overrides):
        self.suite({"mule.yaml": "resources: {db: 1, cpu: 2}\noverrides:\n" +
                    overrides})

    def test_jobs_of_a_recording_share_what_mule_yaml_says(self):
        self.sleepers(6)
        self.mule_test("--no-store", "-j", "6", "--record", "it.mule")
        free = self.simulate("it.mule")
        self.assertEqual(free["makespan_us"], free["longest_us"])
        self.say("  - {match: 'test_*', needs: [db]}\n")
        one = self.simulate("it.mule")
        self.assertEqual(one["bound"], "jobs that share a resource")
        for member in ("bound_us", "makespan_us"):
            self.assertEqual(one[member], one["sum_us"], member)
        # By name or by file, and so much of it.
        self.say("  - {match: test_0.py, needs: [cpu=2]}\n"
                 "  - {match: '*.T', needs: [cpu]}\n")
        two = self.simulate("it.mule", "--shared", "1:100%")
        self.assertEqual(two["makespan_us"], two["sum_us"])
        two = self.simulate("it.mule")
        self.assertLess(two["bound_us"], two["sum_us"] * 2 / 3)
        self.assertGreater(two["bound_us"], two["sum_us"] / 2)
        self.assertGreaterEqual(two["makespan_us"], two["bound_us"])

    def test_what_must_be_alone_is_simulated_so(self):
        self.sleepers(4)
        self.mule_test("--no-store", "-j", "4", "--record", "it.mule")
        self.say("  - {match: 'test_[01].*', alone: true}\n")
        some = self.simulate("it.mule")
        self.assertGreater(some["bound_us"], some["longest_us"] * 2)
        self.assertEqual(some["makespan_us"], some["bound_us"])
        self.say("  - {match: '*', alone: true}\n")
        all_ = self.simulate("it.mule", "--slots", "8")
        for member in ("bound_us", "makespan_us"):
            self.assertEqual(all_[member], all_["sum_us"], member)

    def check_one_after_the_other(self, jobs, *words, status=0):
        result = self.mule_test("--no-store", "-j", "2", "--record",
                                "again.mule", *words, status=status)
        took = {}
        for event in result.all("job_finished"):
            took.setdefault(event["name"], []).append(event["us"])
        self.assertTrue(any(len(of) > 1 for of in took.values()), took)
        found = self.simulate("again.mule", "--slots", "8")
        self.assertEqual(found["jobs"], jobs)
        self.assertEqual(found["sum_us"], sum(map(sum, took.values())))
        return found

    def test_what_ran_again_of_a_job_runs_after_it(self):
        failing = CLASS + """
    def test_a(self): pass
    def test_b(self): self.fail("always")
"""
        passing = CLASS + "    def test_a(self): pass\n"
        for option, text, status in (("--retries", failing, 1),
                                     ("--repeat", passing, 0)):
            for isolation in ("class", "worker"):
                with self.subTest(option=option, isolation=isolation):
                    self.suite({"test_it.py": text})
                    found = self.check_one_after_the_other(
                        1, option, "3", "--isolation", isolation,
                        status=status)
                    self.assertEqual(found["makespan_us"], found["sum_us"])

    def test_parts_of_a_job_run_beside_each_other_and_not_beside_themselves(
            self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self): self.fail("always")
    def test_c(self): pass
"""})
        found = self.check_one_after_the_other(
            3, "--isolation", "test", "--retries", "2", status=1)
        self.assertLess(found["makespan_us"], found["sum_us"])

    def test_the_rest_of_a_job_that_crashed_runs_after_it(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self): os.abort()
    def test_c(self): pass
"""})
        found = self.check_one_after_the_other(1, status=1)
        self.assertEqual(found["makespan_us"], found["sum_us"])

    def test_a_build_that_was_cut_off_is_what_ended_of_it(self):
        self.suite({"test_a.py": CLASS + "    def test_a(self): pass\n",
                    "test_b.py": CLASS + """
    def test_b(self):
        with open(os.environ["BEGAN"], "w") as file: file.write("now\\n")
        open(os.environ["GO"]).readline()
"""})
        began, go = self.fifo("began"), self.fifo("go")
        program = self.start_test(
            "--no-store", "-j", "1", "--order", "given", "--record",
            "cut.mule", env={"BEGAN": began.path, "GO": go.path})
        began.line(program)
        deadline = time.monotonic() + DEADLINE
        while self.mule("simulate", "cut.mule").status != 0:
            self.assertLess(time.monotonic(), deadline)
        program.process.send_signal(signal.SIGKILL)
        program.wait()
        result = self.mule("simulate", "--json", "cut.mule")
        self.assertEqual(result.status, 0, result.text)
        found = json.loads(result.out)
        self.assertEqual(found["jobs"], 1)
        self.assertGreater(found["sum_us"], 0)
        self.assertEqual(len(result.err.splitlines()), 1, result.err)
        self.assertSays(result.err, "cut.mule: its end is missing",
                        "only jobs whose end it tells are simulated")

    def test_people_get_lines(self):
        result = self.mule("simulate", "--jobs", "10", "--distribution",
                           "uniform:min=1s,max=2s")
        self.assertEqual(result.status, 0, result.text)
        for word in ("10 jobs on 8 slots", "lower bound", "makespan",
                     "us each", "bytes a job"):
            self.assertIn(word, result.out)

    def test_what_makes_no_sense_is_a_mistake(self):
        for words, text in (
                (("--jobs", "5"), "--distribution"),
                (("--distribution", LOGNORMAL), "--jobs"),
                (("--jobs", "3", "--distribution", LOGNORMAL), "together"),
                (("--jobs", "3", "--distribution", "pareto:1"), "pareto"),
                (("--jobs", "3", "--distribution", "uniform:max=0"), "more"),
                (("--jobs", "3", "--distribution", "constant:soon"), "soon"),
                (("--jobs", "3", "--distribution", "lognormal:max=1s"),
                 "sum="),
                (("--jobs", "3", "--distribution", "uniform:max=1s,seed=x"),
                 "seed"),
                (("--jobs", "3", "--distribution", "constant:1s",
                  "--shared", "2"), "UNITS"),
                (("--jobs", "3", "--distribution", "constant:1s",
                  "--shared", "0:5%"), "UNITS"),
                (("a.mule", "--jobs", "3", "--distribution", "constant:1s"),
                 "one recording"),
                (("a.mule", "b.mule"), "one recording")):
            with self.subTest(words=words):
                self.assertMistake(self.mule("simulate", *words), text)
        result = self.mule("simulate", "no-such.mule")
        self.assertIn("no-such.mule", result.err)
        self.assertNotEqual(result.status, 0)
