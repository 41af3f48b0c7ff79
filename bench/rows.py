"""What is compared with what: one function for each row of the table."""

import json
import os
import re
import shutil
import time

import inputs
import measure

MIB = 1024


class Contender:
    """One command of a row.

    `part` is "limit", "peer" or "mule"; `slow` ones run in one round only.
    """

    def __init__(self, name, part, argv, cwd=None, stdin=None, expect=None,
                 slow=False, env=None):
        self.name = name
        self.part = part
        self.argv = argv
        self.cwd = cwd
        self.stdin = stdin
        self.expect = expect
        self.slow = slow
        self.env = env
        self.samples = []


class Row:
    """Contenders in turn. `target` compares `subject` with `against`."""

    def __init__(self, name, title, count, contenders, subject=None,
                 against=None, target=None):
        self.name = name
        self.title = title
        self.count = count
        self.contenders = [one for one in contenders if one.argv]
        self.subject = subject
        self.against = against
        self.target = target


def ledger(count):
    return f"{count} selected = {count} passed"


def spawn(bench):
    """One process for each of many jobs.

    None gets an argument: with one, true looks into the locale, which takes
    as long as all the rest of it.
    """
    count = 500 if bench.quick else 5000
    true = "/bin/true"
    folder = inputs.commands(bench.inputs, count, true)
    names = inputs.names(bench.inputs, count)
    loop, jobs = bench.limit("spawn"), str(bench.slots)
    find = bench.peers.find
    meson = find("meson")
    built = os.path.join(folder, "build")
    if meson and not os.path.isdir(built):
        measure.run([meson, "setup", built, folder], bench.log("meson-setup"))

    def peer(name, *arguments, stdin=None, slow=False):
        path = find(name)
        return Contender(name, "peer", path and [path, *arguments], folder,
                         stdin, slow=slow)

    return Row("spawn", f"{count:,} x {true}, a process each", count, [
        Contender(f"bare loop, {jobs} spawners", "limit",
                  [loop, "-n", str(count), "-s", jobs, true]),
        Contender("bare loop, one spawner", "limit",
                  [loop, "-n", str(count), "-s", "1", "-i", jobs, true]),
        Contender("mule", "mule",
                  bench.mule("--runner", true, "--jobs-from",
                             names), expect=ledger(count)),
        peer("make", "-s", "-j", jobs, "all"),
        peer("xargs", "-P", jobs, "-I", "{}", true, stdin=names),
        peer("ninja", "-j", jobs),
        peer("ctest", "-j", jobs, "-Q", slow=True),
        peer("parallel", "-j", jobs, "-n0", "-a", names, true,
             slow=True),
        Contender("meson test", "peer",
                  meson and [meson, "test", "-C", built, "--no-rebuild",
                             "--num-processes", jobs, "-q"], slow=True),
    ], "mule", f"bare loop, {jobs} spawners", 1.15)


def tap(bench):
    """TAP programs, one point each."""
    count = 500 if bench.quick else 5000
    ok, jobs = bench.limit("ok"), str(bench.slots)
    folder = inputs.tap_programs(bench.inputs, count, ok)
    prove = bench.peers.find("prove")
    programs = sorted(name for name in os.listdir(folder)
                      if name.endswith(".t"))
    return Row("tap", f"{count:,} TAP programs of one point", count, [
        Contender(f"bare loop, {jobs} spawners", "limit",
                  [bench.limit("spawn"), "-n", str(count), "-s", jobs, ok]),
        Contender("mule", "mule", bench.mule("--tap", *programs), folder,
                  expect=f"{count} passed"),
        Contender("prove", "peer", prove and
                  [prove, "-Q", "-j", jobs, "-e", "", "."], folder,
                  slow=True),
    ], "mule", f"bare loop, {jobs} spawners")


def python_peers(bench, count, jobs):
    folder = inputs.suite(bench.inputs, count)
    pytest = bench.peers.python_module("pytest")
    xdist = bench.peers.python_module("xdist")
    stestr = bench.peers.find("stestr")
    return [
        Contender("unittest, serial", "peer",
                  [bench.python, "-m", "unittest", "discover", "-s", "pkg",
                   "-t", "."], folder, expect=f"Ran {count} tests"),
        Contender("pytest", "peer", pytest and
                  [pytest, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   "-p", "no:xdist", "pkg"], folder, slow=True,
                  expect=f"{count} passed"),
        Contender(f"pytest-xdist -n{jobs}", "peer", xdist and
                  [xdist, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   "-n", str(jobs), "pkg"], folder, slow=True,
                  expect=f"{count} passed"),
        Contender(f"stestr, {jobs} processes", "peer", stestr and
                  [stestr, "run", "--concurrency", str(jobs)], folder,
                  slow=True, expect=f"Passed: {count}",
                  env=bench.peers.env()),
    ]


