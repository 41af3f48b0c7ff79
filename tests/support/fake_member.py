#!/usr/bin/env python3
"""Stands where `mule worker --carrier` is to be, and lets a test be the member.

Speaks docs/protocol/carrier.md to a Celery worker and its pool children, and
relays all of it to the Unix socket MULE_FAKE_MEMBER, on which the test
listens. To the test: {"from": "main" | "task" | "gone", "task": NUMBER, "line":
...}. From the test: {"to": "main", "line": ..., "payload": ...}, {"to": "task",
"task": NUMBER, "line": ...} or {"to": "exit"}. `stopped` ends it.
"""

import json
import os
import selectors
import socket


class Fake:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.test = socket.socket(socket.AF_UNIX)
        self.test.connect(os.environ["MULE_FAKE_MEMBER"])
        self.main = socket.socket(fileno=os.dup(0))
        self.listener = None
        self.tasks = {}
        self.unread = {}
        self.listen(self.test, self.on_test)
        self.listen(self.main, self.on_main)

    def listen(self, link, on_line, on_end=None):
        self.unread[link] = b""
        self.selector.register(link, selectors.EVENT_READ,
                               (on_line, on_end or self.leave))

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self.on_task(self.listener.accept()[0])
                else:
                    self.read(key.fileobj, *key.data)

    def read(self, link, on_line, on_end):
        try:
            data = link.recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(link)
            on_end()
            return
        *lines, self.unread[link] = (self.unread[link] + data).split(b"\n")
        for line in lines:
            on_line(json.loads(line))

    def leave(self):
        os._exit(0)

    def tell(self, **message):
        self.test.sendall(json.dumps(message).encode() + b"\n")

    def on_main(self, line):
        if line["msg"] == "hello":
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(line["socket"])
            self.listener.listen(64)
            self.selector.register(self.listener, selectors.EVENT_READ)
        self.tell(**{"from": "main", "task": 0, "line": line})

    def on_task(self, link):
        number = len(self.tasks) + 1
        self.tasks[number] = link

        def told(line):
            self.tell(**{"from": "task", "task": number, "line": line})

        def gone():
            self.tell(**{"from": "gone", "task": number, "line": None})
            link.close()

        self.listen(link, told, gone)

    def on_test(self, message):
        if message["to"] == "exit":
            os._exit(message["status"])
        text = json.dumps(message["line"]).encode() + b"\n"
        if message["to"] == "main":
            if "payload" in message:
                text += message["payload"].encode() + b"\n"
            self.main.sendall(text)
            if message["line"]["msg"] == "stopped":
                self.leave()
        else:
            link = self.tasks[message["task"]]
            self.selector.unregister(link)
            link.sendall(text)
            link.close()


if __name__ == "__main__":
    Fake().run()
