"""A machine that is narrow, full or shared with another mule."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

from support.mule_case import BINARY, CLASS, ROOT, MuleCase, is_sanitized

PASSING = {"test_it.py": CLASS + "    def test_a(self): pass\n"
                                 "    def test_b(self): self.fail()\n"}
FAKE = os.path.join(ROOT, "tests", "support", "fake_adapter.py")


STRANGER = 54321  # a user that nobody is


def become(user, processes=None):
    """In a child: another user, who may have that many processes."""
    os.setgroups([])
    os.setresgid(user, user, user)
    if processes is not None:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    os.setresuid(user, user, user)


class Folders(MuleCase):

    def test_a_very_long_TMPDIR_is_no_hindrance(self):
        deep = self.tmp
        for _ in range(12):
            deep = os.path.join(deep, "d" * 100)
        os.makedirs(deep)
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import tempfile
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
"""})
        for args in ([], ["--start", "spawn"], ["--runner", "true"]):
            with self.subTest(args=args):
                result = self.mule_test(*args, env={"TMPDIR": deep})
                self.assertEqual(result.count("passed"), 1)
        self.assertEqual(os.listdir(deep), [])
        os.removedirs(deep)
        os.makedirs(self.tmp, exist_ok=True)

    def test_a_TMPDIR_that_is_not_there_is_named(self):
        self.suite(PASSING)
        result = self.mule("test", env={"TMPDIR": "/no/such/folder"})
        if result.status == 3:
            self.assertSays(result.err, "TMPDIR")
        else:
            self.assertEqual(result.status, 1)

    def test_a_TMPDIR_of_strange_signs_is_no_hindrance(self):
        self.suite(PASSING)
        strange = os.path.join(self.tmp, "a b'\"$(x)\u00e4\n")
        os.mkdir(strange)
        result = self.mule_test(env={"TMPDIR": strange}, status=1)
        self.assertEqual(result.count("passed"), 1)
        os.rmdir(strange)

    def test_a_folder_of_strange_signs_is_no_hindrance(self):
        name = "sub dir's \u00e4 $x"
        self.suite({f"{name}/test_it.py": PASSING["test_it.py"]})
        result = self.mule_test(cwd=self.path(name), status=1)
        self.assertEqual(len(result.states), 2)

    def test_a_folder_that_may_not_be_written_is_no_hindrance(self):
        self.suite(PASSING)
        os.chmod(self.folder, 0o555)
        try:
            result = self.mule_test(status=1)
        finally:
            os.chmod(self.folder, 0o755)
        self.assertEqual(len(result.states), 2)


