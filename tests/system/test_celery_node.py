"""A node of ours, looked at and used by real Celery: every row that one sees.

The command line, a Python client, a stock worker beside it, `celery events`
and Flower, on both brokers.
"""

import contextlib
import json
import os
import signal
import time
import unittest
import urllib.error
import urllib.request

from support import brokers, celery_env
from support.celery_line import CeleryLine
from support.mule_case import BINARY, MuleCase
from support.running import PATIENCE

NODE = os.path.join(os.path.dirname(os.path.abspath(BINARY)), "tests",
                    "celery_node")

APP = """
import os
from celery import Celery
app = Celery("x", broker=os.environ["BROKER"], backend="rpc://")
app.conf.task_default_queue = "work"
app.conf.broker_connection_retry_on_startup = True
"""

# What a client sees of its tasks; one JSON line.
CLIENT = """
import json, time
from app import app
def outcome(result):
    try:
        return [result.get(timeout=30), result.state]
    except Exception as error:
        return [type(error).__name__ + ": " + str(error), result.state]
said = {"add": outcome(app.send_task("t.add", args=[2, 3])),
        "fail": outcome(app.send_task("t.fail")),
        "unknown": outcome(app.send_task("t.nope")),
        "expired": outcome(app.send_task("t.add", args=[1], expires=-5)),
        "later": outcome(app.send_task("t.add", args=[4], countdown=0.3))}
node = "ours@here"
def ask(method, **arguments):
    return app.control.broadcast(method, arguments=arguments, reply=True,
                                 destination=[node], timeout=10)[0][node]
running = app.send_task("t.wait")
deadline = time.monotonic() + 30
while not ask("active") and time.monotonic() < deadline:
    time.sleep(0.02)
said["active"] = [task["id"] == running.id for task in ask("active")]
said["query"] = ask("query_task", ids=[running.id])[running.id][0]
said["revoke"] = ask("revoke", task_id=running.id, terminate=True,
                     signal="SIGTERM")
heard = []
try:
    running.get(timeout=30, on_message=heard.append)
except Exception as error:
    said["terminated"] = [type(error).__name__ + ": " + str(error),
                          running.state]
said["heard"] = [[one["status"], one["result"]] for one in heard]
revoked = app.send_task("t.add", args=[1], countdown=3600)
while not ask("scheduled"):
    time.sleep(0.02)
ask("revoke", task_id=revoked.id)
said["revoked"] = outcome(revoked)
said["ids"] = revoked.id in ask("revoked")
print(json.dumps(said, default=str))
"""

# Rubbish, then a good task; as any program could send them.
RUBBISH = """
import json, uuid
import kombu
from app import app
with app.connection_for_write() as connection:
    producer = connection.Producer()
    def send(body, **more):
        producer.publish(body, exchange="", routing_key="work", **more)
    good = {"task": "t.add", "id": str(uuid.uuid4())}
    send("rubbish", content_type="text/plain", content_encoding="utf-8")
    send(b"x", content_type="application/x-python-serialize",
         content_encoding="binary", headers=good)
    send("[[], {}]", content_type="application/json",
         content_encoding="utf-8", headers=good)
    send({"task": "t.add", "id": "old", "args": [1]}, serializer="json")
    send([[], {}, {}], serializer="json", headers={"task": "t.add"})
print(json.dumps(app.send_task("t.add", args=[3, 4]).get(timeout=30)))
print(json.dumps(app.send_task("t.add", args=[3, 5],
                               compression="zlib").get(timeout=30,
                                                       propagate=False).args))
"""


