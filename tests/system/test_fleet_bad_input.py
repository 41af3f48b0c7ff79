"""What a fleet makes of brokers that are full and of messages that lie."""

import base64
import json
import uuid

from support import brokers
from support.fleet_case import SMALL, SMALL_STATES, WAITING, FleetCase

SECRET = "a secret of this test alone"
LONG = """
    import sys, unittest
    class Long(unittest.TestCase):
        def test_long(self):
            for number in range(200):
                sys.stdout.write("%06d " % number + "x" * 999_993)
    """


class Long:

    def test_a_result_of_200_mb_is_cut_in_the_middle_and_not_dropped(self):
        self.suite({"test_long.py": LONG})
        self.start_worker(name="one")
        result = self.distributed("--output-limit", "400M", "--lease", "30s",
                                  "-q")
        id = "test_long.Long.test_long"
        self.assertEqual(result.states, {id: "passed"})
        out = result.finished[id]["out"]
        self.assertTrue(out["head"].startswith("000000 xxx"))
        self.assertTrue(out["tail"].endswith("xxx"))
        self.assertEqual(len(out["head"]) + len(out["tail"]) + out["cut"],
                         200_000_000)
        self.assertGreater(out["cut"], 150_000_000)


class RedisInput(Long, FleetCase):

    broker_kind = "redis"

    def broadcast(self, method, arguments):
        """Remote control, as anybody who can reach the broker sends it."""
        body = json.dumps({"method": method, "arguments": arguments,
                           "destination": None, "pattern": None,
                           "matcher": None})
        heard = self.broker.command(
            "PUBLISH", "/0.celery.pidbox", json.dumps({
                "body": base64.b64encode(body.encode()).decode(),
                "content-type": "application/json",
                "content-encoding": "utf-8", "headers": {"clock": 1},
                "properties": {
                    "delivery_mode": 2, "body_encoding": "base64",
                    "delivery_tag": str(uuid.uuid4()), "priority": 0,
                    "delivery_info": {"exchange": "celery.pidbox",
                                      "routing_key": ""}}}))
        self.assertGreater(heard, 0)

    def test_unsealed_forged_and_repeated_control_changes_nothing(self):
        self.environment["MULE_SECRET"] = SECRET
        ready, go = self.fifo("ready"), self.fifo("go")
        self.environment.update(READY=ready.path, GO=go.path)
        self.suite({"test_waiting.py": WAITING})
        monitor = self.start(
            "-h", "127.0.0.1", "-p", str(self.broker.port), "PSUBSCRIBE",
            "/0.celery.pidbox", binary="/usr/bin/redis-cli")
        monitor.wait_text("psubscribe", "out")
        self.start_worker(name="one")
        program = self.start_distributed("--lease", "20s")
        ready.line(program)
        payload = json.dumps({"msg": "cancel", "v": "1.0", "n": 1 << 40,
                              "build": self.builds[0], "to": "worker",
                              "nonce": "0" * 32, "now": True})
        for seal in ("", "0" * 64):
            self.broadcast("mule_cancel", {"payload": payload, "seal": seal})
            self.broadcast("mule_teardown", {"payload": payload,
                                             "seal": seal})
        # What was said to the worker once, with a seal that is right.
        said = [json.loads(line) for line in bytes(monitor.out).splitlines()
                if line.startswith(b"{")]
        for message in said:
            self.broker.command("PUBLISH", "/0.celery.pidbox",
                                json.dumps(message))
        # It answers in its turn: all of that has been read.
        self.assertEqual(self.mule("status").status, 0)
        go.write()
        result = self.result_of(program)
        self.assertEqual(result.count("passed"), 1, result.text)
        self.assertEqual(result.status, 0, result.text)

    def test_a_redis_that_is_full_says_so(self):
        with brokers.RedisServer(options=["--maxmemory", "4mb",
                                          "--maxmemory-policy",
                                          "noeviction"]) as server:
            with self.assertRaisesRegex(RuntimeError, "OOM"):
                while True:
                    server.command("APPEND", "ballast", "x" * 20_000)
            self.suite({"test_small.py": SMALL})
            result = self.mule("test", "--distributed", "--broker",
                               server.url, "--wait", "2s")
            self.assertEqual(result.status, 3, result.text)
            self.assertRegex(result.err, r"(?i)memory")


class RabbitInput(Long, FleetCase):

    broker_kind = "rabbitmq"

    def test_a_broker_in_memory_alarm_is_waited_for(self):
        self.suite({"test_small.py": SMALL})
        self.start_worker(name="one")
        self.broker.alarm(True)
        try:
            program = self.start_distributed("--lease", "30s")
            program.wait_text("memory|blocked|alarm")
        finally:
            self.broker.alarm(False)
        result = self.result_of(program)
        self.assertStates(result, SMALL_STATES)

    def test_a_queue_of_offers_with_other_arguments_is_taken_as_it_is(self):
        self.suite({"test_small.py": SMALL})
        queue = "others-" + self.mark
        done = self.broker.ctl(
            "eval", 'rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, '
            '<<"%s">>), true, false, [{<<"x-max-priority">>, byte, 5}], '
            'none, <<"test">>).' % queue)
        self.assertIn("new", done)
        self.start_worker("-Q", queue, name="one")
        result = self.distributed("--queue", queue, status=1)
        self.assertStates(result, SMALL_STATES)
