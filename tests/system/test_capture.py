"""What tests print: whose it is, and that nothing of it does any harm."""

import json
import os
import resource

from support.mule_case import CLASS, MuleCase, is_sanitized


class Capture(MuleCase):

    def one(self, body, *args, before="", status=0, **more):
        """Runs one test with that body; gives its event and the result."""
        self.suite({"test_it.py": before + CLASS + "    def test_a(self):\n"
                    + "".join(f"        {line}\n"
                              for line in body.strip().splitlines())})
        result = self.mule_test(*args, status=status, **more)
        return result.finished["test_it.T.test_a"], result

    def test_output_belongs_to_its_test(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): print("from a")
    def test_b(self): print("from b", file=sys.stderr)
    def test_c(self): pass
    def test_d(self):
        print("from d")
        print("and more", file=sys.stderr)
"""})
        result = self.mule_test()
        self.assertEqual(
            [(result.output_of(f"test_it.T.test_{name}"),
              result.output_of(f"test_it.T.test_{name}", "err"))
             for name in "abcd"],
            [("from a\n", ""), ("", "from b\n"), ("", ""),
             ("from d\n", "and more\n")])

    def test_output_of_setup_and_teardown_belongs_to_the_test(self):
        self.suite({"test_it.py": CLASS + """
    def setUp(self): print("up")
    def tearDown(self): print("down")
    def test_a(self): print("in between")
"""})
        result = self.mule_test()
        self.assertEqual(result.output_of("test_it.T.test_a"),
                         "up\nin between\ndown\n")

    def test_output_of_c_code_is_caught(self):
        event, _ = self.one("import ctypes\n"
                            "libc = ctypes.CDLL(None)\n"
                            "libc.printf(b'from %s\\n', b'C')\n"
                            "libc.write(2, b'direct\\n', 7)")
        self.assertEqual(event["out"]["head"], "from C\n")
        self.assertEqual(event["err"]["head"], "direct\n")

    def test_output_of_c_code_belongs_to_its_test(self):
        self.suite({"test_it.py": "import ctypes\n"
                                  "libc = ctypes.CDLL(None)\n" + CLASS + """
    def test_a(self): libc.printf(b"first")
    def test_b(self): libc.printf(b"second")
"""})
        result = self.mule_test()
        self.assertEqual(result.output_of("test_it.T.test_a"), "first")
        self.assertEqual(result.output_of("test_it.T.test_b"), "second")

    def test_output_of_child_processes_is_caught(self):
        event, _ = self.one("import subprocess\n"
                            "subprocess.run('echo out; echo err >&2',"
                            " shell=True)")
        self.assertEqual(event["out"]["head"], "out\n")
        self.assertEqual(event["err"]["head"], "err\n")

    def test_output_of_a_fixture_is_kept_with_the_job(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def setUpClass(cls): print("class up")
    def test_a(self): print("in the test")
"""})
        result = self.mule_test()
        self.assertEqual(result.output_of("test_it.T.test_a"),
                         "in the test\n")
        job, = result.all("job_finished")
        self.assertEqual(job["out"]["head"], "class up\n")

    def test_output_before_a_crash_survives_it(self):
        event, _ = self.one("print('last', end=' ')\n"
                            "sys.stdout.write('words')\n"
                            "os.kill(os.getpid(), 9)", status=1)
        self.assertEqual(event["out"]["head"], "last words")

    def test_merged_output_keeps_its_order(self):
        event, _ = self.one("for i in range(3):\n"
                            "    print('out', i)\n"
                            "    print('err', i, file=sys.stderr)\n"
                            "os.system('echo child; echo child >&2')",
                            "--capture", "merged")
        self.assertEqual(event["out"]["head"],
                         "out 0\nerr 0\nout 1\nerr 1\nout 2\nerr 2\n"
                         "child\nchild\n")
        self.assertNotIn("err", event)

    def test_output_of_a_failure_is_shown_and_that_of_a_pass_is_not(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): print("of the pass")
    def test_b(self):
        print("of the failure")
        print("its errors", file=sys.stderr)
        self.fail("no")