def zygote(bench):
    """Many tests that do nothing, in workers that stay."""
    count, jobs = (1000 if bench.quick else 10000), bench.slots
    folder = inputs.suite(bench.inputs, count)
    bench.compile(folder)
    limit = f"bare zygote, {jobs} forks"
    return Row("zygote", f"{count:,} trivial tests, worker isolation", count, [
        Contender(limit, "limit",
                  [bench.python, bench.zygote, "-j", str(jobs), folder],
                  expect=f"{count} tests"),
        Contender("mule", "mule", bench.mule("--isolation", "worker", "pkg"),
                  folder, expect=ledger(count)),
        *python_peers(bench, count, jobs),
    ], "mule", limit, 1.5)


def fresh(bench):
    """The same, with a fork for each class."""
    count, jobs = (1000 if bench.quick else 10000), bench.slots
    folder = inputs.suite(bench.inputs, count)
    bench.compile(folder)
    classes = count // inputs.TESTS_IN_CLASS
    limit = f"bare forks, {jobs} parents"
    script = [bench.python, bench.zygote, "--fresh"]
    return Row("class", f"{count:,} trivial tests, a fork for each of "
               f"{classes:,} classes", count, [
        Contender(limit, "limit",
                  [*script, "--parents", str(jobs), folder],
                  expect=f"{count} tests"),
        Contender("bare forks, one parent", "limit",
                  [*script, "-j", str(jobs), folder],
                  expect=f"{count} tests"),
        Contender("mule", "mule", bench.mule("--isolation", "class", "pkg"),
                  folder, expect=ledger(count)),
    ], "mule", limit, 1.15)


def slope(bench):
    """Whether the thousandth test costs what the hundred-thousandth does."""
    rows = []
    for count in (1000, 10000) if bench.quick else (1000, 10000, 100000):
        folder = inputs.suite(bench.inputs, count)
        bench.compile(folder)
        contenders = [
            Contender("bare zygote", "limit",
                      [bench.python, bench.zygote, "-j", str(bench.slots),
                       folder], expect=f"{count} tests"),
            Contender("mule", "mule",
                      bench.mule("--isolation", "worker", "pkg"), folder,
                      expect=ledger(count)),
            Contender("mule, commands", "mule",
                      bench.mule("--runner", "/bin/true", "--jobs-from",
                                 inputs.names(bench.inputs, count)),
                      expect=ledger(count), slow=count > 10000),
        ]
        rows.append(Row(f"slope-{count}", f"{count:,} tests, cost of each",
                        count, contenders, "mule", "bare zygote"))
    return rows


def start_up(bench):
    """Starting the program, and running no test and one."""
    rounds = 20 if bench.quick else 100
    folder = inputs.suite(bench.inputs, inputs.TESTS_IN_CLASS)
    module = [bench.python, "-m", "unittest", "pkg.test_00000"]
    programs = {
        "empty program": ([bench.limit("empty")], None),
        "mule --version": ([bench.binary, "--version"], 8),
        "mule test, one command": (bench.mule(
            "--runner", "/bin/true", "--jobs-from",
            inputs.names(bench.inputs, 1)), None),
        "python -m unittest, one class": (module, None),
        "mule test, one class": (bench.mule("pkg.test_00000"), None),
    }
    lines = []
    for name, (argv, target) in programs.items():
        walls, peaks = starts(bench, rounds, argv, folder)
        lines.append({"what": name, "unit": "ms", "min": min(walls) / 1e3,
                      "median": measure.middle(walls) / 1e3,
                      "max": max(walls) / 1e3})
        lines.append({"what": f"{name}, peak of one process", "unit": "MiB",
                      "median": max(peaks) / MIB})
        if target:
            lines[-1]["target"] = lines[-2]["target"] = target
    return lines


def starts(bench, count, argv, folder):
    """(microseconds, KiB) of `count` runs."""
    log = bench.log("start")
    measure.run([bench.limit("start"), str(count), *argv], log, folder)
    with open(log) as file:
        found = [line.split() for line in file]
    if any(status != "0" for _, _, status in found):
        raise measure.Failed(f"{' '.join(argv)} fails")
    return ([float(wall) for wall, _, _ in found],
            [int(peak) for _, peak, _ in found])


