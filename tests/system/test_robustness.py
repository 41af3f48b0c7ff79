"""Rare turns that a run may take: it comes to its end, and nothing is missing.

What becomes of an adapter's misfortunes stands in test_adapters.py.
"""

from system.test_adapters import FakeCase, fake

QUICK = """
    import unittest
    class T(unittest.TestCase):
        def test_it(self): pass
    """
THREADS = """
    import threading
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    """


class Robustness(FakeCase):

    def test_jobs_for_forks_and_for_new_processes_take_turns(self):
        # Quick enough that several of them lie ready for one worker.
        self.suite({f"test_{i:03}.py":
                    (THREADS if i % 25 == 24 else "") + QUICK
                    for i in range(100)})
        result = self.mule_test("-j1")
        self.assertEqual(self.counts(result), {"passed": 100})

    def test_what_did_not_run_is_named_when_the_adapter_dies(self):
        once = self.path("once")
        result = self.mule_test(
            "--adapter", fake("--items 100 --at 15 --misfortune zygote-die",
                              "--once", once), "-j2", status=3)
        self.assertEqual(sum(self.counts(result).values()), 100)
        self.assertEqual(len(result.states), 100)
        self.assertSays(result.out, " not run")
        self.assertNotIn("without a state", result.out)

    def test_a_second_signal_ends_setup_without_grace(self):
        ready = self.fifo("ready")
        self.suite({"test_it.py": QUICK, "mule.yaml": """
            workspaces:
              w: {setup: "trap '' TERM; echo go > $READY; sleep 1000"}
            """})
        program = self.start_test("--workspace", "w", "--grace", "1000",
                                  env={"READY": ready.path})
        ready.line(program)
        program.signal(15)
        program.wait_event("stopping")
        program.signal(15)
        self.assertEqual(program.wait(), -15, program.describe())
