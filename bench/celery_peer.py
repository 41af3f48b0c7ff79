"""Celery itself on tasks that do nothing: what a fleet is measured beside.

usage: celery_peer.py rate|round COUNT

The broker is in CELERY_BROKER_URL. Starts a worker with two processes, sends
COUNT tasks and waits for their results, all at once or one after another;
prints tasks per second, or the median of a round trip in microseconds.
"""

import os
import signal
import statistics
import subprocess
import sys
import time

import celery

BROKER = os.environ["CELERY_BROKER_URL"]
app = celery.Celery(
    "celery_peer", broker=BROKER,
    backend=BROKER if BROKER.startswith("redis") else "rpc://")
app.conf.update(task_acks_late=True, task_default_queue="celery-peer",
                worker_prefetch_multiplier=4)


@app.task
def nothing():
    return None


def rate(count):
    began = time.monotonic()
    results = [nothing.delay() for _ in range(count)]
    for result in results:
        result.get(timeout=300)
    return "%.0f per second" % (count / (time.monotonic() - began))


def round_trips(count):
    times = []
    for _ in range(count):
        began = time.monotonic()
        nothing.delay().get(timeout=60, interval=0.0005)
        times.append(time.monotonic() - began)
    return "%.0f us" % (statistics.median(times) * 1e6)


def main():
    mode, count = sys.argv[1], int(sys.argv[2])
    here = os.path.dirname(os.path.abspath(__file__))
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_peer", "worker", "-c",
         "2", "--loglevel", "ERROR"], cwd=here, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        nothing.delay().get(timeout=60)
        print(rate(count) if mode == "rate" else round_trips(count))
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)


if __name__ == "__main__":
    main()
