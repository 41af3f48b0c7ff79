"""Messages between this program's transport and kombu, the one of Celery.

Each speaks with the other through a real broker: queues, priorities,
channels, bindings, and messages of those who died.
"""

import json
import os
import subprocess
import time
import unittest

from support import brokers, celery_env
from support.mule_case import BINARY
from support.running import PATIENCE

PEER = os.path.join(os.path.dirname(os.path.abspath(BINARY)), "tests",
                    "transport_peer")

SEND = """
import sys, kombu
url, exchange, kind, key = sys.argv[1:5]
with kombu.Connection(url) as connection:
    producer = connection.Producer()
    for word in sys.argv[5:]:
        priority, body = word.split(":", 1)
        producer.publish({"said": body}, exchange=exchange and kombu.Exchange(
                             exchange, kind), routing_key=key,
                         priority=int(priority), headers={"task": "a.b"},
                         declare=[kombu.Exchange(exchange, kind)]
                                 if exchange else [])
"""

# Prints what comes.
TAKE = """
import json, sys, kombu
url, exchange, kind, key, queue, count = sys.argv[1:7]
seen = 0
def take(body, message):
    global seen
    seen += 1
    print(json.dumps({"body": body, "headers": message.headers,
                      "info": message.delivery_info,
                      "id": message.properties.get("correlation_id")}),
          flush=True)
    message.ack()
exchange = kombu.Exchange(exchange, kind) if exchange else kombu.Exchange("")
queue = kombu.Queue(queue, exchange, routing_key=key)
with kombu.Connection(url) as connection:
    with connection.Consumer(queue, callbacks=[take], accept=["json"]):
        print("ready", flush=True)
        while seen < int(count):
            connection.drain_events(timeout=30)
"""


