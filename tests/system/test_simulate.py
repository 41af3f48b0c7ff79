"""`mule simulate`: the scheduler in virtual time."""

import json

from support.mule_case import CLASS, MuleCase

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