"""})
        result = self.mule_test(status=1)
        self.assertIn("of the failure", result.out)
        self.assertIn("its errors", result.out)
        self.assertNotIn("of the pass", result.out)

    def test_full_output_is_shown_when_asked_for(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): print("of the pass")
"""})
        result = self.mule_test("--verbosity", "3")
        self.assertIn("of the pass", result.out)

    def test_a_test_that_truncates_its_output_file_does_no_harm(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        print("gone")
        os.system("echo kept > /dev/stdout")
        os.ftruncate(1, 0)
    def test_b(self): print("after it")
    def test_c(self):
        os.system("echo errors > /dev/stderr")
        self.fail("told")
"""})
        result = self.mule_test(status=1)
        self.assertStates(result, {
            "test_it.T.test_a": "passed", "test_it.T.test_b": "passed",
            "test_it.T.test_c": "failed"})
        self.assertIn("errors", result.output_of("test_it.T.test_c", "err"))

    def test_a_descriptor_that_a_test_redirects_is_restored(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        with open("elsewhere", "w") as file:
            os.dup2(file.fileno(), 1)
        print("to the file")
class U(unittest.TestCase):
    def test_b(self): print("to mule")
"""})
        for isolation in ("class", "worker"):
            with self.subTest(isolation=isolation):
                result = self.mule_test("-j", "1", "--isolation", isolation)
                self.assertEqual(result.output_of("test_it.U.test_b"),
                                 "to mule\n")
                self.assertEqual(self.read("elsewhere"), "to the file\n")

    def test_more_output_than_the_limit_loses_its_middle(self):
        event, result = self.one("print('BEGIN' + 'x' * 300000 + 'END')",
                                 "--output-limit", "64K")
        out = event["out"]
        self.assertTrue(out["head"].startswith("BEGIN"))
        self.assertTrue(out["tail"].endswith("END\n"))
        self.assertEqual(len(out["head"]) + len(out["tail"]) + out["cut"],
                         300009)
        self.assertLessEqual(len(out["head"]) + len(out["tail"]), 64 * 1024)

    def test_two_hundred_megabytes_do_not_fill_memory_or_disk(self):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        chunk = b"x" * (1 << 20)
        os.write(1, b"BEGIN")
        for i in range(200):
            os.write(1, chunk)
        os.write(1, b"END")
        used = os.fstat(1).st_blocks * 512
        print("", used, file=sys.stderr)
    def test_b(self): print("after it")
