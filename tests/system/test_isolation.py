"""What shares a process, and how workers are started."""

import os

from support.mule_case import CLASS, MuleCase

# Two modules of two classes of two tests, all of which tell their process.
PIDS = {
    f"test_{module}.py": "import os, unittest\n" + "".join(
        f"class {name}(unittest.TestCase):\n"
        "    def test_1(self): print(os.getpid())\n"
        "    def test_2(self): print(os.getpid())\n"
        for name in ("A", "B"))
    for module in ("one", "two")}


class Isolation(MuleCase):

    def pids(self, *args):
        """The process of each test, by id."""
        self.suite(PIDS)
        result = self.mule_test(*args)
        self.assertEqual(result.count("passed"), 8)
        return {id: int(result.output_of(id)) for id in result.states}

    def by_class(self, pids):
        return [{pid for id, pid in pids.items()
                 if id.startswith(f"test_{module}.{name}.")}
                for module in ("one", "two") for name in ("A", "B")]

    def test_by_class_is_the_default(self):
        pids = self.pids("-j", "2")
        self.assertEqual([len(found) for found in self.by_class(pids)],
                         [1, 1, 1, 1])
        self.assertEqual(len(set(pids.values())), 4)

    def test_by_worker_jobs_share_a_process(self):
        pids = self.pids("--isolation", "worker", "-j", "1")
        self.assertEqual(len(set(pids.values())), 1)

    def test_by_worker_there_are_no_more_processes_than_slots(self):
        pids = self.pids("--isolation", "worker", "-j", "2")
        self.assertLessEqual(len(set(pids.values())), 2)

    def test_by_test_each_test_has_a_process(self):
        pids = self.pids("--isolation", "test")
        self.assertEqual(len(set(pids.values())), 8)

    def test_spawned_workers_have_loaded_their_tests_themselves(self):
        self.suite({"test_it.py": "import os\nloaded = os.getpid()\n" + CLASS
                                  + "    def test_a(self):\n"
                                    "        print(loaded == os.getpid())\n"})
        for start, said in (("spawn", "True\n"), ("fork", "False\n")):
            with self.subTest(start=start):
                result = self.mule_test("--start", start)
                self.assertEqual(result.output_of("test_it.T.test_a"), said)

    def test_spawning_works_under_every_isolation(self):
        for isolation, processes in (("class", 4), ("worker", 1),
                                     ("test", 8)):
            with self.subTest(isolation=isolation):
                pids = self.pids("--start", "spawn", "-j", "1",
                                 "--isolation", isolation)
                self.assertEqual(len(set(pids.values())), processes)

    def test_spawned_workers_find_only_the_tests_they_are_asked_for(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self): self.fail("not selected")
    def test_c(self): pass
"""})
        result = self.mule_test("--start", "spawn", "-k", "test_a",
                                "-k", "test_c")
        self.assertStates(result, {"test_it.T.test_a": "passed",
                                   "test_it.T.test_c": "passed"})

    def test_spawned_workers_survive_a_crash(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self): os.abort()
    def test_c(self): pass
"""})
        for isolation in ("class", "worker", "test"):
            with self.subTest(isolation=isolation):
                result = self.mule_test("--start", "spawn", "--isolation",
                                        isolation, status=1)
                self.assertStates(result, {
                    "test_it.T.test_a": "passed",
                    "test_it.T.test_b": "crashed",
                    "test_it.T.test_c": "passed"})

    def test_state_does_not_leak_from_class_to_class(self):
        self.suite({"test_a.py": "import string\n" + CLASS
                                 + "    def test_a(self):"
                                   " string.mark = 1\n",
                    "test_b.py": "import string\n" + CLASS
                                 + "    def test_b(self):\n"
                                   "        self.assertFalse("
                                   "hasattr(string, 'mark'))\n"})
        self.mule_test("-j", "1")

    def test_state_does_leak_from_class_to_class_in_one_worker(self):
        self.suite({"test_a.py": "import string\n" + CLASS
                                 + "    def test_a(self):"
                                   " string.mark = 1\n",
                    "test_b.py": "import string\n" + CLASS
                                 + "    def test_b(self):\n"
                                   "        self.assertTrue("
                                   "hasattr(string, 'mark'))\n"})
        self.mule_test("-j", "1", "--isolation", "worker")

    def test_a_crash_costs_one_class_in_a_shared_worker(self):
        self.suite({f"test_{name}.py": CLASS
                    + f"    def test_{name}(self): {body}\n"
                    for name, body in (("a", "pass"), ("b", "os.abort()"),
                                       ("c", "pass"), ("d", "pass"))})
        result = self.mule_test("-j", "1", "--isolation", "worker", status=1)
        self.assertStates(result, {
            "test_a.T.test_a": "passed", "test_b.T.test_b": "crashed",
            "test_c.T.test_c": "passed", "test_d.T.test_d": "passed"})

    def test_KeyboardInterrupt_stops_nobody_in_a_shared_worker(self):
        self.suite({"test_a.py": CLASS + """
    def test_a(self): raise KeyboardInterrupt
    def test_b(self): pass
class U(unittest.TestCase):
    def test_c(self): pass
"""})
        result = self.mule_test("-j", "1", "--isolation", "worker", status=1)
        self.assertStates(result, {
            "test_a.T.test_a": "error", "test_a.T.test_b": "passed",
            "test_a.U.test_c": "passed"})

    def test_class_fixtures_run_for_each_test_under_test_isolation(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def setUpClass(cls): cls.ready = True
    def test_a(self): self.assertTrue(self.ready)
    def test_b(self): self.assertTrue(self.ready)
"""})
        result = self.mule_test("--isolation", "test")
        self.assertEqual(result.count("passed"), 2)

    def test_a_broken_class_fixture_is_told_under_test_isolation(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def setUpClass(cls): raise OSError("down")
    def test_a(self): pass
    def test_b(self): pass
"""})
        result = self.mule_test("--isolation", "test", status=1)
        self.assertEqual(result.count("not run"), 2)
        self.assertGreaterEqual(result.count("error"), 1)

    def test_several_slots_work_at_once(self):
        """Each of four tests waits until all four have begun."""
        self.suite({"test_it.py": """
            import os, time, unittest
            class Base(unittest.TestCase):
                def setUp(self):
                    os.close(os.open(type(self).__name__ + ".here",
                                     os.O_CREAT | os.O_WRONLY))
                def meet(self):
                    deadline = time.monotonic() + 60
                    while len([n for n in os.listdir(".")
                               if n.endswith(".here")]) < 4:
                        self.assertLess(time.monotonic(), deadline)
            """ + "".join(f"""
            class C{i}(Base):
                def test_meet(self): self.meet()
            """ for i in range(4))})
        for isolation in ("class", "worker", "test"):
            with self.subTest(isolation=isolation):
                for i in range(4):
                    try:
                        os.remove(self.path(f"C{i}.here"))
                    except FileNotFoundError:
                        pass
                result = self.mule_test("-j", "4", "--isolation", isolation)
                self.assertEqual(result.count("passed"), 4)
                self.assertEqual({event["slot"] for event
                                  in result.all("test_finished")},
                                 {0, 1, 2, 3})
