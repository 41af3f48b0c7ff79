"""Sends to the broker, on a thread and a connection of its own, in order."""

import queue
import threading

from celery.utils.log import get_logger

from . import celery_redis

logger = get_logger("mule")

PAUSES = (0.1, 0.2, 0.5, 1, 2, 5)  # seconds before another try to connect
SILENCE = 30  # seconds a broker may take for one answer
WAITING_MAX = 256 << 20


class Sender:
    """on_way(up) is called from the thread when the way opens or closes."""

    def __init__(self, app, on_way):
        self.app = app
        self.on_way = on_way
        self.work = queue.SimpleQueue()
        self.waiting = 0
        self.connection = None
        self.producer = None
        self.failures = 0
        threading.Thread(target=self._run, name="mule_send",
                         daemon=True).start()

    def send(self, name, expires_ms, payload, seal, done):
        """done(why): "" once the broker has it. From the thread."""
        if self.waiting > WAITING_MAX:
            done("too much waits to be sent")
            return
        self.waiting += len(payload)
        self.work.put(lambda: self._send(name, expires_ms, payload, seal,
                                         done))

    def declare(self, queue):
        """Before all that is sent from now on."""
        self.work.put(lambda: self._declare(queue))

    def erase(self, name, sure):
        self.work.put(lambda: self._erase(name, sure))

    def close(self, done):
        """done() when all before it was tried."""
        self.work.put(done)
        self.work.put(None)

    # ----------------------------------------------------- on the thread

    def _run(self):
        self._connect()
        while True:
            try:
                task = self.work.get(timeout=self._pause())
            except queue.Empty:
                self._connect()
                continue
            if task is None:
                break
            task()
        self._disconnect()

    def _pause(self):
        """None: there is nothing to do but what comes."""
        if self.producer is not None:
            return None
        return PAUSES[min(self.failures, len(PAUSES)) - 1]

    def _connect(self):
        connection = self.app.connection_for_write()
        options = dict(connection.transport_options or {})
        if connection.transport_cls == "redis":
            options.setdefault("socket_timeout", SILENCE)
        else:
            options["confirm_publish"] = True
        connection.transport_options = options
        try:
            connection.connect()
            self.connection = connection
            self.producer = connection.Producer(serializer="json")
            self.failures = 0
        except Exception as error:
            if not self.failures:
                logger.warning("mule: cannot connect to send: %s", error)
            self.failures += 1
            self._disconnect()
            return
        self.on_way(True)

    def _disconnect(self):
        if self.connection is not None:
            try:
                self.connection.collect(socket_timeout=1)
            except Exception:  # it is of no use any more
                pass
        self.connection = self.producer = None

    def _fail(self, error):
        logger.warning("mule: the connection that sends is lost: %s", error)
        self.failures = 1
        self._disconnect()
        self.on_way(False)

    def _send(self, name, expires_ms, payload, seal, done):
        self.waiting -= len(payload)
        if self.producer is None:
            done("there is no connection")
            return
        try:
            self._publish(name, expires_ms, payload, seal)
        except Exception as error:
            self._fail(error)
            done(str(error) or type(error).__name__)
            return
        done("")

    def _publish(self, name, expires_ms, payload, seal):
        body = {"payload": payload, "seal": seal}
        if celery_redis.is_redis(self.connection):
            self.producer.publish(body, exchange="", routing_key=name)
            channel = self.producer.channel
            with channel.conn_or_acquire() as client:
                celery_redis.extend(client, channel, name, expires_ms)
        else:
            self.producer.publish(body, exchange="", routing_key=name,
                                  delivery_mode=2, confirm_timeout=SILENCE)

    def _declare(self, queue):
        if self.connection is None or celery_redis.is_redis(self.connection):
            return
        try:
            with self.connection.channel() as channel:
                queue(channel).queue_declare()
        except Exception as error:
            self._fail(error)

    def _erase(self, name, sure):
        if self.connection is None:
            return
        try:
            if celery_redis.is_redis(self.connection):
                # Redis does not know who takes from a list.
                if sure:
                    celery_redis.erase(self.producer.channel, name)
                return
            with self.connection.channel() as channel:
                channel.queue_delete(name, if_unused=True)
        except self.connection.channel_errors as error:
            logger.info("mule: %s is left: %s", name, error)
        except Exception as error:
            self._fail(error)
