"""`--runner`: one command a job, in whatever way it reports."""

import os
import sys
import unittest

from support.mule_case import ROOT, MuleCase

JSON = """
    #!/bin/sh
    echo before
    echo '{"mule":"1.0","msg":"plan","items":["one","two","three"]}'
    echo '{"mule":"1.0","msg":"finished","id":"one","state":"passed","us":183}'
    echo '{"mule":"1.0","msg":"finished","id":"two","state":"failed",' \\
         '"file":"x.py","line":12,"findings":[{"kind":"failure",' \\
         '"message":"no good"}]}'
    echo '{"mule":"1.0","msg":"finished","id":"three","state":"skipped",' \\
         '"reason":"no time"}'
    echo '{"mule":"1.0","msg":"end","tests":3}'
    """
JUNIT = """
    #!/bin/sh
    cat <<END
    <?xml version="1.0"?>
    <testsuites><testsuite name="s" tests="4">
    <testcase classname="s" name="one" time="0.5"/>
    <testcase classname="s" name="two">
      <failure message="no good" type="X">at line 3</failure></testcase>
    <testcase classname="s" name="three"><skipped message="no time"/>
      </testcase>
    <testcase classname="s" name="four"><error message="broken"/></testcase>
    </testsuite></testsuites>
    END
    """
TAP = """
    #!/bin/sh
    echo 1..3
    echo ok 1 - one
    echo not ok 2 - two
    echo 'ok 3 - three # SKIP no time'
    """


class ExitStatus(MuleCase):

    def run_one(self, body, *args, **more):
        self.suite({"job": "#!/bin/bash\n" + body + "\n"})
        return self.mule_test("--runner", "./job", *args, "a", **more)

    def test_0_is_passed(self):
        result = self.run_one("exit 0")
        self.assertStates(result, {"a": "passed"})

    def test_1_is_failed(self):
        result = self.run_one("echo said; echo why >&2; exit 1", status=1)
        self.assertStates(result, {"a": "failed"})
        self.assertEqual(result.output_of("a"), "said\n")
        self.assertEqual(result.output_of("a", "err"), "why\n")
        self.assertIn("status 1", result.text)

    def test_77_is_skipped(self):
        result = self.run_one("exit 77")
        self.assertStates(result, {"a": "skipped"})

    def test_99_is_an_error(self):
        result = self.run_one("exit 99", status=1)
        self.assertStates(result, {"a": "error"})

    def test_a_signal_is_a_crash(self):
        result = self.run_one("kill -SEGV $$", status=1)
        self.assertStates(result, {"a": "crashed"})
        self.assertIn("signal 11", result.text)

    def test_a_command_that_is_not_there_is_an_error_that_names_it(self):
        result = self.mule_test("--runner", "./no-such-program", "a",
                                status=1)
        self.assertStates(result, {"a": "error"})
        self.assertIn("no-such-program", result.text)

    def test_a_file_that_cannot_be_executed_is_an_error(self):
        self.suite({"plain": "no program\n"})
        result = self.mule_test("--runner", "./plain", "a", status=1)
        self.assertStates(result, {"a": "error"})

    def test_a_runner_that_is_no_shell_text_is_not_green(self):
        result = self.mule_test("--runner", "echo 'unclosed", "a", status=1)
        self.assertNotEqual(result.states["a"], "passed")

    def test_output_before_a_crash_is_kept(self):
        result = self.run_one("echo last words; kill -9 $$", status=1)
        self.assertEqual(result.output_of("a"), "last words\n")

    def test_merged_output_is_in_order(self):
        result = self.run_one("for i in 1 2 3; do echo o$i; echo e$i >&2;"
                              " done", "--capture", "merged")
        self.assertEqual(result.output_of("a").split(),
                         ["o1", "e1", "o2", "e2", "o3", "e3"])


