"""JUnit XML, events as JSON lines, and what CI servers are told."""

import html
import json
import os
import re
import signal
import xml.etree.ElementTree as ElementTree

from support.mule_case import CLASS, MuleCase

SUITE = {"test_it.py": CLASS + """
    def test_a(self): print("said")
    def test_b(self): self.fail("wrong")
    def test_c(self): raise ValueError("broken")
    @unittest.skip("no time")
    def test_d(self): pass
    @unittest.expectedFailure
    def test_e(self): self.fail()
    def test_f(self):
        for i in range(2):
            with self.subTest(i=i):
                self.fail(f"wrong {i}")
class U(unittest.TestCase):
    def test_g(self): pass
""", "pkg/__init__.py": "", "pkg/test_more.py": CLASS + """
    @classmethod
    def setUpClass(cls): raise OSError("down")
    def test_h(self): pass
"""}


class JUnit(MuleCase):

    def check_suite(self, suite):
        """Its numbers are those of its elements."""
        cases = suite.findall("testcase")
        counts = {name: sum(len(case.findall(name)) for case in cases)
                  for name in ("failure", "error", "skipped")}
        self.assertEqual(
            [int(suite.get(name)) for name in
             ("tests", "failures", "errors", "skipped")],
            [len(cases), counts["failure"], counts["error"],
             counts["skipped"]])
        for case in cases:
            self.assertGreaterEqual(float(case.get("time")), 0)
            self.assertEqual(case.get("classname"), suite.get("name"))
        return {case.get("name"): case for case in cases}

    def test_each_class_has_a_file(self):
        self.suite(SUITE)
        self.mule_test("--xunit", status=1)
        self.assertEqual(sorted(os.listdir(self.path("xunit"))), [
            "TEST-pkg.test_more.T.xml", "TEST-test_it.T.xml",
            "TEST-test_it.U.xml"])
        for name in os.listdir(self.path("xunit")):
            root = self.xml("xunit", name)
            suites = [root] if root.tag == "testsuite" else list(root)
            self.assertEqual(len(suites), 1)
            self.check_suite(suites[0])

    def test_the_folder_can_be_chosen_and_is_made(self):
        self.suite(SUITE)
        self.mule_test("--xunit", "--xunit-output", "deep/down", status=1)
        self.assertEqual(len(os.listdir(self.path("deep/down"))), 3)

    def test_one_document_can_hold_all(self):
        self.suite(SUITE)
        result = self.mule_test("--xunit", "--xunit-output", "all.xml",
                                status=1)
        root = self.xml("all.xml")
        self.assertEqual(root.tag, "testsuites")
        suites = {suite.get("name"): self.check_suite(suite)
                  for suite in root}
        self.assertEqual({name: sorted(cases)
                          for name, cases in suites.items()},
                         {"test_it.T": ["test_a", "test_b", "test_c",
                                        "test_d", "test_e", "test_f"],
                          "test_it.U": ["test_g"],
                          "pkg.test_more.T": ["setUpClass", "test_h"]})
        self.assertEqual([int(root.get(name)) for name in
                          ("tests", "failures", "errors")],
                         [9, result.tally["failures"],
                          result.tally["errors"]])

    def test_a_case_says_what_happened(self):
        self.suite(SUITE)
        self.mule_test("--xunit", "--xunit-output", "all.xml", status=1)
        cases = {case.get("name"): case
                 for case in self.xml("all.xml").iter("testcase")}
        self.assertEqual(cases["test_a"].find("system-out").text, "said\n")
        failure = cases["test_b"].find("failure")
        self.assertEqual((failure.get("type"), failure.get("message")),
                         ("AssertionError", "wrong"))
        self.assertIn("Traceback", failure.text)
        self.assertEqual(cases["test_b"].get("file"), "test_it.py")
        self.assertEqual(cases["test_b"].get("line"), "5")
        self.assertEqual(cases["test_c"].find("error").get("type"),
                         "ValueError")
        self.assertEqual(cases["test_d"].find("skipped").get("message"),
                         "no time")
        self.assertEqual(cases["test_e"].find("skipped").get("type"),
                         "xfail")
        self.assertEqual(len(cases["test_f"].findall("failure")), 2)
        self.assertEqual(cases["test_h"].find("skipped").get("type"),
                         "not-run")

    def test_what_ended_a_process_is_an_error(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): os.abort()
    def test_b(self):
        import time
        time.sleep(1000)
