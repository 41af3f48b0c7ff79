"""The fleet's figures: jobs that do nothing, through both brokers.

mule's workers answer each job at once (`mule worker --noop`), so that what is
measured is the way there and back: one message a job each way where `--batch
1` says so, results numbered and acknowledged, publishes confirmed.
"""

import contextlib
import json
import os
import subprocess
import sys
import time

import inputs
import measure

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests"))
from support import brokers  # noqa: E402

MIB = 1024
WINDOW = 64
SECRET = "0123456789abcdef"


def redis(bench):
    """Jobs that do nothing, through Redis, two workers."""
    return through(bench, "redis", brokers.RedisServer, 5000)


def rabbitmq(bench):
    """Jobs that do nothing, through RabbitMQ, two workers."""
    return through(bench, "amqp", brokers.RabbitServer, None)


def through(bench, kind, server, floor):
    missing = brokers.missing("redis" if kind == "redis" else "rabbitmq")
    if missing:
        raise measure.Failed(f"{missing} is not installed")
    count = 2000 if bench.quick else 20000
    rounds = 1 if bench.quick else 3
    lines = []
    with server() as broker:
        raw = bench.limit(f"{kind}_raw", "hiredis" if kind == "redis"
                          else "rabbitmq")
        for _ in range(rounds):
            collect(lines, rates(bench, raw, broker, count))
            collect(lines, round_trips(bench, raw, broker, count // 10))
    settle(lines, floor)
    return lines


def rates(bench, raw, broker, count):
    for window in (4, WINDOW):
        yield (f"raw, window {window}", "per s",
               said(bench, [raw, str(broker.port), "rate", str(count), "2",
                            str(window)]))
    yield "Celery", "per s", celery(bench, broker, "rate", count // 10)
    names = inputs.names(bench.inputs, count)
    with workers(bench, broker, 2, "-c", "1"):
        for what, words in (("mule", ()), ("mule --batch 1",
                                           ("--batch", "1"))):
            yield what, "per s", rate_of(bench, broker, count, names, *words)
    with workers(bench, broker, 2, "-c", "1", secret=SECRET):
        yield ("mule --batch 1, sealed", "per s",
               rate_of(bench, broker, count, names, "--batch", "1",
                       secret=SECRET))


def round_trips(bench, raw, broker, count):
    yield ("raw, round trip", "us",
           said(bench, [raw, str(broker.port), "round", str(count)]))
    yield ("Celery, round trip", "us",
           celery(bench, broker, "round", count // 5))
    names = inputs.names(bench.inputs, count)
    config = os.path.join(bench.inputs, "alone.yaml")
    with open(config, "w") as file:
        file.write("overrides:\n- {match: '*', alone: true}\n")
    with workers(bench, broker, 1, "-c", "1"):
        # A job that must be alone is sent when the one before it is over.
        rate = rate_of(bench, broker, count, names, "--config", config,
                       "--batch", "1")
    yield "mule, round trip", "us", 1e6 / rate


def celery(bench, broker, mode, count):
    python = bench.peers.python_module("celery")
    if python is None:
        return None
    return said(bench, [python, os.path.join(HERE, "celery_peer.py"), mode,
                        str(count)], {"CELERY_BROKER_URL": broker.url})


def said(bench, argv, env=None):
    """The number that a program prints."""
    log = bench.log("fleet-peer")
    measure.run(argv, log, env=dict(measure.environment(), **(env or {})))
    return float(measure.tail(log).split()[0])


def environment(broker, secret=""):
    return dict(measure.environment(), MULE_BROKER=broker.url,
                MULE_SECRET=secret)


@contextlib.contextmanager
def workers(bench, broker, count, *words, secret=""):
    """Starts workers that let every item pass, and waits until they serve."""
    started = []
    try:
        for number in range(count):
            started.append(subprocess.Popen(
                [bench.binary, "worker", "--noop", "--broker", broker.url,
                 "-n", f"w{number}", "--state",
                 os.path.join(bench.logs, "state"), *words],
                env=environment(broker, secret), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=open(bench.log("fleet-worker"), "ab")))
        wait_for_workers(bench, broker, count)
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def wait_for_workers(bench, broker, count):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        done = subprocess.run(
            [bench.binary, "status", "--broker", broker.url],
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if f"{count} worker" in done.stdout:
            return
    raise measure.Failed(f"no {count} workers: {done.stdout}{done.stderr}")


def run(bench, broker, count, names, *words, secret="", watch=False):
    return measure.run(
        [bench.binary, "test", "--distributed", "--broker", broker.url,
         "--runner", ":", "--jobs-from", names, *words],
        bench.log("fleet"), expect=f"{count} selected = {count} passed",
        env=environment(broker, secret), watch=watch)


def rate_of(bench, broker, count, names, *words, secret=""):
    """From the end of the first job to that of the last: without what
    starting, joining and leaving take."""
    events = bench.log("fleet-events")
    run(bench, broker, count, names, "--json", events, *words, secret=secret)
    with open(events) as file:
        ends = [json.loads(line)["at_us"] for line in file
                if line.startswith('{"event":"job_finished"')]
    return (len(ends) - 1) / (max(ends) - min(ends)) * 1e6


def collect(lines, found):
    for what, unit, value in found:
        if value is None:
            continue
        for line in lines:
            if line["what"] == what:
                line["samples"].append(value)
                break
        else:
            lines.append({"what": what, "unit": unit, "samples": [value]})


def settle(lines, floor):
    """Medians, and the targets with the lines they belong to."""
    for line in lines:
        samples = line.pop("samples")
        line["median"] = measure.middle(samples)
        line["min"], line["max"] = min(samples), max(samples)
    of = {line["what"]: line for line in lines}
    if "Celery" in of:
        aim = 10 * of["Celery"]["median"]
        for name in ("mule", "mule --batch 1"):
            of[name]["least"] = max(aim, floor or 0)
    of["mule, round trip"]["target"] = 2 * of["raw, round trip"]["median"]


def crowd(bench):
    """Two hundred workers in one build: what the coordinator spends."""
    count, many = (5000, 20) if bench.quick else (100000, 200)
    names = inputs.names(bench.inputs, count)
    lines = []
    with brokers.RedisServer() as broker:
        with workers(bench, broker, many, "-c", "1"):
            sample = run(bench, broker, count, names, watch=True)
    lines.append({"what": f"{count:,} jobs, {many} workers, CPU a job",
                  "unit": "us", "median": (sample.user + sample.system)
                  / count * 1e6, "target": 100})
    lines.append({"what": "coordinator, peak", "unit": "MiB",
                  "median": sample.own_rss / MIB, "target": 40})
    return lines


def worker(bench):
    """A worker that waits: its memory."""
    lines = []
    for name, server in (("Redis", brokers.RedisServer),
                         ("RabbitMQ", brokers.RabbitServer)):
        with server() as broker, workers(bench, broker, 1) as started:
            lines.append({"what": f"mule worker, {name}", "unit": "MiB",
                          "median": measure.peak_rss(started[0].pid) / MIB,
                          "target": 8})
    return lines
