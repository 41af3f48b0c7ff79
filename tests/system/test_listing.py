"""`mule list` and `mule doctor`."""

import json
import sys

from support.mule_case import CLASS, MuleCase

SUITE = {"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self): self.fail()
class U(unittest.TestCase):
    def test_c(self): pass
"""}
IDS = ["test_it.T.test_a", "test_it.T.test_b", "test_it.U.test_c"]


class Listing(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite(SUITE)

    def ids(self, *args, status=0, **more):
        result = self.mule("list", *args, **more)
        self.assertEqual(result.status, status, result.text)
        return result.out.splitlines()

    def test_it_prints_what_would_run_and_runs_nothing(self):
        self.suite({"test_more.py": "import unittest\nclass T(unittest."
                                    "TestCase):\n    def test_d(self):"
                                    " open('ran', 'w')\n"})
        self.assertEqual(self.ids(), [*IDS, "test_more.T.test_d"])
        with self.assertRaises(FileNotFoundError):
            self.read("ran")

    def test_it_selects_as_test_does(self):
        self.assertEqual(self.ids("test_it.T"), IDS[:2])
        self.assertEqual(self.ids("*U*"), IDS[2:])
        self.assertEqual(self.ids("-k", "test_b"), IDS[1:2])
        self.assertEqual(self.ids("--exclude", "T"), IDS[2:])
        self.assertEqual(self.ids("--jobs-from", "-",
                                  stdin=b"test_it.U\n"), IDS[2:])

    def test_what_it_prints_can_be_given_to_test(self):
        chosen = "\n".join(self.ids("-k", "test_b")).encode()
        result = self.mule_test("--jobs-from", "-", stdin=chosen, status=1)
        self.assertStates(result, {"test_it.T.test_b": "failed"})

    def test_json_has_places(self):
        lines = [json.loads(line) for line in self.ids("--json")]
        self.assertEqual([line["id"] for line in lines], IDS)
        self.assertEqual((lines[0]["job"], lines[0]["kind"],
                          lines[0]["file"], lines[0]["line"]),
                         ("test_it.T", "class", "test_it.py", 4))

    def test_modules_that_cannot_be_loaded_are_listed(self):
        self.suite({"test_broken.py": "import no_such_module\n",
                    "test_exits.py": "import os\nos._exit(0)\n"})
        ids = self.ids(status=1)
        self.assertTrue(set(IDS) <= set(ids))
        self.assertEqual(len(ids), 5)
        self.assertTrue(any("test_broken" in id for id in ids))
        self.assertTrue(any("test_exits" in id for id in ids))

    def test_a_module_that_was_not_selected_is_not_missed(self):
        self.suite({"test_broken.py": "import no_such_module\n"})
        self.assertEqual(self.ids("test_it"), IDS)

    def test_an_unknown_label_is_a_mistake(self):
        self.assertMistake(self.mule("list", "test_ti"), "test_ti",
                           "test_it")

    def test_nothing_to_list_has_a_status_of_its_own(self):
        self.assertEqual(self.ids("-k", "nothing", status=5), [])

    def test_programs_and_commands_are_listed(self):
        self.suite({"t/a.t": "#!/bin/sh\nexit 1\n",
                    "t/b.t": "#!/bin/sh\nexit 1\n"})
        self.assertEqual(self.ids("--tap", "t"), ["t/a.t", "t/b.t"])
        self.assertEqual(self.ids("--runner", "false", "x", "y"),
                         ["x", "y"])

    def test_strange_ids_stay_on_their_line(self):
        self.suite({"test_it.py": """
            import unittest
            class T(unittest.TestCase): pass
            for name in ("a\\nb", "\\u00e4", "\\x1b[31m"):
                setattr(T, "test " + name, lambda self: None)
            """})
        self.assertEqual(len(self.ids()), 3)
        self.assertEqual(len([json.loads(line)
                              for line in self.ids("--json")]), 3)


class Doctor(MuleCase):

    def test_it_says_what_it_stands_on(self):
        result = self.mule("doctor")
        self.assertEqual(result.status, 0, result.text)
        self.assertSays(result.out, "libuv", "jansson", "python", "adapter",
                        "descriptors", "TMPDIR", "leftovers")

    def test_an_interpreter_that_is_not_there_is_named(self):
        for args, env in ((["--python", "/no/such/python"], None),
                          ([], {"MULE_PYTHON": "/no/such/python"})):
            with self.subTest(args=args, env=env):
                result = self.mule("doctor", *args, env=env)
                self.assertNotEqual(result.status, 0)
                self.assertSays(result.text, "/no/such")

    def test_an_interpreter_that_is_none_is_named(self):
        result = self.mule("doctor", "--python", "/bin/true")
        self.assertNotEqual(result.status, 0)
        self.assertSays(result.text, "/bin/true")

    def test_a_mistake_in_the_file_is_named(self):
        self.suite({"mule.yaml": "jbos: 3\n"})
        result = self.mule("doctor")
        self.assertEqual(result.status, 4, result.text)
        self.assertSays(result.text, "mule.yaml:1", "jobs")


class Interpreter(MuleCase):
    """Which Python runs the tests."""

    def setUp(self):
        super().setUp()
        self.suite({"test_it.py": CLASS + "    def test_a(self):"
                                          " print(os.environ.get('WHICH'))\n"})

    def python(self, name):
        """An interpreter that says who it is."""
        path = f"{name}/bin/python3"
        self.suite({path: f"""
            #!/bin/sh
            WHICH={name} exec {self.real()} "$@"
            """})
        return self.path(path)

    def real(self):
        return sys.executable

    def which(self, *args, **env):
        return self.mule_test(*args, env=env).output_of(
            "test_it.T.test_a").strip()

    def test_the_nearest_word_wins(self):
        one, two, three = map(self.python, ("one", "two", "three"))
        self.python(".venv")
        path = self.path("path/bin")
        self.python("path")
        everything = {"MULE_PYTHON": two, "VIRTUAL_ENV": self.path("three"),
                      "PATH": path + ":" + self.environment["PATH"]}
        self.assertEqual(self.which("--python", one, **everything), "one")
        self.suite({"mule.yaml": f"python: {three}\n"})
        self.assertEqual(self.which(**everything), "three")
        self.suite({"mule.yaml": ""})
        self.assertEqual(self.which(**everything), "two")
        del everything["MULE_PYTHON"]
        self.assertEqual(self.which(**everything), "three")
        del everything["VIRTUAL_ENV"]
        self.assertEqual(self.which(**everything), ".venv")

    def test_arguments_for_it_are_passed_on(self):
        self.suite({"test_it.py": CLASS + "    def test_a(self):"
                                          " print(sys.flags.dev_mode,"
                                          " sys.warnoptions)\n"})
        result = self.mule_test("--python-args=-X dev -W error")
        self.assertEqual(result.output_of("test_it.T.test_a"),
                         "True ['default', 'error']\n")

    def test_one_that_is_not_there_is_named(self):
        result = self.mule("test", "--python", "/no/such/python")
        self.assertMistake(result, "/no/such/python")

    def test_one_that_is_too_old_or_none_is_named(self):
        result = self.mule("test", "--python", "/bin/true")
        self.assertMistake(result, "mule doctor", "--python", status=3)