class Kombu:
    """The cases; what they run on is said below."""

    version = "newest"

    @classmethod
    def setUpClass(cls):
        missing = brokers.missing("redis")
        if missing:
            raise unittest.SkipTest(f"{missing} is not installed")
        cls.python = celery_env.python(cls.version)
        cls.broker = brokers.RedisServer()
        cls.addClassCleanup(cls.broker.end)
        cls.broker.start()

    def run_words(self, words):
        program = subprocess.Popen(words, stdout=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, text=True)
        self.addCleanup(self.end, program)
        return program

    def end(self, program):
        program.kill()
        program.wait()
        program.stdout.close()

    def peer(self, *words):
        return self.run_words([PEER, self.broker.url, *map(str, words)])

    def kombu(self, script, *words):
        return self.run_words([self.python, "-c", script, self.broker.url,
                               *map(str, words)])

    def finish(self, program):
        self.assertEqual(program.wait(PATIENCE), 0)

    def lines(self, program, count):
        return [json.loads(program.stdout.readline()) for _ in range(count)]

    def ready(self, program):
        self.assertEqual(program.stdout.readline(), "ready\n")
        return program

    def test_kombu_takes_what_the_peer_sent(self):
        self.finish(self.peer("publish", "", "direct", "q", 0, '{"n": 1}'))
        taker = self.ready(self.kombu(TAKE, "", "direct", "q", "q", 1))
        (line,) = self.lines(taker, 1)
        self.assertEqual(line["body"], {"n": 1})
        self.assertEqual(line["id"], "from-peer")
        self.assertEqual(line["info"]["routing_key"], "q")
        self.finish(taker)

    def test_the_peer_takes_what_kombu_sent_in_its_order(self):
        self.finish(self.kombu(SEND, "", "direct", "q2", "9:d", "3:c", "0:a",
                               "1:b"))
        taker = self.ready(self.peer("take", "q2", 4))
        lines = self.lines(taker, 4)
        self.assertEqual([json.loads(line["body"])["said"] for line in lines],
                         ["a", "b", "c", "d"])
        self.assertEqual([line["priority"] for line in lines], [0, 1, 3, 9])
        self.assertEqual(lines[0]["headers"]["task"], "a.b")
        self.assertEqual(lines[0]["content_type"], "application/json")
        self.finish(taker)

    def test_a_fanout_is_heard_both_ways(self):
        peer = self.ready(self.peer("listen", "boxes", "fanout", "", 1))
        self.finish(self.kombu(SEND, "boxes", "fanout", "", "0:x"))
        self.assertEqual(json.loads(self.lines(peer, 1)[0]["body"]),
                         {"said": "x"})
        self.finish(peer)
        taker = self.ready(self.kombu(TAKE, "boxes", "fanout", "", "box", 1))
        # Its subscription is no part of what it can say.
        line = None
        for _ in range(100):
            self.finish(self.peer("publish", "boxes", "fanout", "", 0,
                                  '"again"'))
            if taker.poll() is not None:
                line = self.lines(taker, 1)[0]
                break
        self.assertEqual(line["body"], "again")

    def test_events_are_heard_by_their_keys(self):
        peer = self.ready(self.peer("listen", "events", "topic", "worker.#",
                                    1))
        self.finish(self.kombu(SEND, "events", "fanout", "task.sent", "0:no"))
        self.finish(self.kombu(SEND, "events", "fanout", "worker.online",
                               "0:yes"))
        (line,) = self.lines(peer, 1)
        self.assertEqual(json.loads(line["body"]), {"said": "yes"})
        self.assertEqual(line["key"], "worker.online")
        self.finish(peer)

    def test_a_binding_of_kombu_is_followed(self):
        taker = self.ready(self.kombu(TAKE, "direct1", "direct", "k", "q4", 1))
        self.finish(self.peer("publish", "direct1", "direct", "k", 0, "[4]"))
        (line,) = self.lines(taker, 1)
        self.assertEqual(line["body"], [4])
        self.finish(taker)
        taker = self.ready(self.kombu(TAKE, "topics", "topic", "a.*.#", "q5",
                                      1))
        self.finish(self.peer("publish", "topics", "topic", "b.c", 0, "[4]"))
        self.finish(self.peer("publish", "topics", "topic", "a.c.d", 0, "[5]"))
        (line,) = self.lines(taker, 1)
        self.assertEqual(line["body"], [5])
        self.finish(taker)

    def test_who_comes_back_takes_what_he_held(self):
        self.finish(self.peer("publish", "", "direct", "q6", 0, "[6]"))
        holder = self.ready(self.peer("hold", "q6", 1))
        self.lines(holder, 1)
        self.end(holder)
        # It comes back under its name, and puts back what it held.
        taker = self.ready(self.peer("take", "q6", 1))
        (line,) = self.lines(taker, 1)
        self.assertTrue(line["redelivered"])
        self.finish(taker)

    def test_both_take_from_one_queue(self):
        taker = self.ready(self.kombu(TAKE, "", "direct", "q7", "q7", 1))
        peer = self.ready(self.peer("take", "q7", 1))
        deadline = time.monotonic() + PATIENCE
        sent = 0
        # Whoever has its one leaves; the other gets the rest.
        while taker.poll() is None or peer.poll() is None:
            self.assertLess(time.monotonic(), deadline)
            self.finish(self.peer("publish", "", "direct", "q7", 0, "[7]"))
            sent += 1
        self.assertGreaterEqual(sent, 2)
        self.assertEqual(self.lines(taker, 1)[0]["body"], [7])
        self.assertEqual(self.lines(peer, 1)[0]["body"], "[7]")


class WithTheNewest(Kombu, unittest.TestCase):
    pass


class With52(Kombu, unittest.TestCase):

    version = "5.2"


class WithAPrefix(Kombu, unittest.TestCase):
    """kombu knows it as an option of the transport, we as one of the URL."""

    def peer(self, *words):
        return self.run_words([PEER, self.broker.url +
                               "?global_keyprefix=pfx%3A", *map(str, words)])

    def kombu(self, script, *words):
        script = script.replace(
            "kombu.Connection(url)",
            'kombu.Connection(url, transport_options='
            '{"global_keyprefix": "pfx:"})')
        return super().kombu(script, *words)
