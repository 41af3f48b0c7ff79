"""A way to a broker that a test can cut.

    with Proxy(broker.port) as proxy:
        url = proxy.url(broker.url)
        proxy.cut()       # connections hang: nothing comes through
        proxy.restore()   # ... and goes on where it was
        proxy.drop()      # connections are closed; new ones are refused
        proxy.restore()

One thread carries the bytes of all connections.
"""

import contextlib
import os
import selectors
import socket
import threading

CHUNK = 1 << 16


class Proxy:

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.wake_end, self.own_end = os.pipe()
        self.commands = []
        self.lock = threading.Lock()
        self.pairs = {}  # socket -> the other one
        self.listening = True
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.wake_end, selectors.EVENT_READ)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self._tell("end")
        self.thread.join(10)
        self.listener.close()
        os.close(self.wake_end)
        os.close(self.own_end)

    def url(self, url):
        return url.replace(f":{self.target}/", f":{self.port}/")

    def cut(self):
        """Nothing comes through any more; no connection ends."""
        self._tell("cut")

    def drop(self):
        """All connections are closed, and new ones too, at once."""
        self._tell("drop")

    def restore(self):
        self._tell("restore")

    def _tell(self, word):
        done = threading.Event()
        with self.lock:
            self.commands.append((word, done))
        os.write(self.own_end, b"!")
        if not done.wait(10):
            raise TimeoutError(f"the proxy does not {word}")

    # ------------------------------------------------------- in the thread

    def _run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.wake_end:
                    os.read(self.wake_end, 64)
                    if self._obey():
                        return
                    break
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj in self.pairs:
                    self._carry(key.fileobj)

    def _obey(self):
        with self.lock:
            commands, self.commands = self.commands, []
        for word, done in commands:
            if word == "cut":
                self._hold()
            elif word == "restore":
                self._go_on()
            else:
                self._close_all()
                self.refusing = word == "drop"
            done.set()
        return any(word == "end" for word, _ in commands)

    refusing = False
    held = False

    def _hold(self):
        self.held = True
        for one in [self.listener, *self.pairs]:
            with contextlib.suppress(KeyError):
                self.selector.unregister(one)

    def _go_on(self):
        self.refusing = False
        if self.held:
            self.held = False
            for one in [self.listener, *self.pairs]:
                self.selector.register(one, selectors.EVENT_READ)

    def _close_all(self):
        for one in list(self.pairs):
            self._close(one)

    def _close(self, one):
        other = self.pairs.pop(one, None)
        if other is None:
            return  # it was closed with the other one
        del self.pairs[other]
        for end in (one, other):
            with contextlib.suppress(KeyError):
                self.selector.unregister(end)
            end.close()

    def _accept(self):
        near, _ = self.listener.accept()
        if self.refusing:
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def _carry(self, one):
        try:
            data = one.recv(CHUNK)
            if data:
                self.pairs[one].sendall(data)
                return
        except OSError:
            pass
        self._close(one)
