"""What lies in the store."""

import threading


class Stock:
    """Counts goods. Several may take at once; nobody takes what is not there."""

    def __init__(self, **counts):
        self.counts = dict(counts)
        self.lock = threading.Lock()

    def add(self, name, count=1):
        with self.lock:
            self.counts[name] = self.counts.get(name, 0) + count

    def take(self, name, count=1):
        with self.lock:
            if self.counts.get(name, 0) < count:
                raise LookupError("%s is sold out" % name)
            self.counts[name] -= count

    def left(self, name):
        return self.counts.get(name, 0)