def idle(bench):
    """CPU that mule's own processes use while tests sleep."""
    seconds = 4 if bench.quick else 12
    folder = inputs.sleepers(bench.inputs, bench.slots, seconds)
    process = measure.start(bench.mule("pkg"), bench.log("idle"), folder)
    own = [process.pid]
    try:
        time.sleep(seconds / 4)
        own += [pid for pid in measure.children(process.pid)
                if is_native(pid, bench.binary)]
        before = [measure.cpu_seconds(pid) for pid in own]
        began = time.monotonic()
        time.sleep(seconds / 2)
        after = [measure.cpu_seconds(pid) for pid in own]
        window = time.monotonic() - began
    finally:
        process.wait()
    if process.returncode != 0:
        raise measure.Failed(measure.tail(bench.log("idle")))
    used = sum(after) - sum(before)
    return [{"what": f"mule and its guardian, {len(own)} processes",
             "unit": "% of a core", "median": used / window * 100,
             "target": 2}]


def is_native(pid, binary):
    try:
        return os.path.samefile(f"/proc/{pid}/exe", binary)
    except OSError:
        return False


def record(bench):
    """A recording by itself: written, and read again, without a run."""
    program = os.path.join(os.path.dirname(bench.binary), "tests",
                           "record_bench")
    if not os.path.exists(program):
        raise measure.Failed(f"ninja -C build tests/record_bench: {program} "
                             "is not there")
    count = 100000 if bench.quick else 1000000
    file = os.path.join(bench.inputs, "record.mule")
    written, read = [], []
    for _ in range(3 if bench.quick else 5):
        measure.run([program, "-n", str(count), "-r", file],
                    bench.log("record"))
        told = json.loads(measure.tail(bench.log("record")))
        written.append(told["us_a_test"])
        read.append(told["read_us_a_test"])
    return [
        line(f"{count:,} tests recorded, CPU for each", "us", written, 5),
        line("the same, read again", "us", read, 5),
        {"what": "the file, for each test", "unit": "bytes",
         "median": told["bytes_a_test"]},
    ]


def memory(bench):
    """What the coordinator holds for many items of a made-up adapter."""
    lines = []
    sizes = [(10000, 20)] if bench.quick else [(10000, 20), (1000000, 150)]
    for count, target in sizes:
        sample = measure.run(bench.fake(count), bench.log("memory"),
                             expect=ledger(count), watch=True)
        lines.append({"what": f"{count:,} items, coordinator", "unit": "MiB",
                      "median": sample.own_rss / MIB, "target": target})
        lines.append({"what": f"{count:,} items, for each", "unit": "us",
                      "median": sample.wall / count * 1e6})
    return lines


def history(bench):
    """What the store and the recording cost, and how soon they are read.

    The CPU of mule's own process, with and without them, in turn. A made-up
    adapter, so that nothing else is large; what its tests are called is
    short, as is what they print: nothing.
    """
    count = 10000 if bench.quick else 100000
    rounds = 2 if bench.quick else 5
    folder = os.path.join(bench.inputs, "history")
    os.makedirs(folder, exist_ok=True)
    log = os.path.join(folder, "log")
    store = os.path.join(folder, "store")
    used = {"without": [], "first": [], "next": []}
    words = {"without": ["--no-store"], "first": ["--store", store],
             "next": ["--store", store, "--log", log]}
    reading = []
    for _ in range(rounds):
        shutil.rmtree(store, ignore_errors=True)
        for name, more in words.items():
            sample = measure.run([*bench.fake(count), *more],
                                 bench.log("history"), folder,
                                 expect=ledger(count))
            used[name].append(sample.own_cpu)
        with open(log) as file:
            reading += re.findall(
                r"tests known, read in (\d+) us, (\d+) us of CPU", file.read())
        os.remove(log)
    base = measure.middle(used["without"])
    each = {name: [(cpu - base) / count * 1e6 for cpu in used[name]]
            for name in ("first", "next")}
    return [
        line("a first build kept, CPU for each test", "us", each["first"], 5),
        line("a later build kept, CPU for each test", "us", each["next"], 5),
        line(f"what is known of {count:,} tests, read", "ms",
             [int(wall) / 1e3 for wall, _ in reading], 100),
        line("the same, CPU", "ms", [int(cpu) / 1e3 for _, cpu in reading],
             100),
    ]


def line(what, unit, values, target):
    return {"what": what, "unit": unit, "min": min(values),
            "median": measure.middle(values), "max": max(values),
            "target": target}
