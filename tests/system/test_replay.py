"""A build is shown again: the same as it was, by any reporter."""

import json
import os
import shutil

from support.fleet_case import SMALL, FleetCase
from support.mule_case import CLASS, MuleCase

SUITE = {"test_it.py": CLASS + """
    def test_a(self): print("said " * 50)
    def test_b(self):
        print("before it", file=sys.stderr)
        self.fail("wrong")
    def test_c(self): raise ValueError("broken")
    @unittest.skip("no time")
    def test_d(self): pass
    @unittest.expectedFailure
    def test_e(self): self.fail()
    def test_f(self):
        for i in range(2):
            with self.subTest(i=i):
                self.fail(f"wrong {i}")
    def test_g(self): os._exit(3)
    def test_h(self): os.write(1, b"bytes \\x1b[1m")
""", "pkg/__init__.py": "", "pkg/test_more.py": CLASS + """
    @classmethod
    def setUpClass(cls): raise OSError("down")
    def test_h(self): pass
"""}
ONE = {"test_it.py": CLASS + "    def test_a(self): pass\n"}


class Replay(MuleCase):

    def test_the_terminal_shows_the_same_as_it_did(self):
        self.suite(SUITE)
        for words in (["-q"], [], ["-v"], ["-vv"], ["-vvv"],
                      ["--capture", "merged", "-vvv"],
                      ["--color=always", "-vv"], ["--durations", "2"]):
            live = self.mule_test("--record", "b.mule", *words, status=1)
            shown = [word for word in words
                     if word not in ("--capture", "merged")]
            again = self.mule("replay", *shown, "b.mule")
            self.assertEqual(again.raw_out, live.raw_out, words)
            self.assertEqual(again.err, "", words)
            self.assertEqual(again.status, 1)

    def test_so_it_does_when_tests_ran_again(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        if os.environ["MULE_ATTEMPT"] == "1": self.fail("at first")
    def test_b(self): self.fail("always")
"""})
        live = self.mule_test("--retries", "1", "--record", "b.mule", "-v",
                              status=1)
        again = self.mule("replay", "-v", "b.mule")
        self.assertEqual(again.out, live.out)
        self.assertEqual(len(live.all("test_attempt")), 2)

    def test_every_report_is_the_same_as_that_of_the_run(self):
        self.suite(SUITE)
        self.mule("test", "--record", "b.mule", "--json", "a.json", "--xunit",
                  "--xunit-output", "a.xml", "--trace", "a.trace")
        result = self.mule("replay", "b.mule", "--json", "b.json",
                           "--xunit-output", "b.xml", "--trace", "b.trace")
        self.assertEqual(result.status, 1)
        for kind in ("json", "xml", "trace"):
            self.assertEqual(self.read("b." + kind), self.read("a." + kind))
        self.assertTrue(self.read("b.json"))

    def test_a_report_says_by_its_status_whether_it_was_written(self):
        self.suite(SUITE)
        live = self.mule_test("--record", "b.mule", status=1)
        result = self.mule("report", "b.mule", "--json", "-")
        self.assertEqual(result.status, 0)
        self.assertEqual([json.loads(line)
                          for line in result.out.splitlines()], live.events)
        self.assertSays(result.err, "FAILED (")
        result = self.mule("report", "b.mule", "--json", "/dev/full")
        self.assertEqual(result.status, 3)
        self.assertSays(result.err, "/dev/full")
        result = self.mule("report", "b.mule", "--html", "page.html")
        self.assertEqual(result.status, 0)
        self.assertSays(self.read("page.html"), "test_it.T.test_b")

    def test_what_mule_yaml_lets_a_run_write_is_not_written_again(self):
        self.suite({**ONE, "mule.yaml":
                    "json: events.json\nxunit: true\nxunit-output: x.xml\n"})
        self.mule("test")
        for name in ("events.json", "x.xml"):
            os.remove(self.path(name))
        result = self.mule("replay")
        self.assertEqual(result.status, 0, result.text)
        for name in ("events.json", "x.xml"):
            self.assertFalse(os.path.exists(self.path(name)), name)

    def test_on_another_machine_it_needs_nothing_but_the_file(self):
        self.suite(ONE)
        live = self.mule_test("--record", "b.mule")
        elsewhere = os.path.join(self.home, "elsewhere")
        os.mkdir(elsewhere)
        shutil.move(self.path("b.mule"), elsewhere)
        shutil.rmtree(self.folder)
        os.mkdir(self.folder)
        result = self.mule("replay", "b.mule", cwd=elsewhere)
        self.assertEqual(result.out, live.out)
        self.assertEqual(os.listdir(elsewhere), ["b.mule"])

    def test_on_a_terminal_nothing_is_drawn_twice(self):
        self.suite(ONE)
        self.mule("test", "--record", "b.mule")
        program = self.on_terminal("replay", "b.mule")
        program.wait()
        self.assertNotIn(b"\x1b[J", bytes(program.out))
        self.assertIn(b"1 selected = 1 passed", bytes(program.out))


class Naming(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite(ONE)
        for build in ("abc1", "abd2", "ab"):
            self.mule("test", "--id", build)

    def build_of(self, *words):
        result = self.mule("replay", "--json", "-", *words)
        self.assertEqual(result.status, 0, result.text)
        return json.loads(result.out.splitlines()[0])["build"]

    def test_without_a_word_it_is_the_last_one(self):
        self.assertEqual(self.build_of(), "ab")

    def test_an_id_or_a_beginning_of_it_will_do(self):
        self.assertEqual(self.build_of("abc1"), "abc1")
        self.assertEqual(self.build_of("abd"), "abd2")
        self.assertEqual(self.build_of("ab"), "ab")

    def test_from_below_the_project_too(self):
        self.suite({"mule.yaml": "{}", "deep/down/x": ""})
        self.assertEqual(
            self.mule("replay", "abc1", cwd=self.path("deep/down")).status, 0)

    def test_what_several_begin_with_is_refused(self):
        self.assertMistake(self.mule("replay", "a"),
                           'there are 3 builds that begin with "a"',
                           "one of ab, abd2, abc1")

    def test_what_there_is_not_is_refused(self):
        self.assertMistake(self.mule("replay", "x"),
                           'there is no recording of a build "x"')
        self.assertMistake(self.mule("replay", "no/such.mule"),
                           "no/such.mule: No such file or directory")
        self.assertMistake(self.mule("replay", "abc1", "abd2"),
                           "there is more than one build")
        shutil.rmtree(self.path(".mule"))
        self.assertMistake(self.mule("replay"), "there is no recording in")
        self.assertFalse(os.path.exists(self.path(".mule")))


class OnAFleet(FleetCase):

    def test_workers_are_shown_again_too(self):
        self.suite({"test_small.py": SMALL})
        self.start_worker(name="one", slots=2)
        live = self.distributed("-vv", "--record", "b.mule", status=1)
        for event in live.all("test_finished"):
            self.assertRegex(event["worker"], "^one@")
        again = self.mule("replay", "-vv", "b.mule", "--json", "o.json")
        self.assertEqual(again.status, 1, again.text)
        self.assertEqual(again.out, live.out)
        self.assertEqual([json.loads(line) for line in
                          self.read("o.json").splitlines()], live.events)
