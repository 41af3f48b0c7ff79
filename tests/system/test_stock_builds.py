"""Builds on stock Celery workers: `mule test --distributed` and real members.

The company's app is one that imports mule.tasks; test_stock_worker has what
a worker does by itself.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import unittest

from support import celery_env, processes, rotation
from support.fleet_case import SMALL, SMALL_STATES, WAITING, FleetCase
from support.mule_case import BINARY, ROOT

APP = """
    from celery import Celery
    app = Celery("company", backend="rpc://")
    app.conf.imports = ("mule.tasks",)
    app.conf.task_default_queue = "default"

    @app.task(name="company.add")
    def add(one, two):
        return one + two
    """
ADD = """
import sys
sys.path.insert(0, sys.argv[1])
import company
print(company.add.apply_async((20, 22), queue=sys.argv[2]).get(timeout=25))
"""


class StockBuilds:

    def stock(self, name="one", slots=2, queues="default", env=None,
              cwd=None):
        """A worker of the company, in the folder of the suite."""
        self.suite({"company.py": APP})
        program = self.start(
            "-m", "celery", "-A", "company", "worker", "-Q", queues,
            "-n", f"{name}@test", "-c", str(slots), "-l", "INFO",
            binary=celery_env.python(self.stock_version), cwd=cwd,
            env=self.stock_variables(env))
        program.wait_text(r" ready\.")
        self.workers[name] = program
        return program

    def stock_variables(self, more=None):
        return {"PYTHONPATH": os.pathsep.join(
                    [os.path.join(ROOT, "python"), self.folder]),
                "MULE_BROKER": None,
                "CELERY_BROKER_URL": self.broker.url, "MULE_BINARY": BINARY,
                "C_FORCE_ROOT": "1", "PYTHONDONTWRITEBYTECODE": "1",
                **(more or {})}

    def add(self, queue="default", tries=1):
        """The company's own task."""
        for _ in range(tries):
            result = self.start("-c", ADD, self.folder, queue,
                                binary=celery_env.python(self.stock_version),
                                env=self.stock_variables())
            if result.wait() == 0:
                break
        self.assertEqual(result.wait(), 0, result.describe())
        return int(result.out)

    def native_of(self, worker):
        """The pid of the process that its main process has started."""
        found = [pid for pid in processes.children_of(worker.pid)
                 if "--carrier" in processes.command_of(pid)]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def pool_of(self, worker):
        return [pid for pid in processes.children_of(worker.pid)
                if "--carrier" not in processes.command_of(pid)]

    def killed(self, worker, pid):
        """What was killed leaves the folders of its sockets behind."""
        os.kill(pid, signal.SIGKILL)
        before = set(os.listdir(self.tmp))
        if pid == worker.pid:
            worker.wait()
        self.addCleanup(self.forget, before)

    def forget(self, names):
        for name in names:
            if name.startswith(("mule-", "pymp-")):
                shutil.rmtree(os.path.join(self.tmp, name),
                              ignore_errors=True)

    def stop(self, name="one"):
        worker = self.workers[name]
        status = self.stop_worker(name)
        self.assertEqual(status, 0, worker.describe())

    def waiting(self, *words):
        """A build with a test that runs until `go` is written to."""
        self.suite({"test_wait.py": WAITING})
        ready, go = self.fifo("ready"), self.fifo("go")
        variables = {"READY": ready.path, "GO": go.path}
        return ready, go, variables

    def test_a_build_has_every_state(self):
        self.suite({"test_small.py": SMALL})
        self.stock()
        self.assertEqual(self.add(), 42)
        result = self.distributed(status=1)
        self.assertStates(result, SMALL_STATES)
        self.assertIn("said by d", result.output_of("test_small.Second.test_d"))
        self.assertEqual(self.add(), 42)
        result = self.distributed(status=1)
        self.assertStates(result, SMALL_STATES)
        self.stop()

    def test_the_company_works_on_while_a_build_runs(self):
        ready, go, variables = self.waiting()
        worker = self.stock(slots=2, queues="default,other", env=variables)
        build = self.start_distributed()
        ready.line(build)
        self.assertEqual(self.add("other"), 42)
        go.write()
        result = self.result_of(build)
        self.assertStates(result, {"test_wait.Waiting.test_wait": "passed"})
        worker.wait_text("takes from default again")
        self.assertEqual(self.add("default"), 42)
        self.stop()

    def test_setup_and_teardown_run_once_for_each_join(self):
        self.suite({"test_small.py": SMALL})
        self.workspace()
        self.stock("one")
        self.stock("two")
        result = self.distributed("--workspace", "ci", status=1)
        self.assertStates(result, SMALL_STATES)
        self.stop("one")
        self.stop("two")
        self.assertEqual(len(self.noted("setup")), len(self.noted("teardown")))
        self.assertIn(len(self.noted("setup")), (1, 2))

    def test_a_shipped_tree_comes_in_pieces(self):
        self.suite({"test_small.py": SMALL, "mule.yaml": "",
                    "data.bin": os.urandom(1 << 20).hex()})
        subprocess.run(["git", "init", "--quiet"], cwd=self.folder,
                       check=True)
        elsewhere = os.path.join(self.home, "elsewhere")
        os.mkdir(elsewhere)
        self.stock(cwd=elsewhere)
        result = self.distributed("--ship", status=1)
        self.assertStates(result, SMALL_STATES)
        self.stop()

    def test_a_native_and_a_stock_worker_share_a_build(self):
        self.suite({"test_many.py": "import unittest\n" + "".join(
            f"class T{i}(unittest.TestCase):\n    def test_x(self): pass\n"
            for i in range(40))})
        self.stock("one")
        self.start_worker(name="two", slots=2)
        result = self.distributed()
        self.assertEqual(result.count("passed"), 40)
        self.stop("one")

    def test_a_pool_child_that_is_killed_costs_no_test(self):
        ready, go, variables = self.waiting()
        worker = self.stock(slots=1, env=variables)
        build = self.start_distributed()
        ready.line(build)
        child, = self.pool_of(worker)
        os.kill(child, signal.SIGKILL)
        worker.wait_until(lambda: child not in self.pool_of(worker),
                          "the end of the child", ticking=True)
        go.write()
        # The copy that comes again is adopted by the test that runs.
        with contextlib.suppress(BlockingIOError):
            go.write()
        result = self.result_of(build)
        self.assertStates(result, {"test_wait.Waiting.test_wait": "passed"})
        self.stop()

    def test_another_takes_over_from_a_worker_that_was_killed(self):
        ready, go, variables = self.waiting()
        self.workspace()
        first = self.stock("one", slots=1, env=variables)
        build = self.start_distributed("--workspace", "ci",
                                       "--max-workers", "1")
        ready.line(build)
        self.stock("two", slots=1, env=variables)
        self.killed(first, first.pid)
        del self.workers["one"]
        ready.line(build)
        go.write()
        result = self.result_of(build)
        self.assertStates(result, {"test_wait.Waiting.test_wait": "passed"})
        self.stop("two")
        self.assertEqual(len(self.noted("setup")), 2)
        self.assertEqual(len(self.noted("teardown")), 2)

    def test_a_native_process_that_is_killed_is_replaced(self):
        ready, go, variables = self.waiting()
        worker = self.stock("one", slots=1, env=variables)
        build = self.start_distributed()
        ready.line(build)
        native = self.native_of(worker)
        self.killed(worker, native)
        ready.line(build)
        self.assertNotEqual(self.native_of(worker), native)
        go.write()
        result = self.result_of(build)
        self.assertStates(result, {"test_wait.Waiting.test_wait": "passed"})
        self.assertEqual(self.add(), 42)
        self.stop()

    def test_a_warm_shutdown_lets_the_test_end(self):
        ready, go, variables = self.waiting()
        self.workspace()
        worker = self.stock("one", slots=1, env=variables)
        build = self.start_distributed("--workspace", "ci")
        ready.line(build)
        worker.signal(signal.SIGTERM)
        worker.wait_until(lambda: b"Warm shutdown" in worker.out + worker.err,
                          "its word of the shutdown")
        go.write()
        result = self.result_of(build)
        self.assertStates(result, {"test_wait.Waiting.test_wait": "passed"})
        del self.workers["one"]
        self.assertEqual(worker.wait(), 0)
        self.assertEqual(len(self.noted("teardown")), 1)

    def test_default_is_taken_from_after_a_reconnect(self):
        if (self.stock_version, self.broker_kind) == ("5.2", "redis"):
            self.skipTest("such a worker may never take a task again, with "
                          "or without mule: celery/celery#8091")
        self.suite({"test_small.py": SMALL})
        proxy = self.proxy()
        worker = self.stock(env={
            "CELERY_BROKER_URL": proxy.url(self.broker.url)})
        self.distributed(status=1)
        worker.wait_text("takes from default again")
        proxy.drop()
        worker.wait_text("Cannot connect to")
        proxy.restore()
        worker.wait_text("mingle: ", after=len(worker.err))
        # kombu before 5.3.2 loses what a connection popped as it broke.
        self.assertEqual(self.add(tries=3), 42)
        result = self.distributed(status=1)
        self.assertStates(result, SMALL_STATES)
        self.stop()


rotation.tell(StockBuilds, FleetCase, globals())

if __name__ == "__main__":
    unittest.main()
