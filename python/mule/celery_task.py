"""One task: taken in the main process, waited for in a pool child."""

import json
import logging
import os
import socket

from celery.exceptions import Ignore, Reject
from celery.platforms import signals
from celery.utils.log import get_logger
from celery.worker import request as celery_request
from celery.worker import strategy as celery_strategy

from . import celery_node

logger = get_logger("mule")

PROTOCOL = "1.0"
RETURNED = "another worker is to take it"
LINE_MAX = 8 << 20

# Seconds that a message is kept which cannot be served here, before it goes
# back for another worker. It may well come here again.
PAUSE = 1


def _calm(record):
    """A task that goes back is ordinary: it gets a line, and no traceback."""
    error = record.exc_info and record.exc_info[1]
    if isinstance(error, Reject) and error.reason == RETURNED:
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.exc_info = record.exc_text = None
    return True


logging.getLogger("celery.app.trace").addFilter(_calm)


class TaskFailed(Exception):
    """mule or the machine failed, not a test."""


def strategy(task, app, consumer):
    """What is done with a message, on the event loop of the main process."""
    take = celery_strategy.default(task, app, consumer)

    def on_message(message, body, ack, reject, callbacks, **more):
        node = celery_node.current
        if node is None or node.refusal or not node.ready:
            consumer.timer.call_after(
                PAUSE, reject, (logger, consumer.connection_errors, True))
            return None
        if task.name == "mule.provision":
            node.queues.learn(message.delivery_info.get("routing_key"))
        return take(message, body, ack, reject, callbacks, **more)

    return on_message


class Request(celery_request.Request):
    """A task that is terminated ends in the native process, not with its
    pool child."""

    def terminate(self, pool, signal=None):
        node = celery_node.current
        if not self.time_start or node is None or not node.ready:
            super().terminate(pool, signal)
            return
        node.native.say({"msg": "terminate", "id": self.id,
                         "signal": signals.signum(signal or "TERM")})


def hand_over(task, kind, payload, seal):
    """In a pool child: gives the task to the native process and waits."""
    if not isinstance(payload, str) or not isinstance(seal, str):
        raise TaskFailed("payload and seal are texts")
    request = task.request
    delivery = request.delivery_info or {}
    line = json.dumps({
        "msg": "task", "protocol": PROTOCOL, "kind": kind, "id": request.id,
        "pid": os.getpid(), "redelivered": bool(delivery.get("redelivered")),
        "payload": payload, "seal": seal}).encode() + b"\n"
    if len(line) > LINE_MAX:
        raise TaskFailed("a task of %d bytes is too long" % len(line))
    end = _ask(line)
    how = end.get("how")
    if how == "done":
        return end.get("value")
    if how == "failed":
        raise TaskFailed(end.get("value"))
    if how == "gone":
        raise Ignore()
    raise Reject(RETURNED, requeue=True)


def _ask(line):
    """The answer, or {}: the native process is gone."""
    node = celery_node.current
    if node is None or node.socket_path is None:
        return {}
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(node.socket_path)
            link.sendall(line)
            with link.makefile("rb") as stream:
                answer = stream.readline()
    except OSError as error:
        logger.warning("mule: the native process does not answer: %s", error)
        return {}
    return json.loads(answer) if answer.endswith(b"\n") else {}
