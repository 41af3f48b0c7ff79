"""mule worker as a program: its start, its name, its end, and what it says
when a broker or its words are wrong."""

import os
import signal
import unittest

from support import brokers, processes
from support.fleet_case import SMALL, SMALL_STATES, WAITING, FleetCase
from support.mule_case import MuleCase, is_sanitized

SETUP_FAILS = """
    workspaces:
      ci:
        setup: echo went wrong; exit 3
        teardown: echo "$BUILD_ID" >>"{notes}"
    """


class WithoutBroker(MuleCase):

    def worker(self, *args, **more):
        return self.mule("worker", "--state", os.path.join(self.home, "state"),
                         *args, **more)

    def test_no_broker_is_a_mistake_that_says_what_to_do(self):
        result = self.worker()
        self.assertMistake(result, "no broker is named", "--broker")

    def test_urls_that_nobody_knows_are_mistakes_without_passwords(self):
        for url in ("http://x:hush@host/", "redis://:hush@host:port/0",
                    "amqp://u:hush@host//?nonsense=1", "nothing"):
            with self.subTest(url):
                result = self.worker("--broker", url)
                self.assertEqual(result.status, 4, result.text)
                self.assertNotIn("hush", result.text)

    def test_a_name_that_no_node_can_have_is_a_mistake(self):
        for name in ("two words", "a@b@c", "star*"):
            with self.subTest(name):
                result = self.worker("--broker", "redis://127.0.0.1:1/0",
                                     "-n", name)
                self.assertMistake(result, "node")

    def test_a_secret_that_others_can_read_is_a_mistake(self):
        path = os.path.join(self.home, "secret")
        with open(path, "w") as file:
            file.write("hush")
        os.chmod(path, 0o644)
        result = self.worker("--broker", "redis://127.0.0.1:1/0",
                             "--secret-file", path)
        self.assertMistake(result, "others may read")
        self.assertNotIn("hush", result.text)

    def test_a_state_folder_that_cannot_be_written_is_said(self):
        path = os.path.join(self.home, "file")
        with open(path, "w"):
            pass
        result = self.mule("worker", "--broker", "redis://127.0.0.1:1/0",
                           "--state", path)
        self.assertIn(result.status, (3, 4), result.text)
        self.assertSays(result.text, "outlive")

    def test_a_worker_that_waits_for_its_broker_ends_when_told(self):
        port = brokers.free_port()
        program = self.start("worker", "--broker",
                             f"redis://127.0.0.1:{port}/0", "--state",
                             os.path.join(self.home, "state"))
        program.wait_text("refused")
        program.signal(signal.SIGTERM)
        self.assertEqual(program.wait(), 0, program.describe())


