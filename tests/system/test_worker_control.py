"""A running `mule worker` as Celery's own commands see it.

`celery inspect`, `celery control`, `celery status` and `celery events`, and
messages that nobody should send, on both brokers.
"""

import json
import os
import signal
import socket
import time

from support import celery_env
from support.celery_line import CeleryLine
from support.fleet_case import WAITING, FleetCase

# Sends what is no task of the worker's, and at last asks for an answer: when
# it comes everything before has been looked at, and is gone from the queue.
ODD = r"""
import json, sys, time, uuid
import celery, kombu
url = sys.argv[1]
app = celery.Celery("odd", broker=url, backend="rpc://")

def ask(name, args=()):
    try:
        return app.send_task(name, args, queue="default").get(timeout=60)
    except Exception as error:
        return [type(error).__name__, str(error)]

def task(**changes):
    one = str(uuid.uuid4())
    message = {
        "body": '[["{}", ""], {}, {}]', "content_type": "application/json",
        "content_encoding": "utf-8", "serializer": None, "headers": {
            "lang": "py", "task": "mule.run_test", "id": one,
            "root_id": one, "parent_id": None, "group": None}}
    message.update(changes)
    return {name: value for name, value in message.items()
            if value is not None}

def left(connection):
    try:
        with connection.channel() as channel:
            return channel.queue_declare(
                queue="default", passive=True).message_count
    except connection.channel_errors:
        return 0  # an empty list is none

odd = [
    task(body="not JSON"), task(body="{}"), task(body="[]"), task(body=""),
    task(body="[1, 2, 3]"), task(body="[[], {}]"), task(body=b"\xff\xfe\0"),
    task(body="[[], {}, {}]"), task(body='[["{}", "", 1], {}, {}]'),
    task(body="[" * 100000), task(headers={}), task(headers={"task": 7}),
    task(headers={"task": "mule.run_test"}),
    task(headers={"id": None, "task": None}),
    task(content_type=None), task(content_encoding=None),
    task(content_type="application/x-python-serialize"),
    task(content_type="application/x-yaml"),
    task(content_encoding="klingon", body=b"[[], {}, {}]"),
    task(headers={"task": "mule.run_test", "id": "x" * 100000}),
    task(headers={"task": "mule.run_test", "id": "i", "eta": "never"}),
    task(headers={"task": "mule.run_test", "id": "i",
                  "compression": "application/x-gzip"}),
    # Celery's protocol before this one.
    task(headers={}, body=json.dumps({
        "task": "mule.run_test", "id": str(uuid.uuid4()), "args": [],
        "kwargs": {}})),
]
boxed = [
    "not JSON", "[]", "{}", '{"method": 7}',
    '{"method": "ping", "arguments": 7}',
    '{"method": "ping", "destination": 7}',
    '{"method": "ping", "reply_to": 7}',
    '{"method": "revoke", "arguments": {"task_id": {"a": []}}}',
    '{"method": "ping", "pattern": "(", "matcher": "pcre"}',
    '{"method": "ping", "reply_to": {"exchange": "nowhere", '
    '"routing_key": "x"}, "ticket": "t"}',
    '{"method": "mule_welcome", "arguments": {"payload": "[", "seal": 7}}',
    '{"method": "no_such", "arguments": {}}',
]
with kombu.Connection(url) as connection:
    producer = connection.Producer()
    for message in odd:
        producer.publish(routing_key="default", **message)
    # On Redis, what is not even an envelope.
    if url.startswith("redis"):
        client = connection.default_channel.client
        for text in ("", "not JSON", "[]", "{}", '{"body": 1}',
                     '{"body": "", "properties": {"delivery_tag": "x"}}',
                     '{"body": "_", "properties": {"body_encoding": "base64",'
                     ' "delivery_tag": "y"}, "headers": {}}'):
            client.lpush("default", text)
    box = kombu.Exchange("celery.pidbox", "fanout", durable=False)
    for text in boxed:
        producer.publish(text, exchange=box, content_type="application/json",
                         content_encoding="utf-8")
    answers = {
        "no task": ask("no.such"),
        "no envelope": ask("mule.run_test", ["{"]),
        "no method": app.control.broadcast("no_such", reply=True, limit=1,
                                           timeout=30),
    }
    # Offers that come late are taken as well.
    deadline = time.monotonic() + 30
    while (answers := {**answers, "left": left(connection)})["left"] > 0:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
print(json.dumps(answers))
"""

