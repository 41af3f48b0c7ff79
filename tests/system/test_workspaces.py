"""Setup before and teardown after, on every way out."""

import signal

from support.mule_case import CLASS, MuleCase

YAML = """
    workspaces:
      ci:
        setup: echo setup >> log; {setup}
        teardown: echo teardown >> log; {teardown}
        {more}
    """


class Workspaces(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        with open("log", "a") as file:
            file.write("test\\n")
"""})

    def workspace(self, setup="true", teardown="true", more="root: ."):
        self.suite({"mule.yaml": YAML.format(setup=setup, teardown=teardown,
                                             more=more)})

    def log(self):
        return self.read("log").split()

    def test_setup_comes_before_and_teardown_after(self):
        self.workspace()
        result = self.mule_test("--workspace", "ci")
        self.assertEqual(self.log(), ["setup", "test", "teardown"])
        self.assertEqual([(e["script"], e["ok"])
                          for e in result.all("script_finished")],
                         [("setup", True), ("teardown", True)])

    def test_teardown_comes_after_failures(self):
        self.workspace()
        self.suite({"test_it.py": CLASS + "    def test_a(self):"
                                          " os.abort()\n"})
        self.mule_test("--workspace", "ci", status=1)
        self.assertEqual(self.log(), ["setup", "teardown"])

    def test_setup_that_fails_runs_no_test_and_tears_down(self):
        self.workspace(setup="echo no room >&2; exit 3")
        result = self.mule_test("--workspace", "ci", status=3)
        self.assertEqual(self.log(), ["setup", "teardown"])
        self.assertSays(result.text, "no room", "status 3")

    def test_teardown_that_fails_is_told(self):
        self.workspace(teardown="echo cannot clean; exit 4")
        result = self.mule_test("--workspace", "ci", status=None)
        self.assertEqual(self.log(), ["setup", "test", "teardown"])
        self.assertSays(result.text, "cannot clean", "status 4")
        self.assertEqual(result.status, 3)

    def test_setup_has_a_limit(self):
        self.workspace(setup="sleep 1000", more="setup-timeout: 0.3")
        result = self.mule_test("--workspace", "ci", status=3)
        self.assertEqual(self.log(), ["setup", "teardown"])
        self.assertIn("setup-timeout", result.text)

    def test_teardown_has_a_limit(self):
        self.workspace(teardown="sleep 1000", more="teardown-timeout: 0.3")
        result = self.mule_test("--workspace", "ci", status=3)
        self.assertIn("teardown-timeout", result.text)

    def test_teardown_comes_when_nothing_is_selected(self):
        self.workspace()
        self.mule_test("--workspace", "ci", "-k", "nothing", status=5)
        self.assertEqual(self.log(), ["setup", "teardown"])

    def test_teardown_comes_after_an_unknown_label(self):
        self.workspace()
        self.mule_test("--workspace", "ci", "test_ti", status=4)
        self.assertEqual(self.log(), ["setup", "teardown"])

    def test_teardown_comes_after_the_first_failure(self):
        self.workspace()
        self.suite({"test_it.py": CLASS + "    def test_a(self):"
                                          " self.fail()\n"})
        self.mule_test("--workspace", "ci", "--failfast", status=1)
        self.assertEqual(self.log(), ["setup", "teardown"])

    def interrupted(self, *signals, status):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import time
        time.sleep(1000)
"""})
        program = self.start_test("--workspace", "ci")
        program.wait_event("test_started")
        for number in signals:
            program.signal(number)
        self.assertEqual(program.wait(), status, program.describe())
        return program

    def test_teardown_comes_after_ctrl_c(self):
        self.workspace()
        self.interrupted(signal.SIGINT, status=-signal.SIGINT)
        self.assertEqual(self.log(), ["setup", "teardown"])

    def test_teardown_comes_after_a_request_to_end(self):
        self.workspace()
        self.interrupted(signal.SIGTERM, status=-signal.SIGTERM)
        self.assertEqual(self.log(), ["setup", "teardown"])

    def test_teardown_comes_after_ctrl_c_twice(self):
        self.workspace()
        self.interrupted(signal.SIGINT, signal.SIGINT,
                         status=-signal.SIGINT)
        self.assertEqual(self.log(), ["setup", "teardown"])

    def test_ctrl_c_during_setup_tears_down(self):
        ready = self.fifo("ready")
        self.workspace(setup="echo here > $READY; sleep 1000")
        program = self.start_test("--workspace", "ci",
                                  env={"READY": ready.path})
        self.assertEqual(ready.line(program), "here")
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(), -signal.SIGINT)
        self.assertEqual(self.log(), ["setup", "teardown"])

    def test_what_a_script_leaves_running_is_ended(self):
        self.workspace(setup="sleep 1000 & setsid sleep 1000 & exit 0")
        self.mule_test("--workspace", "ci", status=None)
        self.assertIn("teardown", self.log())

    def test_a_service_that_setup_starts_lives_until_teardown(self):
        self.workspace(
            setup="sleep 1000 >/dev/null 2>&1 & echo $! > pid",
            teardown="kill $(cat pid) && echo killed >> log")
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        with open("pid") as file:
            os.kill(int(file.read()), 0)
"""})
        result = self.mule_test("--workspace", "ci")
        self.assertEqual(self.log(), ["setup", "teardown", "killed"])
        self.assertEqual(result.count("passed"), 1)

    def test_scripts_run_in_the_root_of_the_workspace(self):
        self.workspace(setup="pwd >> ../log", more="root: below")
        self.suite({"below/x": ""})
        self.mule_test("--workspace", "ci", status=None)
        self.assertIn(self.path("below"), self.log())

    def test_an_unknown_workspace_is_a_mistake(self):
        self.workspace()
        result = self.mule_test("--workspace", "ic", status=4)
        self.assertMistake(result, "ic")

    def test_a_workspace_without_scripts_is_fine(self):
        self.suite({"mule.yaml": "workspaces: {ci: {root: .}}\n"})
        self.mule_test("--workspace", "ci")
