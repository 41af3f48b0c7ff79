"""Coverage, profiles and debugging: what mule's options do to a suite."""

import json
import os
import pstats
import subprocess
import sys
import unittest

try:
    from driver import PATIENCE, Driver
except ImportError:
    from .driver import PATIENCE, Driver

try:
    import coverage
except ImportError:
    coverage = None

COVERED = {
    "shop/__init__.py": "",
    "shop/basket.py": """
        def add(basket, thing):
            if not thing:
                raise ValueError(thing)
            basket.append(thing)
            return basket

        def never():
            return 1
        """,
    "tests/__init__.py": "",
    "tests/test_basket.py": """
        import os
        import unittest
        from shop import basket

        class Add(unittest.TestCase):
            def test_add(self):
                self.assertEqual(basket.add([], 1), [1])

        class Nothing(unittest.TestCase):
            def test_nothing(self):
                with self.assertRaises(ValueError):
                    basket.add([], 0)

            def test_child(self):
                child = os.fork()
                if not child:
                    os._exit(0)
                os.waitpid(child, 0)
        """,
    ".coveragerc": "[run]\nbranch = True\nsource = shop\n    tests\n",
}


@unittest.skipIf(coverage is None, "coverage.py is not installed")
class Coverage(unittest.TestCase):
    maxDiff = None

    def combined(self, folder, data):
        """{file: what was recorded} once all files in `data` are one."""
        environ = dict(os.environ, COVERAGE_FILE=os.path.join(data, ".coverage"))
        run = [sys.executable, "-m", "coverage"]
        subprocess.run(run + ["combine", "-q", data], cwd=folder, check=True,
                       env=environ, timeout=PATIENCE)
        report = subprocess.run(run + ["json", "-o", "-", "-q"], cwd=folder,
                                env=environ, timeout=PATIENCE, check=True,
                                stdout=subprocess.PIPE).stdout
        return {name: (sorted(file["executed_lines"]),
                       sorted(file.get("executed_branches", ())))
                for name, file in json.loads(report)["files"].items()}

    def test_it_is_what_coverage_run_records(self):
        for isolation in "class", "worker":
            with self.subTest(isolation=isolation), Driver(COVERED) as mule:
                plain = os.path.join(mule.home, "plain")
                ours = os.path.join(mule.home, "ours")
                os.mkdir(plain)
                os.mkdir(ours)
                subprocess.run(
                    [sys.executable, "-m", "coverage", "run", "-p",
                     "--data-file", os.path.join(plain, ".coverage"),
                     "-m", "unittest", "-q"], cwd=mule.folder, check=True,
                    stderr=subprocess.PIPE, timeout=PATIENCE)
                mule.options = {"isolation": isolation, "coverage": {
                    "rcfile": None, "dir": ours}}
                mule.collect()
                self.assertEqual(set(mule.run().states().values()),
                                 {"passed"})
                mule.fork_ended(0)
                mule.zygote.send({"msg": "stop"})
                self.assertEqual(mule.process.wait(PATIENCE), 0)
                expected = self.combined(mule.folder, plain)
                self.assertEqual(self.combined(mule.folder, ours), expected)
                self.assertEqual(set(expected), {
                    "shop/__init__.py", "shop/basket.py",
                    "tests/__init__.py", "tests/test_basket.py"})

    def test_a_worker_that_was_not_forked_records_too(self):
        with Driver(COVERED) as mule:
            ours = os.path.join(mule.home, "ours")
            os.mkdir(ours)
            mule.collect()
            mule.zygote.send({"msg": "stop"})
            mule.process.wait(PATIENCE)
            mule.options["coverage"] = {"rcfile": None, "dir": ours}
            mule.run(mule.spawn("worker", slot=0))
            self.assertEqual(mule.process.wait(PATIENCE), 0)
            lines = self.combined(mule.folder, ours)["shop/basket.py"][0]
            self.assertEqual(lines, [2, 3, 4, 5, 6, 8])


