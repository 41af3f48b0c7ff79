"""In which order jobs run: how near it comes to what no order can beat."""

import heapq
import json
import os
import shutil

import inputs
import measure

CLASSES = 300
SLOTS = (2, 4, 8)


def listed(seconds, slots):
    """When the last job ends if whoever is free takes the next of the list
    (Graham 1966)."""
    free = [0.0] * slots
    for each in seconds:
        heapq.heappush(free, heapq.heappop(free) + each)
    return max(free)


class Suite:
    """Classes that sleep, and what runs them."""

    def __init__(self, bench):
        total, longest = (12, 1.5) if bench.quick else (120, 15)
        self.bench = bench
        self.seconds = inputs.lognormal(CLASSES, total, longest)
        self.folder = inputs.lengths(bench.inputs, self.seconds)
        bench.compile(self.folder)

    def bound(self, slots):
        return max(sum(self.seconds) / slots, max(self.seconds))

    def mule(self, slots, store, *words):
        argv = [self.bench.binary, "test", "--python", self.bench.python,
                "-j", str(slots), *words, "pkg"]
        argv[2:2] = ["--store", store] if store else ["--no-store"]
        return measure.run(argv, self.bench.log("order"), self.folder,
                           expect=f"{CLASSES} selected = {CLASSES} passed",
                           ).wall

    def xdist(self, slots):
        python = self.bench.peers.python_module("xdist")
        return python and measure.run(
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n",
             str(slots), "pkg"], self.bench.log("order-xdist"), self.folder,
            expect=f"{CLASSES} passed").wall

    def stestr(self, slots):
        program = self.bench.peers.find("stestr")
        return program and measure.run(
            [program, "run", "--concurrency", str(slots)],
            self.bench.log("order-stestr"), self.folder,
            expect=f"Passed: {CLASSES}", env=dict(
                measure.environment(), **self.bench.peers.env())).wall


def order(bench):
    """300 classes of lognormal length, wall time over what bounds it."""
    suite = Suite(bench)
    store = os.path.join(bench.inputs, "order-store")
    lines = []

    def add(what, wall, bound, target=None):
        if wall is None:
            return
        lines.append({"what": what, "unit": "x", "median": wall / bound,
                      "seconds": wall})
        if target:
            lines[-1]["target"] = target

    shutil.rmtree(os.path.join(suite.folder, ".stestr"), ignore_errors=True)
    if bench.peers.find("stestr"):
        suite.stestr(max(SLOTS))  # what it learns from
    for slots in SLOTS:
        bound = suite.bound(slots)
        shutil.rmtree(store, ignore_errors=True)
        add(f"{slots} slots: mule, second run", (
            suite.mule(slots, store), suite.mule(slots, store))[1], bound,
            1.03)
        add(f"{slots} slots: mule, first run, with `expect`", suite.mule(
            slots, None, "--config", "hints.yaml"), bound, 1.03)
        add(f"{slots} slots: mule, first run, over list scheduling",
            suite.mule(slots, None), listed(suite.seconds, slots), 1.03)
        add(f"{slots} slots: stestr with history", suite.stestr(slots), bound)
        add(f"{slots} slots: pytest-xdist", suite.xdist(slots), bound)
    return lines


def simulate(bench):
    """10,000 slots and 1,000,000 jobs in virtual time."""
    slots, jobs = (1000, 100000) if bench.quick else (10000, 1000000)
    lines = []
    for what, words in (
            ("lognormal", ["lognormal:sum=1000000s,max=100s"]),
            ("lognormal, two shared resources", [
                "lognormal:sum=1000000s,max=100s", "--shared", "500:5%",
                "--shared", "100:1%"])):
        log = bench.log("simulate")
        measure.run([bench.binary, "simulate", "--json", "--slots",
                     str(slots), "--jobs", str(jobs), "--distribution",
                     *words], log)
        with open(log) as file:
            found = json.load(file)
        lines += [
            {"what": f"{what}: a decision", "unit": "us",
             "median": found["decision_us"], "target": 3},
            {"what": f"{what}: lining up a job", "unit": "us",
             "median": found["line_up_us"]},
            {"what": f"{what}: memory of a job", "unit": "bytes",
             "median": found["bytes"] / jobs, "target": 250},
            {"what": f"{what}: makespan over the bound", "unit": "x",
             "median": found["ratio"]}]
    return lines
