"""Which process ran what: the numbers of processes in the events."""

import os

from support.fleet_case import FleetCase
from support.mule_case import CLASS, MuleCase

# Two modules of two classes of two tests, all of which tell their process.
PIDS = {
    f"test_{module}.py": "import os, unittest\n" + "".join(
        f"class {name}(unittest.TestCase):\n"
        "    def test_1(self): print(os.getpid())\n"
        "    def test_2(self): print(os.getpid())\n"
        for name in ("A", "B"))
    for module in ("one", "two")}


class Numbers:

    def check_numbers(self, result):
        """A number for each process, and the same in all its events."""
        pids = {}
        for event in result.all("test_finished"):
            self.assertGreater(event["process"], 0, event)
            pid = result.output_of(event["id"])
            pids.setdefault(event["process"], set()).add(pid)
        for number, found in pids.items():
            self.assertEqual(len(found), 1, f"process {number}")
        self.assertEqual(len(set.union(*pids.values())), len(pids))
        jobs = {}
        for event in result.all("job_started"):
            jobs.setdefault(event["name"], set()).add(event["process"])
        for event in result.all("job_finished"):
            self.assertIn(event["process"], jobs[event["name"]])
        return pids


class Process(Numbers, MuleCase):

    def test_each_class_has_a_process_of_its_own(self):
        self.suite(PIDS)
        self.assertEqual(
            len(self.check_numbers(self.mule_test("-j", "2"))), 4)

    def test_a_worker_is_one_process(self):
        self.suite(PIDS)
        pids = self.check_numbers(
            self.mule_test("-j", "1", "--isolation", "worker"))
        self.assertEqual(list(pids), [1])

    def test_workers_have_different_numbers(self):
        self.suite(PIDS)
        self.check_numbers(self.mule_test("-j", "3", "--isolation", "worker"))

    def test_each_test_has_a_process_of_its_own(self):
        self.suite(PIDS)
        pids = self.check_numbers(
            self.mule_test("-j", "2", "--isolation", "test"))
        self.assertEqual(len(pids), 8)

    def test_workers_that_were_started_have_numbers(self):
        self.suite(PIDS)
        for isolation, count in (("worker", 1), ("class", 4)):
            with self.subTest(isolation=isolation):
                pids = self.check_numbers(self.mule_test(
                    "-j", "1", "--start", "spawn", "--isolation", isolation))
                self.assertEqual(len(pids), count)

    def test_a_worker_that_died_has_a_successor_of_another_number(self):
        self.suite({f"test_{name}.py": CLASS
                    + f"    def test_{name}(self): {body}\n"
                    for name, body in (("a", "pass"), ("b", "os.abort()"),
                                       ("c", "pass"))})
        result = self.mule_test("-j", "1", "--isolation", "worker", status=1)
        numbers = [result.finished[f"test_{name}.T.test_{name}"]["process"]
                   for name in "abc"]
        self.assertEqual(numbers, [1, 1, 2])

    def test_each_program_is_a_process(self):
        self.suite({f"{name}.t": "#!/bin/sh\necho 1..1\necho ok 1\n"
                    for name in "abc"})
        result = self.mule_test("--tap", "a.t", "b.t", "c.t", "-j", "2")
        numbers = {event["process"] for event in result.all("test_finished")}
        self.assertEqual(numbers, {1, 2, 3})

    def test_order_of_jobs_tells_the_order_in_a_process(self):
        self.suite({f"test_{name}.py": CLASS
                    + "    def test_it(self):\n"
                      f"        with open({os.path.join(self.home, 'log')!r},"
                      " 'a') as log:\n"
                      f"            log.write('test_{name}.T\\n')\n"
                    for name in "abcd"})
        result = self.mule_test("-j", "1", "--isolation", "worker")
        with open(os.path.join(self.home, "log"), encoding="utf-8") as log:
            ran = log.read().split()
        self.assertEqual(
            [event["name"] for event in result.all("job_started")], ran)


