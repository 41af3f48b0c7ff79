"""Makes what the benchmarks run. Everything is made once and kept."""

import math
import os
import random
import shutil

TESTS_IN_CLASS = 10
CLASSES_IN_MODULE = 10


def once(folder, fill):
    """Fills a folder by `fill(folder)` unless that was done before."""
    if not os.path.isdir(folder):
        partial = folder + ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        os.makedirs(partial)
        fill(partial)
        os.rename(partial, folder)
    return folder


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def module_text(classes, body):
    lines = ["import time", "import unittest", ""]
    for number in range(classes):
        lines += ["", f"class Case{number}(unittest.TestCase):"]
        for test in range(TESTS_IN_CLASS):
            lines += [f"    def test_{test}(self):", f"        {body}", ""]
    return "\n".join(lines) + "\n"


def suite(root, tests):
    """A folder with a package `pkg` of so many tests that do nothing."""
    def fill(folder):
        package = os.path.join(folder, "pkg")
        os.mkdir(package)
        write(os.path.join(package, "__init__.py"), "")
        classes = max(1, tests // TESTS_IN_CLASS)
        modules = max(1, classes // CLASSES_IN_MODULE)
        each = classes // modules
        for number in range(modules):
            write(os.path.join(package, f"test_{number:05}.py"),
                  module_text(each, "pass"))
        write(os.path.join(folder, ".stestr.conf"),
              "[DEFAULT]\ntest_path=./pkg\ntop_dir=./\n")

    return once(os.path.join(root, f"suite-{tests}"), fill)


def sleepers(root, count, seconds):
    """A folder with a package of `count` classes of one test that sleeps."""
    def fill(folder):
        package = os.path.join(folder, "pkg")
        os.mkdir(package)
        write(os.path.join(package, "__init__.py"), "")
        for number in range(count):
            write(os.path.join(package, f"test_{number}.py"),
                  "import time\nimport unittest\n\n\n"
                  "class Sleeper(unittest.TestCase):\n"
                  "    def test_sleep(self):\n"
                  f"        time.sleep({seconds})\n")

    return once(os.path.join(root, f"sleepers-{count}-{seconds}"), fill)


def lognormal(count, total, longest, seed=1):
    """Seconds of `count` jobs that add up to `total`, the longest `longest`.

    Their logarithms are normally distributed, with the deviation at which
    the sum comes out: the more they differ, the less do all others take
    beside the longest.
    """
    source = random.Random(seed)
    normal = [source.gauss(0, 1) for _ in range(count)]
    top = max(normal)
    low, high = 0.0, 64.0
    for _ in range(60):
        sigma = (low + high) / 2
        if sum(math.exp(sigma * (z - top)) for z in normal) > total / longest:
            low = sigma
        else:
            high = sigma
    return [longest * math.exp(low * (z - top)) for z in normal]


def class_name(number):
    """Of the class with that number, as modules of `lengths` have it."""
    return (f"pkg.test_{number // CLASSES_IN_MODULE:03}"
            f".Case{number % CLASSES_IN_MODULE}")


def lengths(root, seconds):
    """A package `pkg` of classes of one test, which sleeps for so long."""
    def fill(folder):
        package = os.path.join(folder, "pkg")
        os.mkdir(package)
        write(os.path.join(package, "__init__.py"), "")
        for first in range(0, len(seconds), CLASSES_IN_MODULE):
            lines = ["import time", "import unittest", ""]
            for place, each in enumerate(
                    seconds[first:first + CLASSES_IN_MODULE]):
                lines += ["", f"class Case{place}(unittest.TestCase):",
                          "    def test_it(self):",
                          f"        time.sleep({each:.6f})", ""]
            module = f"test_{first // CLASSES_IN_MODULE:03}.py"
            write(os.path.join(package, module), "\n".join(lines) + "\n")
        write(os.path.join(folder, ".stestr.conf"),
              "[DEFAULT]\ntest_path=./pkg\ntop_dir=./\n")
        write(os.path.join(folder, "hints.yaml"), "overrides:\n" + "".join(
            f"  - {{match: {class_name(number)}, expect: {each:.3f}s}}\n"
            for number, each in enumerate(seconds)))

    return once(os.path.join(root, f"lengths-{len(seconds)}-"
                             f"{sum(seconds):.0f}"), fill)


def names(root, count):
    """A file with `count` names of jobs, one a line."""
    def fill(folder):
        write(os.path.join(folder, "names"),
              "".join(f"job{number:06}\n" for number in range(count)))

    return os.path.join(once(os.path.join(root, f"names-{count}"), fill),
                        "names")


def commands(root, count, program):
    """The same `count` commands in the words of make, ninja and others."""
    def fill(folder):
        jobs = [f"job{number:06}" for number in range(count)]
        write(os.path.join(folder, "Makefile"),
              f".PHONY: all {' '.join(jobs)}\nall: {' '.join(jobs)}\n"
              f"{' '.join(jobs)}:\n\t@{program}\n")
        write(os.path.join(folder, "build.ninja"),
              f"rule run\n  command = {program}\n"
              + "".join(f"build {job}: run\n" for job in jobs))
        write(os.path.join(folder, "CTestTestfile.cmake"),
              "".join(f"add_test({job} \"{program}\")\n" for job in jobs))
        write(os.path.join(folder, "meson.build"),
              "project('bench', meson_version: '>=0.60')\n"
              f"program = find_program('{program}')\n"
              "foreach i : range(" + str(count) + ")\n"
              "  test('job@0@'.format(i), program)\nendforeach\n")

    return once(os.path.join(root, f"commands-{count}"), fill)


def tap_programs(root, count, program):
    """A folder of `count` TAP programs: links to one that passes."""
    def fill(folder):
        for number in range(count):
            os.link(program, os.path.join(folder, f"{number:06}.t"))

    return once(os.path.join(root, f"tap-{count}"), fill)
