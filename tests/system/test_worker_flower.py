"""A running `mule worker` on the pages of a real Flower."""

import contextlib
import json
import socket
import time
import urllib.error
import urllib.request

from support import brokers, celery_env
from support.fleet_case import WAITING, FleetCase
from support.running import PATIENCE


class Flower:
    """The cases; what they run on is said below."""

    def start_flower(self):
        self.port = brokers.free_port()
        flower = self.start(
            "-b", self.broker.url, "flower", "--address=127.0.0.1",
            f"--port={self.port}",
            binary=celery_env.program("newest", "celery"),
            env={"FLOWER_UNAUTHENTICATED_API": "true"})
        flower.wait_text("Visit me at http")
        return flower

    def get(self, path, data=None):
        """The status and text of a page; with data it is posted to."""
        with contextlib.ExitStack() as stack:
            try:
                answer = urllib.request.urlopen(
                    f"http://127.0.0.1:{self.port}{path}", data, PATIENCE)
            except urllib.error.HTTPError as error:
                answer = error
            stack.enter_context(answer)
            return answer.status, answer.read().decode()

    def page(self, path, data=None):
        status, text = self.get(path, data)
        self.assertEqual(status, 200, f"{path}: {text}")
        return text

    def until(self, look):
        """Flower tells nobody what it has heard, so it is asked again."""
        deadline = time.monotonic() + PATIENCE
        while not (value := look()):
            self.assertLess(time.monotonic(), deadline, self.flower.describe())
            time.sleep(0.1)
        return value

    def online(self):
        rows = json.loads(self.page("/workers?json=1"))["data"]
        return [row for row in rows
                if row["hostname"] == self.name and row["status"]]

    def known(self):
        """Once it has asked for events, and knows of it."""
        workers = json.loads(self.page("/api/workers?refresh=1"))
        worker = workers.get(self.name, {})
        heard = worker.get("conf", {}).get("worker_send_task_events")
        return worker if heard else None

    def tasks(self, state):
        return [task for task in json.loads(self.page("/api/tasks")).values()
                if task["name"] == "mule.run_test"
                and task["state"] == state]

    def test_all_pages(self):
        self.name = f"one@{socket.gethostname()}"
        ready, go = self.fifo("ready"), self.fifo("go")
        worker = self.start_worker("--allow-control", slots=2, env={
            "READY": ready.path, "GO": go.path})
        self.flower = self.start_flower()
        with self.subTest("it is online"):
            [row] = self.until(self.online)
            self.assertEqual((row["sw_ident"], row["active"]), ("mule", 0))
        for path in ("/", "/workers"):
            with self.subTest(path):
                self.assertTrue(self.name in self.page(path))
        for path in ("/tasks", "/broker", "/metrics", "/healthcheck",
                     "/api/task/types"):
            with self.subTest(path):
                self.page(path)
        with self.subTest("/api/workers"):
            said = self.until(self.known)
            self.assertEqual([queue["name"]
                              for queue in said["active_queues"]],
                             ["default"])
            self.assertEqual(sorted(said["registered"]),
                             ["mule.provision", "mule.run_test"])
            self.assertEqual(said["stats"]["pid"], worker.pid)
        with self.subTest("/worker"):
            page = self.page(f"/worker/{self.name}")
            for part in ("Max concurrency", "<td>default</td>",
                         "<td>mule.run_test</td>", "broker_url",
                         f"<td>{worker.pid}</td>", str(self.broker.port)):
                self.assertTrue(part in page, part)
        self.check_build(ready, go)
        self.check_buttons(worker)
        self.flower.signal(2)
        self.flower.wait()

    def check_build(self, ready, go):
        self.suite({"test_waiting.py": WAITING})
        build = self.start_distributed()
        ready.line(build)
        with self.subTest("a task that runs"):
            [task] = self.until(lambda: self.tasks("STARTED"))
            self.assertEqual(task["worker"], self.name)
            self.page(f"/worker/{self.name}")
        go.write()
        result = self.result_of(build)
        self.assertEqual(result.states,
                         {"test_waiting.Waiting.test_wait": "passed"})
        with self.subTest("a task that ran"):
            [task] = self.until(lambda: self.tasks("SUCCESS"))
            page = self.page(f"/task/{task['uuid']}")
            self.assertTrue("mule.run_test" in page)
            self.assertTrue(self.name in page)
            # The page asks for its rows by itself.
            rows = json.loads(self.page(
                "/tasks/datatable?draw=1&start=0&length=100"
                "&order[0][column]=0&columns[0][data]=name"))["data"]
            self.assertIn(("mule.run_test", self.name, "SUCCESS"),
                          [(row["name"], row["worker"], row["state"])
                           for row in rows])
            info = json.loads(self.page(f"/api/task/info/{task['uuid']}"))
            self.assertEqual(info["name"], "mule.run_test")

    def check_buttons(self, worker):
        with self.subTest("pool"):
            self.page(f"/api/worker/pool/grow/{self.name}?n=1", b"")
            self.page(f"/api/worker/pool/shrink/{self.name}?n=1", b"")
        with self.subTest("queues"):
            self.page(f"/api/worker/queue/add-consumer/{self.name}"
                      "?queue=extra", b"")
            self.page(f"/api/worker/queue/cancel-consumer/{self.name}"
                      "?queue=extra", b"")
        with self.subTest("revoke"):
            self.page("/api/task/revoke/an-id?terminate=true", b"")
        # Flower has limits for tasks only that it knows itself.
        for path in (f"worker/pool/autoscale/{self.name}?min=1&max=2",
                     f"worker/pool/restart/{self.name}",
                     f"task/timeout/celery.chord?workername={self.name}"
                     "&hard=1",
                     f"task/rate-limit/celery.chord?workername={self.name}"
                     "&ratelimit=1"):
            with self.subTest(path):
                status, text = self.get(f"/api/{path}", b"")
                self.assertEqual(status, 403, text)
                self.assertIn("not supported", text)
        with self.subTest("shutdown"):
            self.page(f"/api/worker/shutdown/{self.name}", b"")
            self.assertEqual(worker.wait(), 0, worker.describe())
            del self.workers["one"]


class OnRedis(Flower, FleetCase):

    broker_kind = "redis"


class OnRabbit(Flower, FleetCase):

    broker_kind = "rabbitmq"