class Replay(Numbers, MuleCase):
    """What one process ran, printed and run again."""

    def record(self, *args, **more):
        self.suite({f"test_{name}.py": CLASS + """
    def test_1(self): print(os.environ["PYTHONHASHSEED"])
    def test_2(self): pass
""" for name in "abcd"})
        return self.mule_test("-j", "2", "--isolation", "worker", "--shuffle",
                              *args, **more)

    def of_process(self, result, number):
        return [event["id"] for event in result.all("test_finished")
                if event["process"] == number]

    def test_the_tests_of_a_process_are_printed(self):
        ran = self.record()
        for number in {e["process"] for e in ran.all("test_finished")}:
            result = self.mule("replay", "--process", str(number))
            self.assertEqual(result.out.split(),
                             self.of_process(ran, number))
            self.assertEqual(result.status, 0)

    def again(self, *args, status=0):
        events = os.path.join(self.home, "again.json")
        result = self.result_of(
            self.start("replay", "--json", events, *args), events)
        self.assertEqual(result.status, status, result.text)
        return result

    def test_they_run_again_in_their_order_in_one_process(self):
        ran = self.record(env={"PYTHONHASHSEED": "77"})
        result = self.again("--process", "1", "--execute")
        self.assertEqual([event["id"] for event in
                          result.all("test_finished")],
                         self.of_process(ran, 1))
        self.assertEqual({event["process"] for event in
                          result.all("test_finished")}, {1})
        first = result.all("test_finished")[0]["id"][:-1] + "1"
        self.assertEqual(result.output_of(first), "77\n")

    def test_a_build_is_named_by_its_file(self):
        path = os.path.join(self.home, "b.mule")
        ran = self.record("--record", path, "--no-store")
        result = self.again(path, "--process", "1", "--execute")
        self.assertEqual(list(result.states), self.of_process(ran, 1))

    def test_it_leaves_no_build_in_the_store(self):
        self.record()
        before = os.listdir(self.path(".mule", "recordings"))
        self.again("--process", "1", "--execute")
        self.assertEqual(os.listdir(self.path(".mule", "recordings")), before)

    def test_a_recording_without_its_beginning_will_do(self):
        path = os.path.join(self.home, "b.mule")
        ran = self.record("--record", path, "--no-store")
        with open(path, "r+b") as file:
            file.seek(40)  # in the first frame, behind its header
            file.write(b"?" * 20)
        result = self.again(path, "--process", "1", "--execute")
        self.assertIn("the recording is not whole", result.err)
        self.assertEqual(list(result.states), self.of_process(ran, 1))

    def test_a_process_that_there_was_not_is_said(self):
        self.record()
        result = self.mule("replay", "--process", "99")
        self.assertEqual(result.status, 4)
        self.assertIn("no test ended in process 99", result.err)
        result = self.mule("replay", "--execute")
        self.assertEqual(result.status, 4)
        self.assertIn("which process", result.err)

    def test_what_is_no_more_is_told(self):
        self.record()
        self.suite({"test_a.py": CLASS + "    def test_1(self): pass\n"})
        number = next(
            int(k) for k in "12"
            if "test_a.T.test_2" in self.mule("replay", "--process", k).out)
        result = self.again("--process", str(number), "--execute")
        self.assertIn("was not found", result.text)
        self.assertNotIn("test_a.T.test_2", result.states)


class OnFleet(Numbers, FleetCase):
    broker_kind = "redis"

    def test_processes_of_two_workers_have_different_numbers(self):
        self.suite(PIDS)
        self.start_worker(name="one", slots=2)
        self.start_worker(name="two", slots=2)
        pids = self.check_numbers(self.distributed())
        self.assertEqual(len(pids), 4)

    def test_a_worker_process_of_a_fleet_keeps_its_number(self):
        self.suite(PIDS)
        self.start_worker(name="one", slots=1)
        pids = self.check_numbers(
            self.distributed("--isolation", "worker"))
        self.assertEqual(list(pids), [1])

    def test_this_machine_and_a_worker_do_not_share_numbers(self):
        self.suite(PIDS)
        self.start_worker(name="one", slots=1)
        self.check_numbers(
            self.distributed("--isolation", "worker", "-j", "1"))
