"""A suite that is divided among machines that do not talk to each other."""

from support.mule_case import MuleCase

MANY = "import unittest\n" + "".join(
    "class T%02d(unittest.TestCase):\n"
    "    def test_one(self): pass\n"
    "    def test_two(self): pass\n" % number
    for number in range(12))
TWO = """
    import unittest
    class A(unittest.TestCase):
        def test_it(self): pass
    class B(unittest.TestCase):
        def test_it(self): pass
    """


class Shards(MuleCase):

    def shards(self, count, *args):
        return [self.mule_test("--shard", "%d/%d" % (number, count), *args)
                for number in range(1, count + 1)]

    def listed(self, *args):
        result = self.mule("list", *args)
        self.assertEqual(result.status, 0, result.text)
        return result.out.split()

    def test_each_test_runs_in_one_of_them(self):
        self.suite({"test_many.py": MANY})
        whole = set(self.mule_test().states)
        results = self.shards(3)
        ran = [id for result in results for id in result.states]
        self.assertCountEqual(ran, whole)
        for result in results:
            elsewhere = {event["id"] for event in result.all("elsewhere")}
            self.assertEqual(elsewhere, whole - set(result.states))
        # Who is said to have it has it.
        for event in results[0].all("elsewhere"):
            self.assertIn(event["id"], results[event["shard"] - 1].states)

    def test_a_class_stays_together_and_where_it_is(self):
        self.suite({"test_many.py": MANY})
        first = self.mule_test("--shard", "1/3")
        jobs = [event["name"] for event in first.all("job_started")]
        self.assertEqual(first.count("passed"), 2 * len(jobs))
        apart = self.mule_test("--shard", "1/3", "--isolation", "test")
        self.assertEqual(set(apart.states), set(first.states))
        self.suite({"test_few.py": TWO})
        more = self.mule_test("--shard", "1/3")
        self.assertLessEqual(set(first.states), set(more.states))

    def test_what_is_listed_is_what_runs(self):
        self.suite({"test_many.py": MANY})
        for number, result in enumerate(self.shards(3), 1):
            self.assertCountEqual(
                self.listed("--shard", "%d/3" % number), result.states)

    def test_durations_balance_them(self):
        self.suite({"test_many.py": MANY, "times.txt": "\n".join(
            ["# mule durations", "200 test_many.T03"] +
            ["10 test_many.T%02d" % number for number in range(12)
             if number not in (3, 4)])})
        one, two = self.shards(2, "--durations", "times.txt")
        alone = {event["name"] for event in one.all("job_started")}
        # 200 s there, eleven times 10 s here: T04 is as long as its like.
        self.assertEqual(alone, {"test_many.T03"})
        self.assertEqual(two.count("passed"), 22)

    def test_the_list_prints_durations_that_balance_them(self):
        self.suite({"test_many.py": MANY, "test_slow.py": """
            import subprocess, sys, unittest
            class Slow(unittest.TestCase):
                def test_it(self):
                    subprocess.run([sys.executable, "-c", "pass"], check=True)
            """})
        known = self.mule("list", "--times")
        self.assertEqual(known.out.count("\n"), 1, "only the remark")
        self.mule_test()
        known = self.mule("list", "--times")
        times = dict(reversed(line.split(" "))
                     for line in known.out.splitlines()[1:])
        self.assertEqual(len(times), 13)
        self.assertEqual(max(times, key=lambda name: float(times[name])),
                         "test_slow.Slow")
        self.suite({"times.txt": known.out})
        # Whatever this machine knows, the file alone divides.
        for args in (), ("--no-store",):
            first = self.mule_test("--shard", "1/2", "--durations",
                                   "times.txt", *args)
            self.assertIn("test_slow.Slow.test_it", first.states)

    def test_hashes_stand_in_each_report(self):
        self.suite({"test_many.py": MANY, "times.txt": "1 test_many.T03\n"})
        one, two = self.shards(2, "--durations", "times.txt",
                               "--xunit-output", "all.xml")
        first, second = (result.all("collected")[0] for result in (one, two))
        self.assertEqual(first["shard"], "1/2")
        self.assertEqual(second["shard"], "2/2")
        for name in ("selection", "durations"):
            self.assertRegex(first[name], "^[0-9a-f]{64}$")
            self.assertEqual(first[name], second[name])
        self.assertSays(two.text, "shard 2/2 of selection " +
                        second["selection"][:12], "by durations " +
                        second["durations"][:12])
        properties = {
            each.get("name"): each.get("value")
            for each in self.xml("all.xml").iter("property")}
        for name in ("shard", "selection", "durations"):
            self.assertEqual(properties[name], second[name])
        other = self.mule_test("--shard", "1/2", "--exclude", "T03")
        self.assertNotEqual(other.all("collected")[0]["selection"],
                            first["selection"])

    def test_a_shard_of_nothing_ends_well(self):
        self.suite({"test_two.py": TWO})
        results = self.shards(5)
        empty = [result for result in results if not result.states]
        self.assertGreaterEqual(len(empty), 3)
        for result in empty:
            self.assertSays(result.text, "is empty: others have all")
            self.assertEqual(len(result.all("elsewhere")), 2)
        # Where nothing is selected at all, it is a mistake as ever.
        self.mule_test("--shard", "1/5", "-k", "nowhere", status=5)

    def test_a_module_that_cannot_be_loaded_is_in_one_of_them(self):
        self.suite({"test_two.py": TWO, "test_bad.py": "import nowhere\n"})
        bad = 0
        for number in (1, 2):
            result = self.mule_test("--shard", "%d/2" % number, status=None)
            bad += result.count("error")
        self.assertEqual(bad, 1)

    def test_mistakes_are_named(self):
        self.suite({"test_two.py": TWO, "bad.txt": "1 a\n-3 b\n",
                    "other.txt": "1 nothing.of.ours\n"})
        self.assertMistake(self.mule("test", "--shard", "3/2"),
                           '--shard: "3/2" is not K/N')
        self.assertMistake(self.mule("test", "--shard", "0/2"), "is not K/N")
        self.assertMistake(
            self.mule("test", "--shard", "1/2", "--durations", "bad.txt"),
            'bad.txt:2: "-3" is not a number of seconds from 0 to a year')
        self.assertMistake(
            self.mule("test", "--shard", "1/2", "--durations", "none.txt"),
            "opening none.txt")
        result = self.mule_test("--shard", "1/2", "--durations", "other.txt")
        self.assertSays(result.text, "other.txt knows none of the jobs")
        result = self.mule_test("--durations", "other.txt")
        self.assertSays(result.text, "there is no --shard")
