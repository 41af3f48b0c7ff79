"""Scripts that speak mule, and `python -m mule`."""

import json
import os
import stat
import subprocess
import sys
import tempfile
import textwrap
import unittest
import unittest.mock

try:
    from driver import PATIENCE, ROOT
except ImportError:
    from .driver import PATIENCE, ROOT

PYTHON = os.path.join(ROOT, "python")


def run(*command, **kwargs):
    environ = dict(os.environ, PYTHONPATH=PYTHON, **kwargs.pop("env", {}))
    return subprocess.run(command, stdout=subprocess.PIPE, env=environ,
                          stderr=subprocess.PIPE, timeout=PATIENCE, **kwargs)


class JSONTestRunner(unittest.TestCase):

    def script(self, body, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "script.py")
            with open(path, "w") as file:
                file.write("import os, sys, unittest\n"
                           "from mule.runners import JSONTestRunner\n"
                           + textwrap.dedent(body)
                           + "\nunittest.main(testRunner=JSONTestRunner)\n")
            self.done = run(sys.executable, path, *arguments)
        lines = self.done.stdout.decode().splitlines()
        self.text = [x for x in lines if not x.startswith('{"mule":')]
        return [json.loads(x) for x in lines if x.startswith('{"mule":')]

    def test_each_item_is_a_line(self):
        lines = self.script("""
            class A(unittest.TestCase):
                def test_1(self):
                    pass
                def test_2(self):
                    self.fail("so")
                @unittest.skip("why")
                def test_3(self):
                    pass
                def test_4(self):
                    with self.subTest(i=1):
                        self.fail()
                    with self.subTest(i=2):
                        raise OSError
            class B(unittest.TestCase):
                @classmethod
                def setUpClass(cls):
                    raise OSError("down")
                def test_1(self):
                    pass
            """)
        self.assertEqual(self.text, [])
        self.assertEqual(self.done.returncode, 1)
        self.assertEqual(lines[0], {"mule": "1.0", "msg": "plan", "items": [
            "__main__.A.test_1", "__main__.A.test_2", "__main__.A.test_3",
            "__main__.A.test_4", "__main__.B.test_1"]})
        self.assertEqual(lines[-1], {"mule": "1.0", "msg": "end", "tests": 6})
        self.assertEqual([(x["id"], x["state"]) for x in lines[1:-1]], [
            ("__main__.A.test_1", "passed"), ("__main__.A.test_2", "failed"),
            ("__main__.A.test_3", "skipped"), ("__main__.A.test_4", "error"),
            ("setUpClass (__main__.B)", "error"),
            ("__main__.B.test_1", "not run")])
        self.assertEqual(lines[2]["findings"][0]["message"], "so")
        self.assertEqual(len(lines[4]["findings"]), 2)
        self.assertEqual(lines[3]["reason"], "why")

    def test_lines_begin_where_a_line_begins(self):
        lines = self.script("""
            class A(unittest.TestCase):
                def test_1(self):
                    print("no end", end="")
                def test_2(self):
                    print("an end")
            """)
        self.assertEqual(self.text, ["no end", "an end"])
        self.assertEqual([x["msg"] for x in lines],
                         ["plan", "finished", "finished", "end"])
        self.assertEqual(self.done.returncode, 0)

    def test_an_interrupted_run_has_no_end(self):
        lines = self.script("""
            class A(unittest.TestCase):
                def test_1(self):
                    raise KeyboardInterrupt
                def test_2(self):
                    pass
            """)
        self.assertEqual([(x["msg"], x.get("state")) for x in lines], [
            ("plan", None), ("finished", "error"), ("finished", "not run")])
        self.assertNotEqual(self.done.returncode, 0)

    def test_the_same_id_twice_is_two_items(self):
        lines = self.script("""
            class A(unittest.TestCase):
                def test_1(self):
                    pass
            """, "A", "A")
        ids = ["__main__.A.test_1", "__main__.A.test_1#2"]
        self.assertEqual(lines[0]["items"], ids)
        self.assertEqual([x["id"] for x in lines[1:-1]], ids)

    def test_failfast_and_buffer_do_what_they_do(self):
        lines = self.script("""
            class A(unittest.TestCase):
                def test_1(self):
                    print("held back")
                    self.fail()
                def test_2(self):
                    pass
            """, "--failfast", "--buffer")
        self.assertEqual([x.get("state") for x in lines],
                         [None, "failed", "not run", None])
        self.assertIn("held back", lines[1]["findings"][0]["trace"])


class Program(unittest.TestCase):

    def setUp(self):
        # Where the suite's own program is must not matter here.
        patch = unittest.mock.patch.dict(os.environ)
        patch.start()
        self.addCleanup(patch.stop)
        os.environ.pop("MULE_BINARY", None)

    def test_python_m_mule_becomes_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            tool = os.path.join(folder, "mule")
            os.symlink("/bin/echo", tool)
            done = run(sys.executable, "-m", "mule", "a", "b",
                       env={"MULE_BINARY": tool})
            self.assertEqual(done.stdout, b"a b\n")

    def test_a_script_of_that_name_is_not_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "mule")
            with open(script, "w") as file:
                file.write("#!/bin/sh\necho never\n")
            os.chmod(script, stat.S_IRWXU)
            code = "import sys; from mule import binary; " \
                   "print(binary.is_native(%r), binary.is_native(%r))"
            done = run(sys.executable, "-c", code % (script, "/bin/sh"))
            self.assertEqual(done.stdout, b"False True\n")

    def test_importing_mule_imports_nothing_else(self):
        done = run(sys.executable, "-c", "import sys; a = set(sys.modules); "
                   "import mule; print(set(sys.modules) - a)")
        self.assertEqual(done.stdout, b"{'mule'}\n")


if __name__ == "__main__":
    unittest.main()