class TwoAtOnce(MuleCase):

    def test_two_mules_in_one_folder_do_not_meet(self):
        """Each has a test that waits until both runs have come to it."""
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import time
        open(os.environ["WHO"], "w").close()
        deadline = time.monotonic() + 60
        while not (os.path.exists("one") and os.path.exists("two")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        print(os.environ["WHO"], os.environ["TMPDIR"])
"""})
        programs = [self.start("test", "--json", f"{who}.json", "--xunit",
                               "--xunit-output", f"{who}.xml",
                               env={"WHO": who}) for who in ("one", "two")]
        results = [self.result_of(program, self.path(f"{who}.json"))
                   for program, who in zip(programs, ("one", "two"))]
        said = [result.output_of("test_it.T.test_a").split()
                for result in results]
        self.assertEqual([who for who, _ in said], ["one", "two"])
        self.assertNotEqual(said[0][1], said[1][1])
        builds = {result.all("run_started")[0]["build"]
                  for result in results}
        self.assertEqual(len(builds), 2)

    def test_reports_of_both_to_one_file_leave_one_whole(self):
        self.suite(PASSING)
        programs = [self.start("test", "--xunit", "--xunit-output", "x.xml")
                    for _ in range(3)]
        for program in programs:
            self.assertEqual(program.wait(), 1, program.describe())
        self.assertEqual(len(list(self.xml("x.xml").iter("testcase"))), 2)

    def test_mule_inside_mule_is_a_test_like_any_other(self):
        self.suite({
            "test_outer.py": CLASS + """
    def test_a(self):
        import subprocess
        ended = subprocess.run([os.environ["BINARY"], "test", "-s", "inner"])
        self.assertEqual(ended.returncode, 1)
    def test_b(self): pass
""",
            "inner/test_inner.py": CLASS + """
    def test_a(self): os.abort()
    def test_b(self): pass
"""})
        for args in ([], ["--isolation", "worker"]):
            with self.subTest(args=args):
                result = self.mule_test("test_outer.py", *args,
                                        env={"BINARY": BINARY})
                self.assertEqual(result.count("passed"), 2)
                self.assertIn(
                    "2 selected = 1 passed + 0 failed + 1 crashed",
                    result.output_of("test_outer.T.test_a"))
                self.assertEqual(result.tally["leaks"], 0)


class Narrow(MuleCase):

    def limited(self, kind, value):
        return lambda: resource.setrlimit(kind, (value, value))

    def test_few_descriptors_are_enough_or_named(self):
        self.suite({f"test_{i}.py": CLASS + "    def test_a(self): pass\n"
                    for i in range(20)})
        for count in (256, 64, 40, 24, 16, 12):
            with self.subTest(count=count):
                result = self.mule_test(
                    "-j", "4", status=None, check=False,
                    limits=self.limited(resource.RLIMIT_NOFILE, count))
                if result.status == 0:
                    self.assertEqual(result.count("passed"), 20)
                else:
                    self.assertEqual(result.status, 3, result.text)
                    self.assertRegex(result.err, "(?m)^mule: error: ")
        with self.subTest(count=64, slots=2):
            self.assertEqual(self.mule_test(
                "-j", "2", limits=self.limited(resource.RLIMIT_NOFILE,
                                               64)).count("passed"), 20)

    def test_many_slots_with_few_descriptors_name_the_limit(self):
        self.suite(PASSING)
        result = self.mule_test(
            "-j", "200", status=None, check=False,
            limits=self.limited(resource.RLIMIT_NOFILE, 64))
        if result.status != 1:
            self.assertEqual(result.status, 3, result.text)
            self.assertRegex(result.err, r"(?i)descriptor|open files")

    def test_a_limit_on_the_size_of_files_costs_output_only(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        os.write(1, b"x" * 100000)
    def test_b(self): pass
"""})
        result = self.mule_test(
            status=None,
            limits=self.limited(resource.RLIMIT_FSIZE, 1 << 20))
        self.assertEqual(result.states["test_it.T.test_b"], "passed")

    @unittest.skipUnless(os.geteuid() == 0,
                         "only root can become a user without processes")
    def test_few_processes_are_told_of(self):
        self.suite(PASSING)
        place = self.open_to_all()
        python = self.python_for(STRANGER)
        told = 0
        for count in (1, 2, 3, 4, 5, 6, 9):
            with self.subTest(count=count):
                program = self.start(
                    "test", "-j", "2", "--python", python,
                    binary=os.path.join(place, "build", "mule"),
                    cwd=os.path.join(place, "suite"),
                    env={"TMPDIR": os.path.join(place, "tmp"),
                         # It looks for leaks in a process of its own.
                         "ASAN_OPTIONS": "detect_leaks=0"},
                    limits=lambda: become(STRANGER, count))
                status = program.wait()
                self.assertIn(status, (1, 3), program.describe())
                self.assertEqual(os.listdir(os.path.join(place, "tmp")), [])
                if status == 3:
                    told += 1
                    self.assertRegex(program.err, rb"(?m)^mule: error: ")
                    self.assertRegex(program.err, rb"(?i)process|fork")
                else:
                    self.assertIn(b"2 selected = ", program.out)
        self.assertGreater(told, 0)

    def open_to_all(self):
        """A folder that any user may read, with mule and the suite in it.

        TMPDIR may lie in a folder that only its owner enters.
        """
        place = tempfile.mkdtemp(prefix="mc-", dir="/tmp")
        self.addCleanup(shutil.rmtree, place)
        os.chmod(place, 0o755)
        for folder in ("python", "build", "tmp"):
            os.mkdir(os.path.join(place, folder))
        shutil.copytree(os.path.join(ROOT, "python", "mule"),
                        os.path.join(place, "python", "mule"))
        shutil.copy(BINARY, os.path.join(place, "build"))
        shutil.copytree(self.folder, os.path.join(place, "suite"))
        os.chmod(os.path.join(place, "tmp"), 0o777)
        return place

    def python_for(self, user):
        for python in (sys.executable, "/usr/bin/python3"):
            try:
                subprocess.run([python, "-c", "import unittest"], cwd="/",
                               check=True, preexec_fn=lambda: become(user),
                               stderr=subprocess.DEVNULL)
                return python
            except (OSError, subprocess.SubprocessError):
                continue
        self.skipTest("no Python that other users may run")


