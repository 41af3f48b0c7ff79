"""`--failed` over a fleet: the coordinator remembers, whoever ran it."""

import json
import os

from support.fleet_case import FleetCase

SUITE = """
    import os, unittest
    class A(unittest.TestCase):
        def test_1(self):
            self.assertFalse(os.path.exists(os.environ["BAD"]))
        def test_2(self):
            pass
    class B(unittest.TestCase):
        def test_1(self):
            pass
    """


class Rerun(FleetCase):

    def test_what_failed_on_a_worker_runs_again_on_one(self):
        self.suite({"test_m.py": SUITE})
        bad = os.path.join(self.home, "bad")
        self.environment["BAD"] = bad
        with open(bad, "w", encoding="utf-8"):
            pass
        self.start_worker(name="one")
        self.distributed(status=1)
        os.remove(bad)
        result = self.distributed("--failed")
        self.assertStates(result, {"test_m.A.test_1": "passed"})
        self.assertEqual(result.tally["outstanding"], 0)
        out = self.mule("history", "test_m.A.test_1", "--json").out
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([line["state"] for line in lines],
                         ["passed", "failed"])
        for line in lines:
            self.assertIn("one", line["worker"])