class Jobs(MuleCase):

    def test_labels_are_jobs(self):
        result = self.mule_test("--runner", "echo job $TEST", "one", "two")
        self.assertEqual((result.output_of("one"), result.output_of("two")),
                         ("job one\n", "job two\n"))

    def test_jobs_come_from_a_file_as_they_are(self):
        self.suite({"jobs.txt": "one\ntwo words\n$HOME `id`\n* ?\n"})
        result = self.mule_test("--runner", 'printf "[%s]" "$TEST"',
                                "--jobs-from", "jobs.txt")
        self.assertEqual({id: result.output_of(id) for id in result.states},
                         {name: f"[{name}]" for name in
                          ("one", "two words", "$HOME `id`", "* ?")})

    def test_jobs_come_from_discovery(self):
        self.suite({"test_it.py": """
            import unittest
            class A(unittest.TestCase):
                def test_a(self): pass
                def test_b(self): self.fail()
            class B(unittest.TestCase):
                def test_c(self): pass
            """})
        result = self.mule_test(
            "--runner", f"{sys.executable} -m unittest $TEST", status=1)
        self.assertStates(result, {"test_it.A": "failed",
                                   "test_it.B": "passed"})

    def test_jobs_of_discovery_are_selected(self):
        self.suite({"test_it.py": """
            import unittest
            class A(unittest.TestCase):
                def test_a(self): pass
            class B(unittest.TestCase):
                def test_c(self): pass
            """})
        result = self.mule_test("--runner", "echo $TEST", "-k", "test_c")
        self.assertStates(result, {"test_it.B": "passed"})

    def test_commands_run_at_the_same_time(self):
        self.suite({"job": """
            #!/bin/bash
            touch "$1.here"
            for ((i = 0; i < 6000; i++)); do
                [ -e a.here ] && [ -e b.here ] && exit 0
                read -t 0.01 <> <(:)
            done
            exit 1
            """})
        result = self.mule_test("-j", "2", "--runner", "./job $TEST",
                                "a", "b")
        self.assertEqual(result.count("passed"), 2)

    def test_no_python_is_needed(self):
        result = self.mule_test("--runner", "/bin/echo $TEST", "a",
                                env={"PATH": "/nonexistent",
                                     "MULE_PYTHON": "/nonexistent/python"})
        self.assertEqual(result.output_of("a"), "a\n")


class DirectAndShell(MuleCase):
    """A command is started directly where that changes nothing."""

    def args(self, runner, test="a.b"):
        """What the command got, as it says itself; '' when it failed."""
        self.suite({"show": "#!/bin/bash\nprintf '%s|' \"$#\" \"$@\"\n"})
        result = self.mule_test("--runner", runner, "--", test, status=None,
                                env={"EMPTY": "", "TWO": "x y"})
        return result.output_of(test)

    def test_both_give_the_same_words(self):
        for words in ("$TEST", "a $TEST b", "-x=$TEST", "$TEST.py", "'$TEST'",
                      '"$TEST"', "$TEST $TEST", "a\\ b", "~ $TEST",
                      "{a,b}", "a;./show b", "$EMPTY x", "$TWO", "*", "a#b",
                      "# a", "a=b", "!x", "50% @file a:b +c -d,e", "",
                      "\ta   b "):
            with self.subTest(words=words):
                direct = self.args("./show " + words)
                shell = self.args("true && ./show " + words)
                self.assertEqual(direct, shell)

    def test_both_give_the_same_words_for_strange_jobs(self):
        for test in ("a b", "*", "a?", "[ab]", "back\\slash", "~", "a'b",
                     "\u00e4\u20ac", "$(id)", "-x", "a=b", "\ta"):
            with self.subTest(test=test):
                self.assertEqual(self.args("./show $TEST", test),
                                 self.args("true && ./show $TEST", test))

    def test_builtins_and_assignments_go_to_the_shell(self):
        for runner, said in (("cd / && pwd", "/\n"), ("pwd", None),
                             ("X=1 env | grep ^X=", "X=1\n"),
                             ("echo -e 'a\\tb'", "a\tb\n"),
                             ("type cd", "cd is a shell builtin\n"),
                             ("true", "")):
            with self.subTest(runner=runner):
                result = self.mule_test("--runner", runner, "job")
                self.assertEqual(result.output_of("job"),
                                 said if said is not None
                                 else self.folder + "\n")

    def test_both_tell_of_status_and_signal_alike(self):
        self.suite({"end": "#!/bin/bash\nkill -9 $$\n"})
        states = [self.mule_test("--runner", runner, "a", status=1).states
                  for runner in ("./end", "exec ./end # $TEST")]
        self.assertEqual(states, [{"a": "crashed"}, {"a": "crashed"}])


