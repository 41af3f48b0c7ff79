"""--coverage and --profile."""

import json
import os
import pstats
import re
import shutil
import subprocess
import sys
import unittest

from support.mule_case import CLASS, MuleCase


def python_with_coverage():
    for python in (sys.executable, shutil.which("python3"),
                   "/usr/bin/python3"):
        if python and os.path.exists(python) and subprocess.run(
                [python, "-c", "import coverage"],
                stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None


PYTHON = python_with_coverage()
SHOP = {
    "shop/__init__.py": "",
    "shop/cart.py": """
        def add(cart, item):
            if item is None:
                raise ValueError("nothing to add")
            cart.append(item)
            return cart

        def clear(cart):
            for item in list(cart):
                cart.remove(item)

        def never(cart):
            return None
        """,
    "shop/money.py": """
        RATE = 2

        def convert(amount):
            if amount < 0:
                return -convert(-amount)
            return amount * RATE

        class Purse:
            def __init__(self):
                self.amount = 0

            def pay(self, amount):
                self.amount -= amount
        """,
    "tests/__init__.py": "",
    "tests/test_cart.py": """
        import unittest
        from shop import cart

        class Add(unittest.TestCase):
            def test_add(self):
                self.assertEqual(cart.add([], 1), [1])
            def test_nothing(self):
                with self.assertRaises(ValueError):
                    cart.add([], None)

        class Clear(unittest.TestCase):
            def test_clear(self):
                cart.clear([1, 2])
        """,
    "tests/test_money.py": """
        import unittest
        from shop import money

        def setUpModule():
            money.RATE = 3

        class Convert(unittest.TestCase):
            def test_convert(self):
                self.assertEqual(money.convert(2), 6)
            @unittest.skip("later")
            def test_negative(self):
                money.convert(-2)
            def test_fails(self):
                self.assertEqual(money.convert(2), 4)

        class Pay(unittest.TestCase):
            def test_pay(self):
                money.Purse().pay(3)
        """,
}


class Coverage(MuleCase):

    def setUp(self):
        super().setUp()
        if PYTHON is None:
            self.assertNotEqual(os.environ.get("CI"), "true",
                                "coverage.py is not installed")
            self.skipTest("coverage.py is not installed")
        self.suite(SHOP)

    def lines(self):
        """What .coverage says: the lines that ran, by file; branches too."""
        subprocess.run([PYTHON, "-m", "coverage", "json", "-q", "-o",
                        "report.json"], cwd=self.folder, check=True,
                       env=self.variables(), stdout=subprocess.DEVNULL)
        report = json.loads(self.read("report.json"))
        return {name: (file["executed_lines"], file["missing_lines"],
                       file.get("executed_branches"))
                for name, file in report["files"].items()}

    def lines_of_unittest(self, *args):
        subprocess.run([PYTHON, "-m", "coverage", "run", *args, "-m",
                        "unittest"], cwd=self.folder, env=self.variables(),
                       stderr=subprocess.DEVNULL)
        lines = self.lines()
        os.remove(self.path(".coverage"))
        return lines

    def test_it_is_that_of_coverage_run(self):
        wanted = self.lines_of_unittest()
        self.assertIn("shop/cart.py", wanted)
        for args in ([], ["--isolation", "worker"], ["--isolation", "test"],
                     ["--start", "spawn"], ["-j", "1"]):
            with self.subTest(args=args):
                self.mule_test("--coverage", "--python", PYTHON, *args,
                               status=1)
                self.assertEqual(self.lines(), wanted)
                self.assertEqual([name for name in os.listdir(self.folder)
                                  if name.startswith(".coverage.")], [])

    def test_a_configuration_is_obeyed(self):
        self.suite({".coveragerc": "[run]\nbranch = True\n"
                                   "source = shop\n",
                    "other.rc": "[run]\nomit = shop/money.py\n"})
        for option, args in (("--coverage", []),
                             ("--coverage=other.rc",
                              ["--rcfile", "other.rc"])):
            with self.subTest(option=option):
                wanted = self.lines_of_unittest(*args)
                self.mule_test(option, "--python", PYTHON, status=1)
                self.assertEqual(self.lines(), wanted)

    def test_a_crash_costs_the_coverage_of_its_process_only(self):
        self.suite({"tests/test_crash.py": CLASS + """
    def test_a(self): os.abort()
"""})
        self.mule_test("--coverage", "--python", PYTHON, status=1)
        self.assertIn("shop/cart.py", self.lines())

    def test_children_of_tests_do_no_harm(self):
        self.suite({"tests/test_fork.py": CLASS + """
    def test_a(self):
        import subprocess
        subprocess.run(["true"])
        if os.fork() == 0:
            os._exit(0)
        os.wait()
"""})
        wanted = self.lines_of_unittest()
        self.mule_test("--coverage", "--python", PYTHON, status=1)
        self.assertEqual(self.lines(), wanted)

    def test_a_python_without_it_is_told_so(self):
        self.suite({"coverage.py": "raise ImportError('none here')\n"})
        result = self.mule_test("--coverage", "--python", PYTHON, status=3,
                                env={"PYTHONPATH": self.folder})
        self.assertIn("coverage", result.err)


class Profile(MuleCase):

    def test_the_hottest_functions_are_named(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): burn(200000)
    def test_b(self): burn(100000)
def burn(count):
    while count:
        count -= 1
"""})
        for args in ([], ["--isolation", "worker"]):
            with self.subTest(args=args):
                result = self.mule_test("--profile", *args)
                lines = [line for line in result.out.splitlines()
                         if re.search(r"test_it\.py:\d+ burn", line)]
                self.assertEqual(len(lines), 1, result.out)
                self.assertRegex(lines[0], r"\b2  ")
                self.assertNotIn("mule/suite.py", result.out)

    def test_the_data_of_each_job_is_kept_until_the_next_run(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self): pass\n"
                                          "class U(T): pass\n",
                    "mule-profile/old.1.1.prof": "of an earlier run"})
        self.mule_test("--profile")
        names = sorted(os.listdir(self.path("mule-profile")))
        self.assertRegex(" ".join(names), r"^test_it\.T\.\d+\.1\.prof "
                                          r"test_it\.U\.\d+\.1\.prof$")
        for name in names:
            stats = pstats.Stats(self.path("mule-profile", name))
            self.assertTrue(any(function[2] == "test_a"
                                for function in stats.stats))

    def test_a_folder_that_cannot_be_made_is_known_before_tests_run(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self):"
                                          " open('ran', 'w')\n",
                    "mule-profile": "a file"})
        result = self.mule_test("--profile", status=3)
        self.assertIn("mule-profile", result.err)
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_a_crash_does_not_spoil_it(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): os.abort()
""", "test_other.py": CLASS + "    def test_b(self): helper()\n"
                              "def helper(): sum(i for i in range(99999))\n"})
        result = self.mule_test("--profile", status=1)
        self.assertRegex(result.out, r"test_other\.py:\d+ <genexpr>")
