"""What `mule doctor` and `mule status` say of real brokers."""

import json
import time

from support import brokers, celery_env
from support.fleet_case import FleetCase

PLAIN_APP = "import celery\napp = celery.Celery('plain')\n"


class Doctor:

    def doctor(self, url, *args, status=0):
        result = self.mule("doctor", "--broker", url, *args)
        self.assertEqual(result.status, status, result.text)
        self.assertNotIn("hush", result.text)
        return result.out

    def test_a_broker_that_is_well(self):
        before = self.leftovers_of_doctor()
        out = self.doctor(self.broker.url)
        self.assertRegex(out, r"ok  broker +%s \d" % self.product)
        self.assertRegex(out, r"ok  permission +may declare, send and take")
        self.assertRegex(out, r"warn  TLS +the connection is not encrypted")
        self.assertRegex(out, r'warn  nodes +nobody takes from queue "default"')
        self.assertEqual(self.leftovers_of_doctor(), before)

    def test_nobody_is_there(self):
        port = brokers.free_port()
        url = self.broker.url.replace(str(self.broker.port), str(port))
        out = self.doctor(url, status=3)
        self.assertRegex(out, r"FAIL  broker .*refused")

    def test_a_worker_is_known_and_takes_offers(self):
        self.start_worker(name="one")
        out = self.doctor(self.broker.url)
        self.assertRegex(out, r"ok  node +one@\S+ takes offers")
        self.assertNotIn("nobody takes", out)
        out = self.doctor(self.broker.url, "--queue", "other")
        self.assertRegex(out, r'nobody takes from queue "other"')

    def test_a_node_that_does_not_know_mule_is_named(self):
        self.suite({"plain.py": PLAIN_APP})
        program = self.start(
            "-m", "celery", "-A", "plain", "-b", self.broker.url, "worker",
            "-Q", "default", "-n", "plain@here", "-c", "1", "--loglevel",
            "INFO", binary=celery_env.python("newest"))
        program.wait_text(r" ready\.")
        out = self.doctor(self.broker.url)
        self.assertRegex(out, r'warn  node +plain@here takes from queue '
                              r'"default" and does not know mule')
        result = self.mule("status", "--json")
        self.assertEqual(json.loads(result.out)["others"],
                         [{"node": "plain@here"}])
        program.signal(15)
        program.wait()

    def test_status_names_workers_and_what_they_do(self):
        result = self.mule("status")
        self.assertEqual(result.out, "0 workers\n", result.text)
        self.start_worker(name="one", slots=2)
        free = time.monotonic()
        result = self.mule("status")
        self.assertRegex(result.out, r"1 worker\n  one@\S+  free for [\d.]+ s, "
                                     r"2 slots, queue default, native, mule ")
        least = int((time.monotonic() - free) * 1000)
        result = self.mule("status", "--json")
        [worker] = json.loads(result.out)["workers"]
        self.assertGreaterEqual(worker["since_ms"], least)
        self.assertEqual((worker["role"], worker["state"], worker["slots"]),
                         ("worker", "free", 2))


class RedisDoctor(Doctor, FleetCase):

    broker_kind = "redis"
    product = "Redis"

    def leftovers_of_doctor(self):
        return self.broker.keys("*mule*")

    def test_a_wrong_password(self):
        with brokers.RedisServer(password="hush") as server:
            out = self.doctor(server.url.replace("hush", "wrong"), status=3)
            self.assertRegex(out, r"FAIL  login +.*wrong user name or password")
            self.doctor(server.url)

    def test_a_broker_that_forgets(self):
        with brokers.RedisServer(options=["--maxmemory", "64mb",
                                          "--maxmemory-policy",
                                          "allkeys-lru"]) as server:
            out = self.doctor(server.url, status=3)
            self.assertRegex(out, r"FAIL  memory +maxmemory-policy is "
                                  r"allkeys-lru")

    def test_tls_is_verified(self):
        with brokers.RedisServer(tls=True) as server:
            out = self.doctor(server.tls_url)
            self.assertRegex(out, r"ok  TLS +in use")
            out = self.doctor(server.tls_url.partition("?")[0], status=3)
            self.assertRegex(out, r"FAIL  login +.*certificate")


class RabbitDoctor(Doctor, FleetCase):

    broker_kind = "rabbitmq"
    product = "RabbitMQ"

    def leftovers_of_doctor(self):
        return [name for name in self.broker.queues() if "mule" in name]

    def test_users_without_password_vhost_or_permission(self):
        with brokers.RabbitServer(users={"boss": "hush", "guest": "hush2"},
                                  vhosts=("/", "mine")) as server:
            out = self.doctor(server.url_of("/", password="wrong"), status=3)
            self.assertRegex(out, r"FAIL  login ")
            out = self.doctor(server.url_of("nowhere"), status=3)
            self.assertRegex(out, r"FAIL  login .*nowhere")
            out = self.doctor(server.url_of("mine", "guest"), status=3)
            self.assertRegex(out, r"FAIL  (login|permission) ")
            self.doctor(server.url_of("mine"))