class Full(MuleCase):
    """No room on the disk."""

    def disk(self, kib):
        """A folder on a file system of its own; skips where none may be."""
        place = os.path.join(self.home, "disk")
        os.mkdir(place)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k",
                           "tmpfs", place],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("a file system can only be mounted by root")
        self.addCleanup(subprocess.run, ["umount", "-l", place])
        return place

    def fill(self, place):
        number = os.open(os.path.join(place, "filler"),
                         os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while True:
                os.write(number, b"x" * 4096)
        os.close(number)

    def noisy(self):
        self.suite({"test_it.py": CLASS + "".join(
            f"    def test_{i:02}(self):\n        print('x' * 10000)\n"
            f"        self.fail('y' * 10000)\n" for i in range(40))})

    def test_a_report_that_does_not_fit_is_told_and_no_success(self):
        self.noisy()
        disk = self.disk(200)
        old = os.path.join(disk, "all.xml")
        with open(old, "w") as file:
            file.write("<testsuites/>")
        for args in (["--xunit", "--xunit-output", old],
                     ["--json", os.path.join(disk, "events")]):
            with self.subTest(args=args):
                program = self.start("test", *args)
                status = program.wait()
                self.assertEqual(status, 1, program.describe())
                self.assertIn("40 selected = 0 passed + 40 failed",
                              program.out.decode())
                self.assertRegex(program.out + program.err,
                                 rb"(?i)no space left")
        with open(old) as file:
            self.assertEqual(file.read(), "<testsuites/>")
        self.assertEqual(sorted(os.listdir(disk)), ["all.xml", "events"])

    def test_a_green_run_without_its_report_is_not_green(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self): pass\n"})
        disk = self.disk(64)
        self.fill(disk)
        for args in (["--xunit", "--xunit-output",
                      os.path.join(disk, "all.xml")],
                     ["--json", os.path.join(disk, "events")]):
            with self.subTest(args=args):
                program = self.start("test", *args)
                self.assertEqual(program.wait(), 3, program.describe())
                self.assertRegex(program.out + program.err,
                                 rb"(?i)no space left")

    def test_events_to_a_full_device_are_told_of(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self): pass\n"})
        program = self.start("test", "--json", "/dev/full")
        self.assertEqual(program.wait(), 3, program.describe())
        self.assertRegex(program.out + program.err, rb"(?i)no space left")

    def test_a_full_TMPDIR_is_told_of(self):
        self.suite(PASSING)
        disk = self.disk(64)
        self.fill(disk)
        program = self.start("test", env={"TMPDIR": disk})
        status = program.wait()
        self.assertIn(status, (1, 3), program.describe())
        self.assertEqual(os.listdir(disk), ["filler"])

    def test_tests_that_fill_the_disk_with_output_cost_themselves(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        os.write(1, b"x" * 100000)
    def test_b(self):
        while True:
            os.write(1, b"x" * 100000)
class U(unittest.TestCase):
    def test_c(self): pass
"""})
        disk = self.disk(1024)
        result = self.mule_test("-j", "1", "--output-limit", "500K",
                                env={"TMPDIR": disk}, status=1)
        self.assertEqual(result.states["test_it.T.test_a"], "passed")
        self.assertEqual(result.states["test_it.T.test_b"], "error")
        self.assertEqual(result.states["test_it.U.test_c"], "passed")


class Size(MuleCase):

    @unittest.skipIf(is_sanitized(), "the sanitizer needs memory of its own")
    def test_a_hundred_thousand_tests_need_little_memory(self):
        program = self.start(
            "test", "--adapter", f"{sys.executable} {FAKE} --items 100000",
            "-q", "--isolation", "worker")
        peak = 0
        while not program.has_ended():
            program.pump(0.05)
            peak = max(peak, self.memory_of(program.pid))
        self.assertEqual(program.wait(), 0, program.describe())
        self.assertIn("100000 selected = 100000 passed",
                      program.out.decode())
        self.assertGreater(peak, 1000)
        self.assertLess(peak, 60 * 1024)

    @staticmethod
    def memory_of(pid):
        try:
            with open(f"/proc/{pid}/status") as file:
                for line in file:
                    if line.startswith("VmHWM:"):
                        return int(line.split()[1])
        except OSError:
            pass
        return 0