"""})
        result = self.mule_test()
        out = result.finished["test_it.T.test_a"]["out"]
        self.assertTrue(out["head"].startswith("BEGIN"))
        self.assertTrue(out["tail"].endswith("END"))
        self.assertEqual(len(out["head"]) + len(out["tail"]) + out["cut"],
                         (200 << 20) + 8)
        self.assertEqual(result.output_of("test_it.T.test_b"), "after it\n")
        after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        if not is_sanitized():
            # Of mule, and of all that it has waited for.
            self.assertLess(max(0, after - before), 100 * 1024)

    def test_what_is_printed_without_end_is_bounded_on_disk(self):
        """The middle is punched out of the file while it is printed."""
        self.suite({"noise.py": """
            import os, time

            def print_until_it_is_bounded(limit):
                chunk = b"x" * (1 << 20)
                for i in range(limit // (1 << 20) * 4):
                    os.write(1, chunk)
                deadline = time.monotonic() + 60
                while os.fstat(1).st_blocks * 512 > limit:
                    if time.monotonic() > deadline:
                        raise RuntimeError("it grows and grows")
                    time.sleep(0.01)
            """, "test_it.py": "import noise\n" + CLASS + """
    def test_a(self): noise.print_until_it_is_bounded(16 << 20)
""", "test_fixture.py": "import noise\n" + CLASS + """
    @classmethod
    def setUpClass(cls): noise.print_until_it_is_bounded(48 << 20)
    def test_b(self): print("after it")
"""})
        result = self.mule_test()
        self.assertEqual(result.count("passed"), 2)
        self.assertEqual(result.output_of("test_fixture.T.test_b"),
                         "after it\n")


class StrangeBytes(MuleCase):
    """Any bytes at all become valid JSON and valid XML."""

    NASTY = ("b'\\xff\\xfe\\x80', b'\\x00\\x01\\x02\\x1f\\x7f', "
             "b'\\xed\\xa0\\x80', b'\\xf4\\x90\\x80\\x80', "
             "b'\\x1b[31mred\\x1b[0m\\x1b]0;title\\x07', b']]>', "
             "b'<&\\\"\\'>', b'\\xef\\xbf\\xbe\\xef\\xbf\\xbf', "
             "b'\\r\\r\\n', b'::error::no', b'##[group]no', "
             "'\\u2028\\u202e\\U0001f40e'.encode()")

    def setUp(self):
        super().setUp()
        self.suite({"test_it.py": "nasty = (" + self.NASTY + ")\n" + CLASS
                    + """
    def test_a(self):
        for piece in nasty:
            os.write(1, piece + b"\\n")
            os.write(2, piece + b"\\n")
    def test_b(self):
        text = b"|".join(nasty).decode("utf-8", "surrogateescape")
        self.fail(text)
    def test_c(self):
        with self.subTest(b"|".join(nasty).decode("latin-1")):
            raise ValueError("\\ud800 lone \\udfff surrogates \\x00")
    def test_d(self):
        self.skipTest(b"|".join(nasty).decode("utf-8", "replace"))
    def test_e(self):
        os.write(1, b"\\xff" * 1000)
        os.abort()
"""})
        self.wanted = {
            "test_it.T.test_a": "passed", "test_it.T.test_b": "failed",
            "test_it.T.test_c": "error", "test_it.T.test_d": "skipped",
            "test_it.T.test_e": "crashed"}

    def test_json_stays_valid(self):
        result = self.mule_test(status=1)
        self.assertStates(result, self.wanted)
        with open(os.path.join(self.home, "events.json"), "rb") as file:
            for line in file:
                json.loads(line.decode("utf-8", "strict"))
        out = result.output_of("test_it.T.test_a")
        self.assertSays(out, "red", "]]>", "\U0001f40e", "\ufffd")

    def test_xml_stays_valid(self):
        self.mule_test("--xunit", "--xunit-output", "all.xml", status=1)
        cases = {case.get("name"): case
                 for case in self.xml("all.xml").iter("testcase")}
        self.assertEqual(len(cases), 5)
        self.assertIn("red", cases["test_a"].find("system-out").text)

    def test_the_terminal_is_not_moved_or_renamed(self):
        result = self.mule_test("--color=never", status=1)
        self.assertNotIn(b"\x1b", result.raw_out)
        self.assertNotIn(b"\x00", result.raw_out)
        self.assertNotIn(b"\x07", result.raw_out)

    def test_a_server_is_given_no_commands_by_tests(self):
        result = self.mule_test(status=1, env={"GITHUB_ACTIONS": "true"})
        for line in result.out.splitlines():
            if line.startswith("::error file="):
                continue  # mule's own; nothing in it is looked at again
            self.assertFalse(line.lstrip().startswith("::error::no"), line)
            self.assertNotIn("##[", line)

    def test_ids_may_be_of_any_text(self):
        self.suite({"test_it.py": """
            import unittest
            class T(unittest.TestCase): pass
            for name in ("a b", "quote'\\"", "\\u00e4\\u20ac\\U0001f40e",
                         "new\\nline", "<tag>&amp;", "percent%s", "$TEST",
                         "back\\\\slash", "\\ud800", "tab\\t", "*?[x]",
                         "a" * 5000):
                setattr(T, "test " + name, lambda self: None)
                setattr(T, "test_fails " + name, lambda self: self.fail())
            """})
        result = self.mule_test("--xunit", "--xunit-output", "all.xml",
                                status=1)
        self.assertEqual(len(result.states), 24)
        self.assertEqual((result.count("passed"), result.count("failed")),
                         (12, 12))
        self.assertEqual(len(list(self.xml("all.xml").iter("testcase"))), 24)

    def test_the_command_to_run_a_strange_id_again_works(self):
        self.suite({"test_it.py": """
            import unittest
            class T(unittest.TestCase): pass
            for name in ("a b", "quote'", "\\u00e4\\U0001f40e", "x$HOME"):
                setattr(T, "test " + name, lambda self: self.fail("again"))
            """})
        result = self.mule_test(status=1)
        for id, event in result.finished.items():
            with self.subTest(id=id):
                self.assertStates(self.rerun(event["rerun"]), {id: "failed"})