class OnRedis(FleetCase):

    broker_kind = "redis"

    def said(self, program):
        return bytes(program.err).decode("utf-8", "replace")

    def test_it_tells_its_service_manager_how_it_is(self):
        worker = self.start_worker(env={"WATCHDOG_USEC": "200000"})
        worker.notices.wait_for("WATCHDOG=1", worker)
        os.kill(worker.pid, signal.SIGTERM)
        self.assertEqual(worker.wait(), 0)
        del self.workers["one"]
        worker.notices.socket.settimeout(5)
        while "STOPPING=1" not in worker.notices.heard:
            worker.notices.heard.append(
                worker.notices.socket.recv(4096).decode())

    def test_two_of_one_name_are_one_too_many(self):
        self.start_worker(name="twin")
        second = self.start_worker(name="twin", wait=False)
        self.assertEqual(second.wait(), 3, second.describe())
        self.assertSays(self.said(second), "twin@", "-n")
        # The first one does not mind.
        del self.workers["twin"]
        first = self.running[0]
        self.assertIsNone(first.process.poll())
        first.signal(signal.SIGTERM)
        self.assertEqual(first.wait(), 0)

    def test_once_serves_one_build_and_ends(self):
        self.suite({"test_small.py": SMALL})
        worker = self.start_worker("--once")
        result = self.distributed(status=1)
        self.assertEqual(result.states, SMALL_STATES)
        self.assertEqual(worker.wait(), 0, worker.describe())
        del self.workers["one"]
        self.assertSays(self.said(worker), "joined build", "left build")

    def test_neither_passwords_nor_the_secret_reach_a_test(self):
        self.suite({"test_env.py": """
            import os, unittest
            class Env(unittest.TestCase):
                def test_it(self):
                    for name, value in os.environ.items():
                        print(name, value)
                    with open(f"/proc/{os.getppid()}/environ") as file:
                        print(file.read())
            """})
        worker = self.start_worker(
            env={"MULE_SECRET": "hush-hush",
                 "CELERY_BROKER_URL": "redis://:pass-word@nowhere/0"})
        result = self.distributed(env={"MULE_SECRET": "hush-hush"})
        printed = result.output_of("test_env.Env.test_it")
        self.assertIn("BUILD_ID", printed)
        for word in ("hush-hush", "pass-word", "MULE_BROKER",
                     "NOTIFY_SOCKET"):
            self.assertNotIn(word, printed)
        with open(f"/proc/{worker.pid}/environ", "rb") as file:
            environment = file.read()
        self.assertNotIn(b"hush-hush", environment)
        self.assertNotIn(b"pass-word", environment)

    def test_a_worker_with_another_secret_takes_no_part(self):
        self.suite({"test_small.py": SMALL})
        worker = self.start_worker(env={"MULE_SECRET": "one"})
        result = self.distributed("--wait", "4s", status=3,
                                  env={"MULE_SECRET": "another"})
        self.assertEqual(result.count("passed"), 0)
        worker.wait_text("seal is wrong")

    def waiting_build(self, *args):
        """A build with one test that runs and waits; gives it and its pipes."""
        ready, go = self.fifo("ready"), self.fifo("go")
        self.suite({"test_waiting.py": WAITING})
        worker = self.start_worker(*args, env={"READY": ready.path,
                                               "GO": go.path})
        build = self.start_distributed()
        pid = int(ready.line(build).split()[0])
        return worker, build, pid, go

    def test_the_first_signal_lets_end_what_runs(self):
        worker, build, _, go = self.waiting_build()
        os.kill(worker.pid, signal.SIGTERM)
        worker.wait_text("what runs may end")
        go.write()
        result = self.result_of(build)
        self.assertEqual(result.states,
                         {"test_waiting.Waiting.test_wait": "passed"})
        self.assertEqual(worker.wait(), 0, worker.describe())
        del self.workers["one"]

    def test_the_third_signal_waits_for_nothing(self):
        worker, build, pid, _ = self.waiting_build()
        for words in ("what runs may end", "ending within ten seconds",
                      "ending now"):
            # A second signal at once would be taken for the first one's echo.
            while words not in self.said(worker):
                os.kill(worker.pid, signal.SIGTERM)
                worker.pump(0.3)
        self.assertEqual(worker.wait(), 0, worker.describe())
        del self.workers["one"]
        self.assertEqual(processes.wait_for_end([pid], 10), [])
        build.signal(signal.SIGINT)
        build.wait()

    def test_a_killed_worker_tears_down_when_it_starts_again(self):
        self.workspace()
        ready, go = self.fifo("ready"), self.fifo("go")
        self.suite({"test_waiting.py": WAITING})
        env = {"READY": ready.path, "GO": go.path}
        worker = self.start_worker(env=env)
        build = self.start_distributed("--workspace", "ci")
        ready.line(build)
        worker.process.kill()
        worker.wait()
        self.assertEqual(self.noted("teardown"), [])
        again = self.start_worker(env=env)
        again.wait_text("tearing down what build")
        again.wait_text("preparing for")
        self.assertEqual(len(self.noted("teardown")), 1)
        # And serves on, with the test that was lost.
        ready.line(build)
        go.write()
        result = self.result_of(build)
        self.assertEqual(result.states,
                         {"test_waiting.Waiting.test_wait": "passed"})
        again.wait_text("left build .*\\n(.*\\n)*.*left build")
        self.assertEqual(len(self.noted("setup")), 2)
        self.assertEqual(len(self.noted("teardown")), 2)

    def test_a_setup_that_fails_is_not_tried_again_for_this_build(self):
        notes = os.path.join(self.home, "notes")
        self.suite({"test_small.py": SMALL,
                    "mule.yaml": SETUP_FAILS.format(notes=notes)})
        worker = self.start_worker()
        result = self.distributed("--workspace", "ci", "--wait", "3s",
                                  status=3)
        self.assertSays(result.text, "went wrong")
        self.stop_worker()
        self.assertEqual(self.said(worker).count("preparing for"), 1)
        with open(notes) as file:
            self.assertEqual(len(file.read().split()), 1)

    def test_a_stopped_worker_that_goes_on_after_its_lease_tears_down(self):
        worker, build, pid, go = self.waiting_build()
        os.kill(worker.pid, signal.SIGSTOP)
        build.wait_until(lambda: b'"worker_lost"' in build.out or
                         b"lost" in build.err, "the loss", ticking=True)
        os.kill(worker.pid, signal.SIGCONT)
        worker.wait_text("nothing was heard of the build")
        worker.wait_text("left build")
        self.assertEqual(processes.wait_for_end([pid], 10), [])
        build.signal(signal.SIGINT)
        build.wait()

    def test_a_killed_engine_is_replaced_and_its_test_runs_again(self):
        self.workspace()
        ready, go = self.fifo("ready"), self.fifo("go")
        self.suite({"test_waiting.py": WAITING})
        worker = self.start_worker(env={"READY": ready.path, "GO": go.path})
        build = self.start_distributed("--workspace", "ci")
        ready.line(build)
        engines = [pid for pid in processes.descendants_of(worker.pid)
                   if "--engine" in processes.command_of(pid)]
        os.kill(engines[0], signal.SIGKILL)
        worker.wait_text("the engine of build .* died")
        ready.line(build)
        go.write()
        result = self.result_of(build)
        self.assertEqual(result.states,
                         {"test_waiting.Waiting.test_wait": "passed"})
        worker.wait_text("left build")
        self.assertEqual(len(self.noted("setup")), 1)
        self.assertEqual(len(self.noted("teardown")), 1)

    def test_a_short_cut_of_the_connection_is_not_noticed(self):
        ready, go = self.fifo("ready"), self.fifo("go")
        self.suite({"test_waiting.py": WAITING})
        proxy = self.proxy()
        worker = self.start_worker(
            broker=proxy.url(self.broker.url),
            env={"READY": ready.path, "GO": go.path})
        build = self.start_distributed("--lease", "20s")
        ready.line(build)
        proxy.drop()
        worker.wait_text("joined build.*\\n(.*\\n)*.*(closed|refused|lost)")
        proxy.restore()
        worker.wait_text("connected to(.*\\n)+.*connected to")
        go.write()
        result = self.result_of(build)
        self.assertEqual(result.states,
                         {"test_waiting.Waiting.test_wait": "passed"})
        self.assertFalse(any(event["what"] == "lost"
                             for event in result.all("worker")))

    @unittest.skipIf(is_sanitized(), "the sanitizer has its own size")
    def test_an_idle_worker_is_small(self):
        worker = self.start_worker("-c", "4")
        with open(f"/proc/{worker.pid}/status") as file:
            facts = dict(line.split(":", 1) for line in file)
        self.assertLess(int(facts["VmRSS"].split()[0]), 8 * 1024)


class OnRabbit(FleetCase):

    broker_kind = "rabbitmq"

    def test_a_build_is_served(self):
        self.suite({"test_small.py": SMALL})
        worker = self.start_worker("-c", "2")
        result = self.distributed(status=1)
        self.assertEqual(result.states, SMALL_STATES)
        worker.wait_text("left build")
        self.assertEqual(self.stop_worker(), 0)

    def test_what_was_left_does_not_come_back_with_the_broker(self):
        self.suite({"test_small.py": SMALL})
        worker = self.start_worker()
        self.distributed(status=1)
        worker.wait_text("left build")
        seen = len(worker.err)
        self.broker.restart()
        worker.wait_text("connected to", after=seen)
        self.assertEqual(self.leftovers(), [])

    def test_a_wrong_password_ends_it(self):
        url = self.broker.url_of("/", password="wrong-one")
        worker = self.start_worker(broker=url, wait=False)
        self.assertEqual(worker.wait(), 3, worker.describe())
        text = bytes(worker.err).decode()
        self.assertNotIn("wrong-one", text)
        del self.workers["one"]