"""})
        self.mule_test("--xunit", "--xunit-output", "all.xml",
                       "--test-timeout", "0.5", status=1)
        suite, = self.xml("all.xml")
        cases = self.check_suite(suite)
        self.assertIn("signal 6",
                      cases["test_a"].find("error").get("message"))
        self.assertIn("--test-timeout",
                      cases["test_b"].find("error").get("message"))

    def test_a_file_of_an_earlier_run_is_replaced_as_a_whole(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self): pass\n",
                    "all.xml": "rubbish " * 100000})
        self.mule_test("--xunit", "--xunit-output", "all.xml")
        self.assertEqual(len(list(self.xml("all.xml").iter("testcase"))), 1)

    def test_while_the_run_goes_on_the_old_file_stays(self):
        ready, go = self.fifo("ready"), self.fifo("go")
        self.suite({"all.xml": "the old one", "test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self):
        with open(os.environ["READY"], "w") as file: file.write("here\\n")
        with open(os.environ["GO"]) as file: file.readline()
"""})
        program = self.start_test("--xunit", "--xunit-output", "all.xml",
                                  env={"READY": ready.path, "GO": go.path})
        ready.line(program)
        self.assertEqual(self.read("all.xml"), "the old one")
        go.write()
        self.result_of(program)
        self.assertEqual(len(list(self.xml("all.xml").iter("testcase"))), 2)
        self.assertEqual(sorted(os.listdir(self.folder)),
                         [".mule", "__pycache__", "all.xml", "test_it.py"])

    def test_a_folder_that_cannot_be_written_is_known_before_tests_run(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self):\n"
                                          "        open('ran', 'w')\n",
                    "file": "not a folder"})
        for target in ("file/below", "file/all.xml", "/proc/no/such"):
            with self.subTest(target=target):
                result = self.mule_test("--xunit", "--xunit-output", target,
                                        status=None)
                self.assertIn(result.status, (3, 4))
                self.assertIn(target.split("/")[0] or "/proc", result.err)
                self.assertFalse(os.path.exists(self.path("ran")))

    def test_points_of_programs_are_cases_of_their_program(self):
        self.suite({"t/a.t": "#!/bin/sh\necho 1..2\necho ok 1 - one\n"
                             "echo not ok 2 - two\n"})
        self.mule_test("--tap", "t", "--xunit", "--xunit-output", "all.xml",
                       status=1)
        suite, = self.xml("all.xml")
        self.assertEqual(len(self.check_suite(suite)), 2)
        self.assertEqual(suite.get("name"), "t/a.t")

    def test_names_of_files_do_not_leave_the_folder(self):
        self.suite({"job": "#!/bin/sh\nexit 0\n"})
        self.mule_test("--xunit", "--runner", "./job", "../../escape",
                       "a/b", "x" * 400)
        self.assertEqual(len(os.listdir(self.path("xunit"))), 3)
        self.assertEqual(sorted(os.listdir(self.home)),
                         ["events.json", "suite", "tmp"])


class Json(MuleCase):

    def test_a_result_arrives_before_the_run_ends(self):
        go = self.fifo("go")
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self): self.fail("early")
    def test_c(self):
        with open(os.environ["GO"]) as file: file.readline()
"""})
        program = self.start_test(env={"GO": go.path})
        program.wait_event("test_finished", id="test_it.T.test_a")
        event = program.wait_event("test_finished", id="test_it.T.test_b")
        self.assertEqual(event["findings"][0]["message"], "early")
        program.wait_event("test_started", id="test_it.T.test_c")
        self.assertFalse(program.has_ended())
        go.write()
        self.assertEqual(self.result_of(program).status, 1)

    def test_a_result_is_in_the_file_before_the_run_ends(self):
        go = self.fifo("go")
        self.suite({"test_it.py": CLASS + """
    def test_a(self): self.fail("early")
    def test_c(self):
        with open(os.environ["GO"]) as file: file.readline()
