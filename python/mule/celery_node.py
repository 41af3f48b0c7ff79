"""A Celery worker's part in builds, in its main process.

Starts the native process, tells it what comes and does what it says: the
operations and events of docs/protocol/carrier.md. What touches the worker's
connection runs in the thread of its event loop (`post`).
"""

import collections
import os
import platform
import select
import shutil
import tempfile
import time

import celery
from celery.utils.log import get_logger
from celery.worker import state

from . import __version__, binary, celery_redis
from .celery_answers import Answers
from .celery_listener import Listener, queue_of
from .celery_native import Native
from .celery_queues import Queues
from .celery_sender import Sender

logger = get_logger("mule")

PROTOCOL = "1.0"
PAUSES = (1, 2, 5, 10, 30, 60)  # seconds before it is started again
TRIES = 5  # that end before it has greeted: then it never will

PATH_MAX = 90  # bytes of a folder with a socket in it

# The node of this process, and of the pool children that were forked from it.
current = None


def command():
    """What starts the native process, or None."""
    path = binary.find()
    return path and [path, "worker", "--carrier"]


def is_asked(flag):
    """Celery's flags are None, False or an exit status, which may be 0."""
    return flag is not None and flag is not False


class Node:
    def __init__(self, worker):
        self.worker = worker
        self.app = worker.app
        self.pid = os.getpid()
        self.folder = None
        self.socket_path = None
        self.refusal = None  # why it does not serve
        self.native = None
        self.ready = False  # the native process has greeted
        self.started_at = 0
        self.failures = 0
        self.stopping = False
        self.closed = False  # it takes nothing from the broker any more
        self.shutdown = None  # the exit status that waits for the native side
        self.ticking = None
        self.consumer = None
        self.held = collections.deque()  # until there is a connection
        self.queues = Queues()
        self.answers = Answers(self)
        self.sender = None
        self.listener = None
        self.can_send = False
        self.way = False
        self.slots = 0
        self.renewed_at = 0
        self.posts = collections.deque()
        self.woken, self.waker = os.pipe()
        for number in (self.woken, self.waker):
            os.set_blocking(number, False)

    # ----------------------------------------------- the life of the worker

    def prepare(self):
        """Before the pool is forked, which is to know the socket."""
        why = self._refusal()
        if why:
            self.refuse(why)
            return
        self.folder = tempfile.mkdtemp(prefix="mule-")
        if len(self.folder) > PATH_MAX:
            os.rmdir(self.folder)
            self.folder = tempfile.mkdtemp(prefix="mule-", dir="/tmp")
        self.socket_path = os.path.join(self.folder, "tasks")

    def start(self):
        """The pool is there; nothing is connected yet."""
        if self.refusal:
            return
        self.slots = self.worker.pool.num_processes
        self.sender = Sender(self.app, self.on_sender)
        self.start_native()

    def _refusal(self):
        from celery.concurrency.prefork import TaskPool
        pool = self.worker.pool_cls
        if not issubclass(pool, TaskPool):
            return ("the pool %s cannot serve builds, as the worker must "
                    "answer while tasks run; use -P prefork"
                    % pool.__module__.rpartition(".")[2])
        if not self.worker.use_eventloop:
            return "Celery has no event loop for this broker"
        if not self.app.conf.worker_enable_remote_control:
            return "worker_enable_remote_control is off"
        if command() is None:
            return ("the program mule was not found beside %s nor on PATH"
                    % os.path.dirname(os.path.abspath(__file__)))
        return None

    def refuse(self, why):
        self.refusal = why
        logger.warning("mule: this worker does not serve builds: %s", why)

    def close(self):
        """The worker has ended, or ends without waiting."""
        self.stopping = True
        if self.native is not None:
            self.native.close()
        else:
            self._remove_folder()

    def _remove_folder(self):
        if self.folder is not None and self.pid == os.getpid():
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self, how):
        """The worker shuts down. Also called in a signal handler."""
        self.stopping = True
        if self.native is not None:
            self.native.say({"msg": "stop", "how": how})

    def defer_shutdown(self):
        """What runs may end first, with all that the worker can do, but for
        taking something new. Celery itself would only wait for its pool."""
        if not is_asked(state.should_stop) or not self.native \
                or not self.queues.joined or self.consumer is None:
            return
        self.shutdown = state.should_stop
        state.should_stop = None
        self.queues.leave_all()

    def wait_for_native(self):
        """Without the event loop, that does what still is to be done."""
        if self.native is None:
            return
        while self.native is not None and not is_asked(state.should_terminate):
            self.run_posts()
            self._keep_connected()
            select.select([self.woken], [], [], 0.1)
        self.run_posts()

    def _keep_connected(self):
        consumer = self.consumer
        connection = consumer and consumer.connection
        if connection and connection.transport.driver_type == "amqp":
            try:
                connection.drain_events(timeout=0.01)
                connection.heartbeat_check()
            except Exception:  # of a connection that is about to close
                pass

    # ------------------------------------------------- the native process

    def start_native(self):
        if self.stopping or self.refusal:
            return
        try:
            os.unlink(self.socket_path)
        except FileNotFoundError:
            pass
        self.started_at = time.monotonic()
        hello = {"msg": "hello", "protocol": PROTOCOL, "pid": self.pid,
                 "version": __version__, "node": self.worker.hostname,
                 "slots": self.slots, "python": platform.python_version(),
                 "celery": celery.__version__, "socket": self.socket_path}
        try:
            self.native = Native(command(), hello, self.on_message,
                                 lambda: self.post(self.on_native_end))
        except (OSError, TypeError) as error:
            self.refuse("the program mule cannot be started: %s" % error)

    def on_native_end(self):
        was_ready = self.ready
        self.native = None
        self.ready = False
        self.held.clear()
        self.listen(None)
        self.queues.leave()
        if self.stopping:
            self._remove_folder()
            if self.shutdown is not None:
                state.should_stop = self.shutdown
            return
        self.queues.offers(True)
        if was_ready and time.monotonic() - self.started_at > PAUSES[-1]:
            self.failures = 0
        self.failures += 1
        if not was_ready and self.failures >= TRIES:
            self.refuse("mule worker --carrier ends before it has greeted")
            return
        pause = PAUSES[min(self.failures, len(PAUSES)) - 1]
        logger.error("mule: the native process has ended; another is started "
                     "in %d s", pause)
        if self.consumer is not None:
            self.consumer.timer.call_after(pause, self.start_native)
        else:
            self.start_native()

    # -------------------------------------------- the connection's events

    def on_connected(self, consumer):
        if self.refusal:
            return
        self.consumer = consumer
        self.answers.attach(consumer)
        self.queues.attach(consumer)
        while self.held:
            self.obey(self.held.popleft())
        self.run_posts()
        if self.shutdown is not None:
            self.queues.leave_all()
        self.renewed_at = 0
        self.on_way()

    def on_loop(self, hub):
        if self.refusal:
            return
        hub.add_reader(self.woken, self.run_posts)
        if self.ticking is not None:
            self.ticking.cancel()
        self.ticking = hub.call_repeatedly(1.0, self.tick)

    def on_disconnected(self, consumer, lost):
        if self.refusal:
            return
        self.queues.detach()
        self.consumer = None
        self.closed = not lost
        self.on_way()
        if lost and self.native is not None:
            # What runs here comes again, as other messages: whoever waits is
            # set free for them, and must not acknowledge the old ones.
            for request in tuple(state.active_requests):
                if request.name in celery_redis.TASKS:
                    request.acknowledged = True
            self.native.say({"msg": "lost"})

    def on_sender(self, up):
        self.can_send = up
        self.post(self.on_way)

    def on_way(self):
        up = self.can_send and self.consumer is not None
        if up != self.way and self.ready:
            self.native.say({"msg": "way", "up": up})
            self.way = up

    def tick(self):
        consumer = self.consumer
        if consumer is None:
            return
        slots = consumer.pool.num_processes
        if slots != self.slots:
            self.slots = slots
            if self.ready:
                self.native.say({"msg": "slots", "slots": slots})
        self.queues.tick()
        if celery_redis.is_redis(consumer.connection):
            now = time.monotonic()
            if now - self.renewed_at >= celery_redis.renewal_seconds(consumer):
                self.renewed_at = now
                celery_redis.renew(consumer, self.queues)

    # ------------------------------------------------------------- posting

    def post(self, function, *args):
        """Calls it in the thread of the event loop. Safe anywhere."""
        self.posts.append((function, args))
        self.wake()

    def wake(self):
        try:
            os.write(self.waker, b"w")
        except BlockingIOError:
            pass  # it is awake already

    def run_posts(self):
        try:
            os.read(self.woken, 4096)
        except BlockingIOError:
            pass
        while self.posts:
            function, args = self.posts.popleft()
            try:
                function(*args)
            except Exception as error:
                consumer = self.consumer
                if consumer is not None \
                        and isinstance(error, consumer.connection_errors):
                    raise  # Celery connects again, and asks us what we want
                logger.exception("mule: %s failed", function.__name__)

    # -------------------------------------------- what the native side says

    def on_message(self, message, payload):
        """On the thread that reads."""
        kind = message["msg"]
        if kind == "send":
            self._send(message, payload)
        elif kind == "erase":
            self.sender.erase(message["queue"], message.get("sure", True))
        else:
            if kind == "listen" and message["queue"] is not None:
                self.sender.declare(queue_of(message["queue"],
                                             message["expires_ms"]))
            self.post(self.obey, message)

    def _send(self, message, payload):
        native, number = self.native, message["id"]

        def done(why):
            answer = {"msg": "done", "id": number}
            if why:
                answer["why"] = why
            native.say(answer)

        self.sender.send(message["queue"], message["expires_ms"], payload,
                         message["seal"], done)

    def obey(self, message):
        """On the event loop; the connection may be away."""
        kind = message["msg"]
        if kind == "hello":
            self.ready = True
            self.way = False
            self.on_way()
        elif kind == "offers":
            self.queues.offers(message["wanted"] and not self.stopping)
        elif kind == "reply":
            self.answers.answer(message["reply"], message["value"])
        elif kind == "listen":
            self.listen(message["queue"], message["expires_ms"])
        elif kind in ("join", "prefetch", "leave"):
            if self.consumer is None and not self.closed:
                self.held.append(message)
            else:
                self._obey_build(kind, message)

    def _obey_build(self, kind, message):
        if kind == "leave":
            try:
                self.queues.leave()
            finally:  # with a connection that is lost the queue is left, too
                self.native.say({"msg": "done", "id": message["id"]})
        elif self.closed:
            pass
        elif kind == "join":
            self.queues.join(message["queue"], message["expires_ms"],
                             message["prefetch"])
        else:
            self.queues.set_prefetch(message["prefetch"])

    def listen(self, name, expires_ms=0):
        if self.listener is not None:
            self.listener.stop()
            self.listener = None
        if name is not None:
            native = self.native
            self.listener = Listener(
                self.app, name, expires_ms,
                lambda body: native.say({"msg": "piece", "body": body}))