class Nodes:
    """The tests, for each Celery and each broker below."""

    version = "newest"
    broker_kind = "redis"

    @classmethod
    def setUpClass(cls):
        missing = brokers.missing(cls.broker_kind)
        if missing:
            raise unittest.SkipTest(f"{missing} is not installed")
        cls.celery = celery_env.program(cls.version, "celery")
        cls.line = CeleryLine(celery_env.python(cls.version)).__enter__()
        cls.addClassCleanup(cls.line.__exit__)
        cls.broker = (brokers.RedisServer if cls.broker_kind == "redis"
                      else brokers.RabbitServer)()
        cls.addClassCleanup(cls.broker.end)
        cls.broker.start()

    def kept(self):
        return [*self.broker.pids(), self.line.pid]

    def setUp(self):
        super().setUp()
        self.suite({"app.py": APP})
        self.environment["BROKER"] = self.broker.url
        self.environment["PYTHONWARNINGS"] = "ignore"

    # ------------------------------------------------------------- programs

    def start_node(self, *words, name="ours@here", queue="work"):
        node = self.start(self.broker.url, name, queue, *words, binary=NODE)
        node.wait_text(r"ready \n", "out")
        return node

    def stop_node(self, node):
        os.kill(node.pid, signal.SIGTERM)
        self.assertEqual(node.wait(), 0, node.describe())

    def cli(self, *words):
        _, out, err = self.line("-A", "app", *words, cwd=self.folder,
                                env=self.variables())
        return out + err

    def ask(self, *words, node="ours@here"):
        """What `celery inspect` or `control` gives, as JSON."""
        said = self.cli(words[0], "-t", "5", "-d", node, "-j", *words[1:])
        for line in said.splitlines():
            with contextlib.suppress(ValueError):
                value = json.loads(line)
                # `control` gives a list of answers, `inspect` them as one.
                return (value[0] if isinstance(value, list) else value)[node]
        self.fail(f"{words}: {said}")

    def client(self, script):
        status, out, err = self.line.run(script, cwd=self.folder,
                                         env=self.variables())
        self.assertEqual(status, 0, err)
        return [json.loads(line) for line in out.splitlines()]

    # ---------------------------------------------------------------- tests

    def test_inspect_shows_what_it_shows_of_a_stock_worker(self):
        node = self.start_node()
        self.assertIn("ours@here: OK", self.cli("status", "-t", "5", "-d",
                                                "ours@here"))
        self.assertEqual(self.ask("inspect", "ping"), {"ok": "pong"})
        for method in ("active", "reserved", "scheduled", "revoked"):
            self.assertEqual(self.ask("inspect", method), [], method)
        self.assertEqual(self.ask("inspect", "registered"),
                         ["t.add", "t.fail", "t.wait"])
        self.assertEqual([queue["name"] for queue in
                          self.ask("inspect", "active_queues")], ["work"])
        stats = self.ask("inspect", "stats")
        self.assertEqual(stats["pid"], node.pid)
        self.assertEqual(stats["pool"]["max-concurrency"], 2)
        self.assertEqual(stats["broker"]["port"], self.broker.port)
        self.assertGreater(stats["rusage"]["maxrss"], 0)
        self.assertIsInstance(self.ask("inspect", "clock")["clock"], int)
        conf = self.ask("inspect", "conf")
        self.assertEqual(conf["task_default_queue"], "work")
        self.assertIn("celery_node:1.0", self.ask("inspect", "report")["ok"])
        self.assertEqual(self.ask("inspect", "query_task", "x"), {})
        self.stop_node(node)

    def test_control_is_obeyed(self):
        node = self.start_node()
        self.assertEqual(self.ask("control", "add_consumer", "more"),
                         {"ok": "add consumer more"})
        self.assertEqual(sorted(queue["name"] for queue in
                                self.ask("inspect", "active_queues")),
                         ["more", "work"])
        self.assertEqual(self.ask("control", "cancel_consumer", "more"),
                         {"ok": "no longer consuming from more"})
        self.assertEqual(self.ask("control", "pool_grow", "2"),
                         {"ok": "pool will grow"})
        self.assertEqual(self.ask("control", "pool_shrink", "1"),
                         {"ok": "pool will shrink"})
        self.assertEqual(
            self.ask("inspect", "stats")["pool"]["max-concurrency"], 3)
        self.assertEqual(self.ask("control", "disable_events"),
                         {"ok": "task events disabled"})
        self.assertEqual(self.ask("control", "enable_events"),
                         {"ok": "task events enabled"})
        self.assertEqual(self.ask("control", "revoke", "an-id"),
                         {"ok": "tasks an-id flagged as revoked"})
        self.assertEqual(self.ask("control", "terminate", "SIGTERM", "an-id"),
                         {"ok": "terminate: tasks unknown"})
        for words in (("rate_limit", "t.add", "1/s"),
                      ("time_limit", "t.add", "1", "2"),
                      ("autoscale", "3", "1"), ("pool_restart",)):
            self.assertEqual(self.ask("control", *words),
                             {"error": "not supported"}, words)
        self.cli("control", "-t", "1", "-d", "ours@here", "shutdown")
        self.assertEqual(node.wait(), 0)
        self.assertIn(b"shutdown", node.out)

    def test_acting_commands_are_refused_unless_allowed(self):
        node = self.start_node("--no-control")
        for words in (("add_consumer", "more"), ("cancel_consumer", "work"),
                      ("revoke", "an-id"), ("pool_grow", "2"),
                      ("shutdown",)):
            self.assertIn("--allow-control",
                          self.ask("control", *words)["error"], words)
        self.assertEqual(self.ask("inspect", "ping"), {"ok": "pong"})
        self.stop_node(node)

    def test_a_client_gets_its_results(self):
        node = self.start_node()
        (said,) = self.client(CLIENT)
        self.assertEqual(said["add"], [5, "SUCCESS"])
        self.assertEqual(said["fail"],
                         ["RuntimeError: as it was asked", "FAILURE"])
        self.assertEqual(said["unknown"][1], "FAILURE")
        self.assertTrue(said["unknown"][0].startswith("NotRegistered"))
        self.assertEqual(said["expired"],
                         ["TaskRevokedError: expired", "REVOKED"])
        self.assertEqual(said["later"], [4, "SUCCESS"])
        self.assertEqual(said["heard"][0],
                         ["STARTED", {"pid": node.pid,
                                      "hostname": "ours@here"}])
        self.assertEqual(said["active"], [True])
        self.assertEqual(said["query"], "active")
        self.assertIn("terminate: ", said["revoke"]["ok"])
        self.assertEqual(said["terminated"],
                         ["TaskRevokedError: terminated", "REVOKED"])
        self.assertEqual(said["revoked"],
                         ["TaskRevokedError: revoked", "REVOKED"])
        self.assertTrue(said["ids"])
        self.stop_node(node)

    def test_what_kills_a_stock_worker_is_rejected_here(self):
        node = self.start_node()
        result, compressed = self.client(RUBBISH)
        self.assertEqual(result, 7)
        self.assertIn("compressed", compressed[0])
        node.wait_text(r"content type", "err")
        self.stop_node(node)

    def test_events_are_seen(self):
        node = self.start_node()
        events = self.start("-A", "app", "events", "--dump",
                            binary=self.celery)
        events.wait_text(r"heartbeat", "out")
        self.client("import json\nfrom app import app\nprint(json.dumps("
                    "app.send_task('t.add', args=[1]).get(timeout=30)))")
        for word in ("received", "started", "succeeded"):
            events.wait_text("task " + word, "out")
        self.stop_node(node)
        events.wait_text(r"shutdown|offline", "out")
        events.kill()

    def test_a_stock_worker_beside_it_gets_on_with_it(self):
        node = self.start_node()
        stock = self.start("-A", "app", "worker", "-n", "stock@here", "-Q",
                           "other", "-c", "1", "-l", "INFO",
                           binary=self.celery)
        stock.wait_text(r"mingle: sync with 1 nodes")
        stock.wait_text(r"stock@here ready")
        # And the other way round: one that comes later hears of it.
        later = self.start_node(name="later@here")
        self.assertEqual(self.ask("inspect", "ping", node="stock@here"),
                         {"ok": "pong"})
        self.assertEqual(self.ask("inspect", "ping", node="later@here"),
                         {"ok": "pong"})
        for other in (later, node):
            self.stop_node(other)
        os.kill(stock.pid, signal.SIGTERM)
        stock.wait()
        self.assertNotIn(b"Traceback", stock.err)

    def test_two_nodes_of_one_name_do_not_go(self):
        node = self.start_node()
        second = self.start(self.broker.url, "ours@here", "work", binary=NODE)
        self.assertEqual(second.wait(), 1)
        self.assertIn(b"failed", second.out)
        self.assertIn(b"ours@here", second.out)
        self.assertEqual(self.ask("inspect", "ping"), {"ok": "pong"})
        self.stop_node(node)
        self.stop_node(self.start_node())  # the name is free again

    def test_nothing_of_a_node_is_left(self):
        self.stop_node(self.start_node(queue="work"))
        if self.broker_kind == "redis":
            left = [key for key in self.broker.keys() if "ours@here" in key]
        else:
            left = [queue for queue in self.broker.queues()
                    if "ours@here" in str(queue) or "pidbox" in str(queue)]
        self.assertEqual(left, [])