class NoCoverage(unittest.TestCase):

    def test_the_lack_of_coverage_py_is_said(self):
        with Driver({"coverage.py": "raise ImportError('none here')"},
                    options={"coverage": {"rcfile": None, "dir": "."}}) \
                as mule:
            mule.start()
            self.assertNotEqual(mule.process.wait(PATIENCE), 0)
            self.assertIn(b"coverage.py cannot be used: none here",
                          mule.zygote_output())


class Profile(unittest.TestCase):

    def test_each_job_leaves_a_profile(self):
        files = {"test_p.py": """
            import unittest
            def work():
                return sum(range(1000))
            class A(unittest.TestCase):
                def test_1(self):
                    work()
            class B(unittest.TestCase):
                def test_1(self):
                    work()
                    work()
            """}
        for isolation in "class", "worker":
            with self.subTest(isolation=isolation), Driver(files) as mule:
                mule.options = {"isolation": isolation,
                                "profile": {"dir": mule.home}}
                mule.collect()
                self.assertEqual(set(mule.run().states().values()),
                                 {"passed"})
                calls = []
                for name in "test_p.A.1.1.prof", "test_p.B.2.1.prof":
                    stats = pstats.Stats(os.path.join(mule.home, name)).stats
                    calls += [row[0] for (_, _, name), row in stats.items()
                              if name == "work"]
                self.assertEqual(calls, [1, 2])


class Debug(unittest.TestCase):

    def test_the_zygote_runs_a_test_on_its_own_streams(self):
        files = {"test_d.py": """
            import sys, unittest
            class A(unittest.TestCase):
                def test_1(self):
                    print("seen at once")
                    self.hook = sys.breakpointhook
                    self.assertIs(self.hook, sys.__breakpointhook__)
                def test_2(self):
                    self.fail("too")
            """}
        with Driver(files, options={"debug": "terminal"}) as mule:
            mule.collect()
            mule.ask(mule.zygote, mule.jobs[0])
            ends = {}
            while True:
                message = mule.message(mule.zygote)
                if message["msg"] == "done":
                    break
                if message["msg"] == "finished":
                    ends[message["item"]] = message["state"]
                for item, _ in message.get("items", ()):
                    ends[item] = "passed"
            self.assertEqual(ends, {0: "passed", 1: "failed"})
            self.assertIn(b"seen at once", mule.zygote_output())

    def test_pdb_stops_where_the_test_failed(self):
        files = {"test_d.py": """
            import unittest
            def helper(number):
                raise OSError(number)
            class A(unittest.TestCase):
                def test_1(self):
                    helper(41)
            """}
        with Driver(files, options={"debug": "pdb"}) as mule:
            mule.collect()
            mule.ask(mule.zygote, mule.jobs[0])
            while mule.message(mule.zygote)["msg"] != "done":
                pass
            # Its standard input has ended, so it stops and goes on.
            self.assertIn(b"test_d.py(4)helper()", mule.zygote_output())

    def test_an_interrupt_from_the_terminal_is_not_swallowed(self):
        files = {"test_d.py": """
            import os, signal, unittest
            class A(unittest.TestCase):
                def test_1(self):
                    os.kill(os.getpid(), signal.SIGINT)
                    while True:
                        pass
                def test_2(self):
                    print("never")
            """}
        with Driver(files, options={"debug": "terminal"}) as mule:
            mule.collect()
            mule.ask(mule.zygote, mule.jobs[0])
            self.assertEqual(mule.message(mule.zygote)["msg"], "started")
            message = mule.message(mule.zygote)
            self.assertEqual(message["state"], "error")
            self.assertEqual(message["findings"][0]["type"],
                             "KeyboardInterrupt")
            self.assertIs(mule.message(mule.zygote, "done")["left"], True)
            self.assertEqual(mule.process.wait(PATIENCE), -2)
            self.assertNotIn(b"never", mule.zygote_output())


if __name__ == "__main__":
    unittest.main()