"""})
        program = self.start("test", "--json", "events.json",
                             env={"GO": go.path})
        path = self.path("events.json")
        program.wait_until(
            lambda: os.path.exists(path)
            and '"early"' in self.read("events.json"),
            "the result", ticking=True)
        self.assertFalse(program.has_ended())
        go.write()
        self.assertEqual(program.wait(), 1)

    def test_the_stream_begins_and_ends_as_documented(self):
        self.suite(SUITE)
        result = self.mule_test("--id", "build-9", "-j", "2", status=1)
        first, last = result.events[0], result.events[-1]
        self.assertEqual((first["event"], first["schema"], first["build"],
                          first["slots"], first["isolation"]),
                         ("run_started", 1, "build-9", 2, "class"))
        self.assertEqual((last["event"], last["exit_status"]),
                         ("run_finished", 1))
        times = [event["at_us"] for event in result.events]
        self.assertEqual(times, sorted(times))

    def test_each_result_has_its_time_and_each_job_what_it_used(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import time
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass
"""})
        result = self.mule_test()
        event = result.finished["test_it.T.test_a"]
        self.assertGreaterEqual(event["us"], 50000)
        self.assertGreaterEqual(event["at_us"], event["began_us"])
        job, = result.all("job_finished")
        self.assertGreaterEqual(
            job["usage"]["user_us"] + job["usage"]["system_us"], 40000)
        self.assertGreater(job["usage"]["maxrss_kib"], 1000)

    def test_the_command_to_run_a_failure_again_works(self):
        self.suite({"below/test_it.py": CLASS + """
    def test_a(self): self.fail()
    def test_b(self): pass
"""})
        for args in (["-s", "below"], ["-s", "below", "-t", "below"],
                     ["below/test_it.py"]):
            with self.subTest(args=args):
                result = self.mule_test(*args, status=1)
                bad, = [e for e in result.all("test_finished")
                        if e["state"] == "failed"]
                self.assertEqual(self.rerun(bad["rerun"]).states,
                                 {bad["id"]: "failed"})

    def test_a_file_that_cannot_be_written_is_known_before_tests_run(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self):\n"
                                          "        open('ran', 'w')\n"})
        result = self.mule("test", "--json", "no/such/folder/x.json")
        self.assertIn(result.status, (3, 4))
        self.assertIn("no/such/folder/x.json", result.err)
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_a_reader_that_goes_away_does_not_stop_the_tests(self):
        self.suite({"test_it.py": CLASS + "".join(
            f"    def test_{i}(self): print('x' * 100000)\n"
            for i in range(30)) + """
    @classmethod
    def tearDownClass(cls): open("done", "w").close()
"""})
        program = self.start_test()
        program.wait_event("collected")
        number = program.process.stdout.fileno()
        del program.sources[number]
        program.process.stdout.close()
        status = program.wait()
        self.assertTrue(os.path.exists(self.path("done")))
        self.assertIn("30 selected = 30 passed", program.err.decode())
        self.assertEqual(status, 3)


class Github(MuleCase):

    def test_failures_are_annotations_with_their_place(self):
        self.suite(SUITE)
        result = self.mule_test(status=1, env={"GITHUB_ACTIONS": "true"})
        self.assertRegex(result.out, r"(?m)^::error file=test_it\.py,line=5,"
                                     r"title=[^:]*test_it\.T\.test_b::"
                                     r"AssertionError: wrong$")

    def test_groups_are_closed(self):
        self.suite(SUITE)
        result = self.mule_test("--verbosity", "3", status=1,
                                env={"GITHUB_ACTIONS": "true"})
        depth = 0
        for line in result.out.splitlines():
            if line.startswith("::group::"):
                self.assertEqual(depth, 0)
                depth += 1
            elif line.startswith("::endgroup::"):
                depth -= 1
        self.assertEqual(depth, 0)
        self.assertIn("::group::", result.out)

    def test_without_the_server_there_is_none_of_it(self):
        self.suite(SUITE)
        result = self.mule_test(status=1)
        self.assertNotIn("::", re.sub(r"(?m)^.*Traceback.*$", "", result.out))

    def test_a_summary_is_appended_for_the_page(self):
        self.suite({**SUITE, "summary.md": "before\n"})
        self.mule_test(status=1, env={
            "GITHUB_ACTIONS": "true",
            "GITHUB_STEP_SUMMARY": self.path("summary.md")})
        page = self.read("summary.md")
        self.assertTrue(page.startswith("before\n"))
        self.assertIn("test_it.T.test_b", html.unescape(page))


class AfterCtrlC(MuleCase):

    def test_every_report_is_whole(self):
        ready = self.fifo("ready")
        self.suite({"test_it.py": CLASS + """
    def test_a(self): self.fail("before")
    def test_b(self):
        with open(os.environ["READY"], "w") as file: file.write("here\\n")
        import time
        time.sleep(1000)
""", "test_other.py": CLASS + "    def test_c(self): pass\n"})
        program = self.start(
            "test", "-j", "1", "--xunit", "--json", "events.json",
            env={"READY": ready.path,
                 "GITHUB_STEP_SUMMARY": self.path("summary.md")})
        ready.line(program)
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(), -signal.SIGINT)
        cases = [case for name in os.listdir(self.path("xunit"))
                 for case in ElementTree.parse(
                     self.path("xunit", name)).iter("testcase")]
        self.assertEqual(len(cases), 3)
        events = [json.loads(line)
                  for line in self.read("events.json").splitlines()]
        self.assertEqual(events[-1]["event"], "run_finished")
        self.assertEqual(events[-1]["states"]["not run"], 2)
        self.assertIn("test_it.T.test_a",
                      html.unescape(self.read("summary.md")))