ASKING = (
    ("ping",), ("active_queues",), ("active",), ("reserved",),
    ("scheduled",), ("revoked",), ("registered",), ("stats",), ("conf",),
    ("report",), ("clock",), ("query_task", "nobody"),
)
ACTING = (
    ("revoke", "an-id"), ("terminate", "SIGTERM", "an-id"),
    ("add_consumer", "extra"), ("cancel_consumer", "default"),
    ("pool_grow", 1), ("pool_shrink", 1), ("shutdown",),
)
UNSUPPORTED = (
    ("rate_limit", "mule.run_test", "1/s"),
    ("time_limit", "mule.run_test", 1, 2), ("autoscale", 2, 1),
    ("pool_restart",),
)


class Control:
    """The cases; what they run on is said below."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        python = celery_env.python("newest")
        cls.celery = cls.enter_class(CeleryLine(python, cls.broker.url))

    def kept(self):
        return [*super().kept(), self.celery.pid]

    def ask(self, kind, *commands):
        """What worker "one" answers to `celery inspect` or `control`."""
        name = f"one@{socket.gethostname()}"
        answers = []
        calls = [(kind, "--json", "--timeout", 30, "--destination", name,
                  *words) for words in commands]
        for words, (status, out, err) in zip(commands,
                                             self.celery.all(*calls)):
            self.assertEqual(status, 0, f"{words}: {out}{err}")
            replies = json.loads(out)
            # `control` gives a list of replies, `inspect` one object.
            if kind == "control":
                [replies] = replies
            self.assertEqual(list(replies), [name])
            answers.append(replies[name])
        return answers

    def inspect(self, *words):
        return self.ask("inspect", words)[0]

    def control(self, *words):
        return self.ask("control", words)[0]

    def queues(self):
        return [queue["name"] for queue in self.inspect("active_queues")]

    def until(self, get, wanted):
        """For what is answered before it is done."""
        deadline = time.monotonic() + 30
        while (value := get()) != wanted:
            self.assertLess(time.monotonic(), deadline, value)
        return value

    def dump(self):
        """`celery events --dump`, which hears the worker already."""
        events = self.start("-b", self.broker.url, "events", "--dump",
                            binary=celery_env.program("newest", "celery"))
        events.wait_text(r"^one@\S+ \[.*\] heartbeat: .*sw_ident=mule", "out")
        return events

    def test_what_a_free_worker_says_and_obeys(self):
        worker = self.start_worker("--allow-control", slots=2)
        said = dict(zip(ASKING, self.ask("inspect", *ASKING)))
        with self.subTest("ping"):
            self.assertEqual(said["ping",], {"ok": "pong"})
        with self.subTest("active_queues"):
            [queue] = said["active_queues",]
            self.assertEqual(queue["name"], "default")
            self.assertEqual(queue["routing_key"], "default")
            self.assertEqual(queue["exchange"]["name"], "default")
            self.assertTrue(queue["durable"])
        for what in ("active", "reserved", "scheduled", "revoked"):
            with self.subTest(what):
                self.assertEqual(said[what,], [])
        with self.subTest("registered"):
            self.assertEqual(sorted(said["registered",]),
                             ["mule.provision", "mule.run_test"])
        with self.subTest("stats"):
            stats = said["stats",]
            self.assertEqual(stats["pid"], worker.pid)
            self.assertEqual(stats["total"], {})
            self.assertEqual(stats["pool"]["max-concurrency"], 2)
            self.assertEqual(stats["broker"]["port"], self.broker.port)
            self.assertGreater(stats["rusage"]["maxrss"], 0)
        with self.subTest("conf"):
            conf = said["conf",]
            self.assertEqual(conf["task_default_queue"], "default")
            self.assertEqual(conf["worker_concurrency"], 2)
            self.assertIs(conf["worker_send_task_events"], False)
        with self.subTest("report"):
            self.assertIn("software -> mule", said["report",]["ok"])
        with self.subTest("clock"):
            self.assertGreater(self.inspect("clock")["clock"],
                               said["clock",]["clock"])
        with self.subTest("query_task of one that is not here"):
            self.assertEqual(said["query_task", "nobody"], {})
        with self.subTest("scheduled, query_task, revoke, revoked"):
            self.check_scheduled()
        with self.subTest("terminate"):
            self.assertEqual(self.control("terminate", "SIGTERM", "nobody"),
                             {"ok": "terminate: tasks unknown"})
        with self.subTest("add_consumer, cancel_consumer"):
            self.assertEqual(self.control("add_consumer", "extra"),
                             {"ok": "add consumer extra"})
            self.until(lambda: sorted(self.queues()), ["default", "extra"])
            self.assertEqual(self.control("cancel_consumer", "extra"),
                             {"ok": "no longer consuming from extra"})
            self.until(self.queues, ["default"])
        with self.subTest("pool_grow, pool_shrink"):
            self.assertEqual(self.control("pool_grow", 3),
                             {"ok": "pool will grow"})
            self.assertEqual(
                self.inspect("stats")["pool"]["max-concurrency"], 5)
            self.assertEqual(self.control("pool_shrink", 4),
                             {"ok": "pool will shrink"})
            self.assertEqual(
                self.inspect("stats")["pool"]["max-concurrency"], 1)
            self.assertIn("0 slots", self.control("pool_shrink", 1)["error"])
        with self.subTest("shutdown"):
            # A worker that ends does not answer.
            status, out, err = self.celery(
                "control", "--timeout", "0.1", "--destination",
                f"one@{socket.gethostname()}", "shutdown")
            self.assertIn("No nodes replied", out + err)
            self.assertEqual(worker.wait(), 0, worker.describe())
            del self.workers["one"]

    def check_scheduled(self):
        status, out, err = self.celery(
            "call", "mule.run_test", "--args", '["{}", ""]', "--queue",
            "default", "--countdown", "3600")
        self.assertEqual(status, 0, err)
        one = out.strip()
        [entry] = self.until_there(lambda: self.inspect("scheduled"))
        self.assertEqual(entry["request"]["id"], one)
        self.assertEqual(entry["request"]["name"], "mule.run_test")
        [state, request] = self.inspect("query_task", one, "nobody")[one]
        self.assertEqual((state, request["id"]), ("scheduled", one))
        self.assertIn(one, self.control("revoke", one)["ok"])
        self.assertEqual(self.inspect("scheduled"), [])
        self.assertEqual(self.inspect("revoked"), [one])

    def until_there(self, get):
        deadline = time.monotonic() + 30
        while not (value := get()):
            self.assertLess(time.monotonic(), deadline)
        return value

    def test_a_build_is_seen_and_its_tasks_can_be_ended(self):
        ready, go = self.fifo("ready"), self.fifo("go")
        self.start_worker("--allow-control", env={"READY": ready.path,
                                                  "GO": go.path})
        events = self.dump()
        with self.subTest("worker-online, worker-offline"):
            self.start_worker(name="two")
            events.wait_text(r"^two@\S+ \[.*\] started: ", "out")
            self.assertEqual(self.stop_worker("two"), 0)
            events.wait_text(r"^two@\S+ \[.*\] shutdown: ", "out")
        with self.subTest("enable_events"):
            self.assertEqual(self.control("enable_events"),
                             {"ok": "task events enabled"})
            self.assertEqual(self.control("enable_events"),
                             {"ok": "task events already enabled"})
        self.suite({"test_waiting.py": WAITING})
        build = self.start_distributed()
        ready.line(build)
        active, queues, stats = self.ask(
            "inspect", ("active",), ("active_queues",), ("stats",))
        with self.subTest("active, query_task"):
            [task] = active
            self.assertEqual(task["name"], "mule.run_test")
            self.assertEqual(task["hostname"],
                             f"one@{socket.gethostname()}")
            self.assertEqual(task["delivery_info"]["routing_key"],
                             f"mule-{self.builds[0]}")
            self.assertLessEqual(task["time_start"], time.time())
            [state, request] = self.inspect("query_task", task["id"])[
                task["id"]]
            self.assertEqual((state, request["id"]), ("active", task["id"]))
        with self.subTest("active_queues and stats while it serves"):
            self.assertEqual([queue["name"] for queue in queues],
                             [f"mule-{self.builds[0]}"])
            self.assertEqual(stats["total"]["mule.run_test"], 1)
            self.assertGreaterEqual(stats["total"]["mule.provision"], 1)
        with self.subTest("revoke does not end what runs"):
            self.assertIn(task["id"],
                          self.control("revoke", task["id"])["ok"])
            self.assertEqual(len(self.inspect("active")), 1)
        for what in ("received", "started"):
            with self.subTest(f"task-{what}"):
                events.wait_text(rf"task {what}: mule\.run_test\("
                                 + task["id"], "out")
        go.write()
        result = self.result_of(build)
        self.assertEqual(result.states,
                         {"test_waiting.Waiting.test_wait": "passed"})
        with self.subTest("task-succeeded"):
            events.wait_text(r"task succeeded: mule\.run_test\("
                             + task["id"], "out")
        with self.subTest("terminate ends what runs"):
            build = self.start_distributed()
            ready.line(build)
            [task] = self.inspect("active")
            self.assertEqual(self.control("terminate", "SIGTERM", task["id"]),
                             {"ok": f"terminate: {task['id']}"})
            events.wait_text(r"task revoked: mule\.run_test\(" + task["id"],
                             "out")
            # The build takes it for lost, and has it run again.
            ready.line(build)
            go.write()
            result = self.result_of(build)
            self.assertEqual(result.states,
                             {"test_waiting.Waiting.test_wait": "passed"})
        events.signal(signal.SIGINT)
        events.wait()

    def test_nobody_may_change_what_he_must_not(self):
        worker = self.start_worker()
        for command, answer in zip(ACTING, self.ask("control", *ACTING)):
            with self.subTest(command):
                self.assertIn("--allow-control", answer["error"])
        for command, answer in zip(UNSUPPORTED,
                                   self.ask("control", *UNSUPPORTED)):
            with self.subTest(command):
                self.assertEqual(answer, {"error": "not supported"})
        with self.subTest("nothing came of it"):
            queues, revoked, stats = self.ask(
                "inspect", ("active_queues",), ("revoked",), ("stats",))
            self.assertEqual([queue["name"] for queue in queues],
                             ["default"])
            self.assertEqual(revoked, [])
            self.assertEqual(stats["pool"]["max-concurrency"], 1)
        with self.subTest("celery status"):
            status, out, err = self.celery("status")
            self.assertEqual(status, 0, err)
            self.assertRegex(out, r"one@\S+: OK")
            self.assertIn("1 node online", out)
        self.check_odd_messages(worker)

    def check_odd_messages(self, worker):
        program = self.start("-c", ODD, self.broker.url,
                             binary=celery_env.python("newest"))
        self.assertEqual(program.wait(), 0, program.describe())
        answers = json.loads(program.out)
        with self.subTest("no task of that name"):
            self.assertEqual(answers["no task"],
                             ["NotRegistered", "'no.such'"])
        with self.subTest("a task that is not as it must be"):
            self.assertEqual(answers["no envelope"][0], "TypeError")
        with self.subTest("no command of that name"):
            [[answer]] = [list(reply.values())
                          for reply in answers["no method"]]
            self.assertEqual(answer, {"error": "KeyError('no_such')"})
        with self.subTest("nothing of it is left, and the worker lives"):
            self.assertEqual(answers["left"], 0)
            active, reserved, stats = self.ask(
                "inspect", ("active",), ("reserved",), ("stats",))
            self.assertEqual((active, reserved), ([], []))
            # None of them came twice.
            self.assertLess(stats["total"]["mule.run_test"], 20)
            self.assertIsNone(worker.process.poll())
        worker.wait_text("rejected: no task is called no.such")


class OnRedis(Control, FleetCase):

    broker_kind = "redis"


class OnRabbit(Control, FleetCase):

    broker_kind = "rabbitmq"