class Flower:
    """Flower's pages and its API."""

    def page(self, path):
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def wait_page(self, path, *words):
        deadline = time.monotonic() + PATIENCE
        while True:
            status, text = self.page(path)
            if status == 200 and all(word in text for word in words):
                return text
            if time.monotonic() > deadline:
                self.fail(f"{path}: {status} {text[:2000]}")
            time.sleep(0.1)

    def test_flower_shows_the_node_and_its_tasks(self):
        node = self.start_node()
        self.port = brokers.free_port()
        flower = self.start("-A", "app", "flower", f"--port={self.port}",
                            "--address=127.0.0.1", binary=self.celery,
                            env={"FLOWER_UNAUTHENTICATED_API": "true"})
        self.wait_page("/api/workers?refresh=1", "ours@here")
        self.client("import json\nfrom app import app\nprint(json.dumps("
                    "app.send_task('t.add', args=[1]).get(timeout=30)))")
        self.wait_page("/", "ours@here")
        page = self.wait_page("/worker/ours@here", "work", "t.add")
        self.assertIn("Max concurrency", page)
        tasks = json.loads(self.wait_page("/api/tasks", "SUCCESS"))
        ((uuid, task),) = tasks.items()
        self.assertEqual((task["name"], task["state"], task["args"]),
                         ("t.add", "SUCCESS", "[1]"))
        self.wait_page(f"/task/{uuid}", "ours@here", "SUCCESS")
        workers = json.loads(self.wait_page("/api/workers", "ours@here"))
        self.assertEqual(workers["ours@here"]["registered"],
                         ["t.add", "t.fail", "t.wait"])
        self.stop_node(node)
        flower.signal(signal.SIGTERM)
        flower.wait()


class NewestOnRedis(Nodes, Flower, MuleCase):
    pass


class NewestOnRabbit(Nodes, Flower, MuleCase):
    broker_kind = "rabbitmq"


class Celery52OnRedis(Nodes, MuleCase):
    version = "5.2"


class Celery52OnRabbit(Nodes, MuleCase):
    version = "5.2"
    broker_kind = "rabbitmq"
