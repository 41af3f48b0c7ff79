"""The native process that knows what builds mean: `mule worker --carrier`.

Starts it, and moves lines between it and the main process of a Celery worker
as docs/protocol/carrier.md says. Never blocks whoever speaks.
"""

import json
import os
import queue
import socket
import subprocess
import sys
import threading

from celery.utils.log import get_logger

logger = get_logger("mule")

# What may wait for a native process that does not read.
WAITING_MAX = 64 << 20

_living = []


def _forget_in_child():
    """A forked child must not keep a worker's end open after its death."""
    while _living:
        native = _living.pop()
        try:
            os.close(native.socket.detach())
        except OSError:
            pass


os.register_at_fork(after_in_child=_forget_in_child)


def _log_level(line):
    if line.startswith("mule: error:"):
        return logger.error
    return logger.warning if line.startswith("mule: warning:") else logger.info


class Native:
    """One such process. Its callbacks come from threads of its own:

    on_message(message, payload)    a line; `payload` is of "send" only
    on_end()                        it has ended: the last call
    """

    def __init__(self, command, hello, on_message, on_end):
        self.on_message = on_message
        self.on_end = on_end
        self.waiting = 0
        self.lines = queue.SimpleQueue()
        self.socket, theirs = socket.socketpair()
        try:
            self.process = subprocess.Popen(
                command, stdin=theirs, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True,
                env=dict({"MULE_PYTHON": sys.executable}, **os.environ))
        except OSError:
            self.socket.close()
            raise
        finally:
            theirs.close()
        _living.append(self)
        self.say(hello)
        for work in (self._read, self._write, self._log):
            threading.Thread(target=work, name="mule" + work.__name__,
                             daemon=True).start()

    def say(self, message):
        """Safe in any thread and in a signal handler."""
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if self.waiting + len(line) > WAITING_MAX:
            logger.error("mule: the native process does not read, it is ended")
            self.process.kill()
            return
        self.waiting += len(line)
        self.lines.put(line)

    def close(self):
        """The worker ends: so does the process, once it has torn down."""
        self.lines.put(None)

    def _write(self):
        while True:
            line = self.lines.get()
            try:
                if line is None:
                    self.socket.shutdown(socket.SHUT_RDWR)
                    return
                self.socket.sendall(line)
            except OSError:
                return  # the reader sees it, too
            self.waiting -= len(line)

    def _read(self):
        try:
            with self.socket.makefile("rb") as stream:
                for line in stream:
                    message = json.loads(line)
                    payload = None
                    if message["msg"] == "send":
                        payload = stream.readline()[:-1].decode()
                    self.on_message(message, payload)
        except OSError:
            pass
        except Exception:  # its words are ours: a mistake, not an accident
            logger.exception("mule: the native process cannot be understood")
            self.process.kill()
        finally:
            self.process.wait()
            if self in _living:
                _living.remove(self)
            self.lines.put(None)
            self.socket.close()
            self.on_end()

    def _log(self):
        with self.process.stdout as stream:
            for line in stream:
                text = line.decode("utf-8", "replace").rstrip()
                _log_level(text)("%s", text)
