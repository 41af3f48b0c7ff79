"""Takes the pieces of a tree from a queue, on a thread of its own."""

import socket
import threading

from celery.utils.log import get_logger
from kombu import Exchange, Queue

logger = get_logger("mule")

PAUSE = 0.5  # seconds before another try
LOOK = 0.1  # seconds after which it sees that it is to stop
PREFETCH = 16


def queue_of(name, expires_ms):
    """As native workers declare it."""
    return Queue(name, Exchange(""), routing_key=name, durable=True,
                 queue_arguments={"x-expires": expires_ms})


class Listener:
    """on_body(text) is called from the thread for each message."""

    def __init__(self, app, name, expires_ms, on_body):
        self.app = app
        self.name = name
        self.queue = queue_of(name, expires_ms)
        self.on_body = on_body
        self.stopped = threading.Event()
        threading.Thread(target=self._run, name="mule_listen",
                         daemon=True).start()

    def stop(self):
        self.stopped.set()

    def _run(self):
        failed = False
        while not self.stopped.is_set():
            try:
                self._listen()
            except Exception as error:
                log = logger.debug if failed else logger.info
                log("mule: listening to %s: %s", self.name, error)
                failed = True
                self.stopped.wait(PAUSE)

    def _listen(self):
        with self.app.connection_for_read() as connection:
            channel = connection.channel()
            with connection.Consumer([self.queue], channel=channel,
                                     prefetch_count=PREFETCH,
                                     on_message=self._on_message):
                while not self.stopped.is_set():
                    try:
                        connection.drain_events(timeout=LOOK)
                    except socket.timeout:
                        pass

    def _on_message(self, message):
        body = message.body
        if isinstance(body, bytes):
            body = body.decode("utf-8", "replace")
        self.on_body(body)
        message.ack()