class Formats(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite({"json": JSON, "junit": JUNIT, "tap": TAP})

    def ends(self, program, format, **more):
        """The states by the last word of the id."""
        result = self.mule_test("--runner", f"./{program}", "--format",
                                format, "job", **more)
        return {id.rpartition(" ")[2].rpartition(".")[2]: state
                for id, state in result.states.items()}, result

    def test_json_is_understood(self):
        for format in ("json", "auto"):
            with self.subTest(format=format):
                states, result = self.ends("json", format, status=1)
                self.assertEqual(states, {"one": "passed", "two": "failed",
                                          "three": "skipped"})
                self.assertIn("no good", result.out)
                self.assertIn("x.py:12", result.out)

    def test_junit_is_understood(self):
        for format in ("junit", "auto"):
            with self.subTest(format=format):
                states, result = self.ends("junit", format, status=1)
                self.assertEqual(states, {"one": "passed", "two": "failed",
                                          "three": "skipped",
                                          "four": "error"})
                self.assertIn("no good", result.out)

    def test_tap_is_understood(self):
        for format in ("tap", "auto"):
            with self.subTest(format=format):
                states, result = self.ends("tap", format, status=1)
                self.assertEqual(states, {"one": "passed", "two": "failed",
                                          "three": "skipped"})

    def test_exit_looks_at_the_status_only(self):
        for program in ("json", "junit", "tap"):
            with self.subTest(program=program):
                states, _ = self.ends(program, "exit")
                self.assertEqual(states, {"job": "passed"})

    def test_points_of_two_jobs_are_kept_apart(self):
        result = self.mule_test("--runner", "./tap", "a", "b", status=1)
        self.assertEqual(len(result.states), 6)
        self.assertEqual(result.count("failed"), 2)

    def test_a_report_of_the_wrong_format_is_not_green(self):
        for format in ("json", "junit", "tap"):
            with self.subTest(format=format):
                result = self.mule_test("--runner", "echo hello", "--format",
                                        format, "job", status=1)
                self.assertEqual(result.count("passed"), 0)

    def test_a_point_that_is_missing_is_an_error(self):
        self.suite({"short": """
            #!/bin/sh
            echo '{"mule":"1.0","msg":"plan","items":["one","two"]}'
            echo '{"mule":"1.0","msg":"finished","id":"one","state":"passed"}'
            echo '{"mule":"1.0","msg":"end","tests":1}'
            """})
        result = self.mule_test("--runner", "./short", "job", status=1)
        self.assertEqual(sorted(result.states.values()),
                         ["error", "passed"])

    def test_a_report_without_an_end_is_not_green(self):
        self.suite({"short": """
            #!/bin/sh
            echo '{"mule":"1.0","msg":"finished","id":"one","state":"passed"}'
            """})
        result = self.mule_test("--runner", "./short", "job", status=1)
        self.assertEqual(result.count("passed"), 1)
        self.assertEqual(len(result.states), 2)

    def test_a_good_report_with_a_bad_status_is_not_green(self):
        self.suite({"bad": "#!/bin/sh\necho 1..1\necho ok 1\nexit 3\n"})
        result = self.mule_test("--runner", "./bad", "job", status=1)
        self.assertEqual(result.count("passed"), 1)
        self.assertEqual(len(result.states), 2)
        self.assertIn("status 3", result.text)

    def test_a_test_that_prints_like_mule_is_understood_once(self):
        """Under unittest such lines are plain output."""
        self.suite({"test_it.py": """
            import unittest
            class T(unittest.TestCase):
                def test_a(self):
                    print('{"mule":"1.0","msg":"finished","id":"x",'
                          '"state":"failed"}')
            """})
        self.assertStates(self.mule_test(), {"test_it.T.test_a": "passed"})


@unittest.skipUnless(os.path.isfile(os.path.join(ROOT, "python", "mule",
                                                 "runners.py")),
                     "mule.runners is not there")
class JSONTestRunner(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite({"test_script.py": """
            import unittest
            from mule.runners import JSONTestRunner

            class T(unittest.TestCase):
                def test_a(self): print("from a")
                def test_b(self): self.assertEqual(1, 2, "not equal")
                @unittest.skip("later")
                def test_c(self): pass
                def test_d(self):
                    for i in range(3):
                        with self.subTest(i=i):
                            self.assertNotEqual(i, 1)

            if __name__ == "__main__":
                unittest.main(testRunner=JSONTestRunner)
            """})
        self.python = {"PYTHONPATH": os.path.join(ROOT, "python")}

    def test_any_script_speaks_mule(self):
        for format in ("json", "auto"):
            with self.subTest(format=format):
                result = self.mule_test(
                    "--runner", f"{sys.executable} $TEST", "--format",
                    format, "test_script.py", status=1, env=self.python)
                self.assertEqual(
                    {id.rpartition(".")[2]: state
                     for id, state in result.states.items()},
                    {"test_a": "passed", "test_b": "failed",
                     "test_c": "skipped", "test_d": "failed"})
                self.assertIn("not equal", result.out)

    def test_the_script_that_dies_is_not_green(self):
        self.suite({"test_script.py": self.read("test_script.py").replace(
            'print("from a")', "__import__('os')._exit(0)")})
        result = self.mule_test("--runner", f"{sys.executable} $TEST",
                                "--format", "json", "test_script.py",
                                status=1, env=self.python)
        self.assertGreater(result.count("error") + result.count("crashed"),
                           0)
