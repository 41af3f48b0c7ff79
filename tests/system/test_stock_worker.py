"""Stock Celery workers carry: a test is the member, another the coordinator."""

import glob
import json
import os
import shutil
import signal
import threading
import time
import unittest

from support import celery_env, processes, rotation
from support.proxy import Proxy
from support.stock_case import PATIENCE, StockCase

BUILD = "mule-b1"
EXPIRES = 3600000


class Carrying:
    """The tests, for each Celery and each broker below."""

    def serving(self, *words, **more):
        self.write_app(**more)
        worker = self.start("-c", "2", *words)
        member = self.member(worker)
        return worker, member

    def offered(self, *words, **more):
        """A worker that has taken an offer, and left the queue of offers."""
        worker, member = self.serving(*words, **more)
        self.send("mule.provision", "offer")
        task = member.wait("task", msg="task", kind="offer")
        self.assertEqual(task["line"]["payload"], "offer")
        self.assertEqual(task["line"]["seal"], "s")
        member.say(msg="offers", wanted=False)
        worker.wait_log("Canceling queue default")
        return worker, member, task["task"]

    def joined(self, *words, prefetch=2, **more):
        worker, member, offer = self.offered(*words, **more)
        member.end(offer, "done")
        self.declare(BUILD, EXPIRES)
        member.say(msg="join", queue=BUILD, expires_ms=EXPIRES,
                   prefetch=prefetch)
        worker.wait_log(f"takes from {BUILD}")
        return worker, member

    def order(self, member, text):
        self.send("mule.run_test", text, BUILD)
        return member.wait("task", msg="task", kind="run", payload=text)

    def leave(self, member, number=1):
        member.say(msg="leave", id=number)
        member.wait("main", msg="done", id=number)

    def stop(self, worker, member):
        worker.process.send_signal(signal.SIGTERM)
        member.wait("main", msg="stop", how="warm")
        member.say(msg="stopped")
        self.assertEqual(worker.wait(), 0, worker.log()[-4000:])

    def test_greets_with_what_it_is(self):
        worker, member = self.serving()
        hello = member.hello
        self.assertEqual(hello["node"], "w@test")
        self.assertEqual(hello["slots"], 2)
        self.assertEqual(hello["pid"], worker.pid)
        self.assertEqual(hello["protocol"], "1.0")
        self.stop(worker, member)

    def test_serves_a_build_beside_the_tasks_of_the_company(self):
        self.write_app()
        worker = self.start("-c", "2", queues="default,other")
        member = self.member(worker)
        self.assertEqual(self.add("default"), 42)
        self.send("mule.provision", "offer")
        offer = member.wait("task", kind="offer")["task"]
        member.say(msg="offers", wanted=False)
        member.end(offer, "done")
        self.declare(BUILD, EXPIRES)
        member.say(msg="join", queue=BUILD, expires_ms=EXPIRES, prefetch=2)
        self.wait_queues(["other", BUILD])
        self.assertEqual(self.add("other"), 42)
        task = self.order(member, "one")
        self.assertIs(task["line"]["redelivered"], False)
        self.assertEqual(self.add("other"), 42)
        member.end(task["task"], "done", {"retcode": 0})
        worker.wait_log("succeeded", 5)
        self.leave(member)
        member.say(msg="offers", wanted=True)
        self.wait_queues(["default", "other"])
        self.assertEqual(self.add("default"), 42)
        self.stop(worker, member)

    def test_sends_in_order_and_says_when_it_is_done(self):
        worker, member = self.serving()
        self.declare("mule-in-b1", 600000)
        for number in range(1, 21):
            member.say(msg="send", id=number, queue="mule-in-b1",
                       expires_ms=600000, seal="seal", payload="p%d" % number)
        for number in range(1, 21):
            done = member.wait("main", msg="done", id=number)
            self.assertNotIn("why", done["line"])
        bodies = self.take("mule-in-b1", 20)
        for number, body in enumerate(bodies, 1):
            self.assertEqual(body, {"payload": "p%d" % number, "seal": "seal"})
        self.stop(worker, member)

    def test_hands_over_control_commands_and_answers_later(self):
        worker, member = self.serving()
        self.broadcast("mule_lease", payload="lease", seal="x")
        lease = member.wait("main", msg="control", method="mule_lease")["line"]
        self.assertEqual((lease["payload"], lease["seal"], lease["reply"]),
                         ("lease", "x", 0))
        answers = []
        asker = threading.Thread(target=lambda: answers.extend(
            self.broadcast("mule_status", reply=True)))
        asker.start()
        asked = member.wait("main", msg="control", method="mule_status")
        number = asked["line"]["reply"]
        self.assertGreater(number, 0)
        member.say(msg="reply", reply=number, value={"ok": {"slots": 2}})
        asker.join(PATIENCE)
        self.assertEqual(answers, [{"w@test": {"ok": {"slots": 2}}}])
        self.stop(worker, member)

    def test_an_order_that_is_returned_goes_to_another(self):
        worker, member = self.joined()
        task = self.order(member, "one")
        self.leave(member)
        member.end(task["task"], "returned")
        worker.wait_log("another worker is to take it")
        self.declare(BUILD, EXPIRES)
        self.assertEqual(self.take(BUILD, 1, EXPIRES)[0][0], ["one", "s"])
        self.stop(worker, member)

    def test_a_failed_order_is_a_failure_of_the_task(self):
        worker, member = self.joined()
        task = self.order(member, "one")
        member.end(task["task"], "failed", "no such workspace")
        worker.wait_log("TaskFailed('no such workspace')")
        self.leave(member)
        self.stop(worker, member)

    def test_a_pool_child_that_is_killed_gives_its_order_back(self):
        worker, member = self.joined()
        task = self.order(member, "one")
        os.kill(task["line"]["pid"], signal.SIGKILL)
        gone = member.wait("gone")
        self.assertEqual(gone["task"], task["task"])
        again = member.wait("task", kind="run", payload="one")
        self.assertIs(again["line"]["redelivered"], True)
        member.end(again["task"], "done")
        self.leave(member)
        self.stop(worker, member)

    def test_a_native_process_that_dies_leaves_the_build(self):
        worker, member = self.joined()
        self.order(member, "one")
        member.exit(1)
        successor = self.member(worker)
        self.assertNotEqual(successor, member)
        self.wait_queues(["default"])
        self.assertEqual(self.add(), 42)
        self.assertEqual(self.take(BUILD, 1, EXPIRES)[0][0], ["one", "s"])
        self.stop(worker, successor)

    def test_a_main_process_that_is_killed_leaves_nothing_behind(self):
        worker, member = self.joined()
        self.order(member, "one")
        worker.process.kill()
        member.wait("end")
        worker.wait()
        self.forget_folders()

    def test_a_terminated_order_is_told_and_its_child_lives(self):
        worker, member = self.joined()
        task = self.order(member, "one")
        self.client("app.control.revoke(words[0], terminate=True,"
                    " signal='SIGTERM')", task["line"]["id"])
        told = member.wait("main", msg="terminate")["line"]
        self.assertEqual(told["id"], task["line"]["id"])
        self.assertEqual(told["signal"], signal.SIGTERM)
        member.end(task["task"], "done")
        worker.wait_log("succeeded", 2)
        self.assertNotEqual(processes.state_of(task["line"]["pid"]), "")
        self.leave(member)
        self.stop(worker, member)

    def test_what_runs_may_end_before_a_warm_shutdown(self):
        worker, member = self.joined()
        task = self.order(member, "one")
        worker.process.send_signal(signal.SIGTERM)
        member.wait("main", msg="stop", how="warm")
        # It still hears: the build is alive.
        self.broadcast("mule_lease", payload="lease", seal="")
        member.wait("main", msg="control", method="mule_lease")
        member.end(task["task"], "done")
        self.leave(member)
        member.say(msg="send", id=9, queue="mule-in-b1", expires_ms=60000,
                   seal="", payload="left")
        member.wait("main", msg="done", id=9)
        member.say(msg="stopped")
        self.assertEqual(worker.wait(), 0)
        worker.wait_log("succeeded", 2)

    def test_a_grown_pool_is_told(self):
        worker, member = self.serving()
        self.client("app.control.pool_grow(1)")
        member.wait("main", msg="slots", slots=3)
        self.stop(worker, member)

    def test_the_prefetch_is_the_builds_while_joined(self):
        settings = "worker_prefetch_multiplier=5"
        worker, member = self.joined(settings=settings, prefetch=1)
        self.assertEqual(self.prefetch(), 1)
        member.say(msg="prefetch", prefetch=50)
        self.wait_prefetch(2)  # no more than there are pool children
        self.leave(member)
        self.wait_prefetch(10)
        self.stop(worker, member)

    def prefetch(self):
        stats = self.client("show(app.control.inspect(['w@test'],"
                            " timeout=10).stats())")
        return stats["w@test"]["prefetch_count"]

    def wait_prefetch(self, wanted):
        deadline = time.monotonic() + PATIENCE
        while self.prefetch() != wanted:
            self.assertLess(time.monotonic(), deadline)


    # --------------------------------------------------------- misfortunes

    def test_a_cold_shutdown_is_told_at_once(self):
        worker, member = self.joined()
        self.order(member, "one")
        worker.process.send_signal(signal.SIGQUIT)
        member.wait("main", msg="stop", how="cold")
        member.wait("end")
        worker.wait()
        self.forget_folders()

    def forget_folders(self):
        """The real native process removes what this fake leaves."""
        for path in glob.glob(os.path.join(self.tmp, "mule-*")):
            shutil.rmtree(path)

    def test_a_lost_connection_sets_the_children_free(self):
        direct = self.url
        proxy = self.enter(Proxy(self.broker.port))
        self.url = proxy.url(direct)
        self.write_app()
        self.url = direct
        worker = self.start("-c", "1")
        member = self.member(worker)
        self.send("mule.provision", "offer")
        offer = member.wait("task", kind="offer")["task"]
        member.say(msg="offers", wanted=False)
        member.end(offer, "done")
        self.declare(BUILD, EXPIRES)
        member.say(msg="join", queue=BUILD, expires_ms=EXPIRES, prefetch=1)
        worker.wait_log(f"takes from {BUILD}")
        task = self.order(member, "one")
        proxy.drop()
        member.wait("main", msg="way", up=False)
        member.wait("main", msg="lost")
        member.end(task["task"], "gone")
        proxy.restore()
        member.wait("main", msg="way", up=True)
        if self.broker_kind == "redis":
            # It stays with the worker that is gone until it is old.
            again = self.order(member, "two")
        else:
            again = member.wait("task", payload="one")
            self.assertIs(again["line"]["redelivered"], True)
        member.end(again["task"], "done")
        self.leave(member)
        self.wait_queues([])
        member.say(msg="offers", wanted=True)
        self.wait_queues(["default"])
        self.assertEqual(self.add(), 42)
        self.stop(worker, member)

    def test_a_pool_that_cannot_serve_is_refused_and_works_on(self):
        for pool, environment in (("solo", self.stock_version),
                                  ("threads", self.stock_version),
                                  ("gevent", "pools"), ("eventlet", "pools")):
            with self.subTest(pool=pool):
                self.python = celery_env.python(environment)
                self.write_app()
                refusing = self.start("-P", pool, "-c", "2", name="r")
                refusing.wait_log("does not serve builds: the pool")
                refusing.wait_log("ready.")
                self.assertEqual(self.add(), 42)
                self.expect_offer_elsewhere(refusing)

    def test_a_worker_without_the_program_serves_no_build(self):
        self.write_app(fake=False, prologue=(
            "from mule import celery_node\n"
            "celery_node.command = lambda: None\n"))
        refusing = self.start("-c", "1", name="r")
        refusing.wait_log("the program mule was not found")
        refusing.wait_log("ready.")
        self.assertEqual(self.add(), 42)
        self.expect_offer_elsewhere(refusing)

    def test_a_program_that_always_ends_is_given_up(self):
        self.write_app(fake=False, prologue=(
            "from mule import celery_node\n"
            "celery_node.command = lambda: ['/bin/false']\n"
            "celery_node.PAUSES = (0.1, 0.1)\n"))
        worker = self.start("-c", "1", name="r")
        worker.wait_log("ends before it has greeted")
        self.assertEqual(self.add(), 42)
        self.assertEqual(worker.stop(), 0)

    def expect_offer_elsewhere(self, refusing):
        """An offer that it gets goes on to a worker that serves."""
        self.send("mule.provision", "for another")
        self.write_app()
        worker = self.start("-c", "1", name="w")
        member = self.member(worker)
        offer = member.wait("task", kind="offer", payload="for another")
        member.end(offer["task"], "done")
        self.stop(worker, member)
        self.assertEqual(refusing.stop(), 0, refusing.log()[-3000:])

    # --------------------------------------------------------------- more

    def test_pieces_of_a_queue_are_handed_on(self):
        worker, member = self.serving()
        member.say(msg="listen", queue="mule-ship-b1-j", expires_ms=600000)
        # What is sent after that finds the queue.
        member.say(msg="send", id=1, queue="mule-in-b1", expires_ms=600000,
                   seal="", payload="want")
        member.wait("main", msg="done", id=1)
        for text in ("first", "second"):
            self.client(
                "with kombu.Connection(url) as c:\n"
                "    c.Producer().publish({'at': words[0]}, exchange='',\n"
                "        routing_key='mule-ship-b1-j', serializer='json')\n",
                text)
            piece = member.wait("main", msg="piece")["line"]
            self.assertEqual(json.loads(piece["body"]), {"at": text})
        member.say(msg="listen", queue=None, expires_ms=0)
        self.stop(worker, member)

    def test_an_erased_queue_is_gone(self):
        worker, member = self.serving()
        self.declare(BUILD, EXPIRES)
        self.send("mule.run_test", "one", BUILD)
        self.assertEqual(self.names().count(BUILD), 1)
        member.say(msg="erase", queue=BUILD, sure=True)
        deadline = time.monotonic() + PATIENCE
        while BUILD in self.names():
            self.assertLess(time.monotonic(), deadline)
        self.stop(worker, member)

    def names(self):
        if self.broker_kind == "redis":
            return self.broker.keys()
        return list(self.broker.queues(os.path.basename(self.home)))

    def test_a_long_order_stays_ours_on_redis(self):
        if self.broker_kind != "redis":
            self.skipTest("others do not give back what is held")
        worker, member = self.joined(
            settings="broker_transport_options={'visibility_timeout': 4}")
        task = self.order(member, "one")

        def score():
            pairs = self.broker.command("ZRANGE", "unacked_index", 0, -1,
                                        "WITHSCORES")
            self.assertEqual(len(pairs), 2, pairs)
            return float(pairs[1])

        first = score()
        deadline = time.monotonic() + PATIENCE
        while score() < first + 2:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        member.end(task["task"], "done")
        self.leave(member)
        self.stop(worker, member)


rotation.tell(Carrying, StockCase, globals())

if __name__ == "__main__":
    unittest.main()
