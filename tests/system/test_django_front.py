"""How a user enters: `manage.py mule`, its words and its settings."""

import json
import os
import re
import shutil
import sqlite3

from support.django_case import DjangoCase, IMPORTS, SQLITE_FILE
from support.mule_case import ROOT

ONE = IMPORTS + """
class A(TestCase):
    def test_1(self):
        Item.objects.create(name="a")
"""

# Tells of each process that loads the models.
TELLING = """
import os, sys
from django.db import models
with open(os.environ["TOLD"], "a") as file:
    file.write("worker\\n" if "--worker" in sys.argv else "other\\n")

class Item(models.Model):
    name = models.CharField(max_length=80, unique=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True)
"""

RUNNER = """
from django.test.runner import DiscoverRunner

class Runner(DiscoverRunner):
    def __init__(self, *args, site=None, sites=None, loud=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.said = [site, sites, loud]

    @classmethod
    def add_arguments(cls, parser):
        super().add_arguments(parser)
        parser.add_argument("--site")
        parser.add_argument("--sites", nargs="+")
        parser.add_argument("--loud", action="store_true")

    def setup_databases(self, **kwargs):
        with open("said.txt", "w") as file:
            file.write(repr(self.said))
        return super().setup_databases(**kwargs)
"""

# Prints those options of Django's `test` that are nobody's.
MISSING = """
import django
django.setup()
from django.core.management.commands.test import Command
from mule.contrib.django import words
known = {name for row in words.DJANGO for name in row.names}
known.update(words.SPECIAL)
parser = Command().create_parser("manage.py", "test")
found = [name for action in parser._actions for name in action.option_strings]
print(len(found), sorted(set(found) - known))
"""

IN_APPS = '["django.contrib.auth", "django.contrib.contenttypes",\n' \
    '                  "shop", "mule.contrib.django"]'


class FrontCase(DjangoCase):

    def run_of(self, *words, **more):
        """What a run says of itself at its start."""
        return self.django_test(*words, **more).all("run_started")[0]

    def told(self):
        with open(self.path("told.txt"), encoding="utf-8") as file:
            return file.read().split()

    def refused(self, *words, **more):
        """What is said of words that are not taken."""
        result = self.manage("mule", *words, status=4, **more)
        self.assertRegex(result.err, "^mule: error: ")
        return result.err


class Entering(FrontCase):

    def test_two_steps_are_enough(self):
        self.write(ONE)
        result = self.manage("mule")
        self.assertSays(result.text, "1 selected = 1 passed")
        started = self.run_of()
        self.assertEqual(started["isolation"], "worker")
        self.assertEqual(started["python"], self.python)

    def test_models_are_loaded_once_wherever_the_application_stands(self):
        self.project({"shop/tests/test_it.py": ONE, "shop/models.py": TELLING})
        settings = self.read("site_", "settings.py")
        self.assertIn(IN_APPS, settings)
        apps = ["django.contrib.auth", "django.contrib.contenttypes", "shop"]
        for place in (0, 3):
            names = apps[:place] + ["mule.contrib.django"] + apps[place:]
            self.suite({"site_/settings.py":
                        settings.replace(IN_APPS, repr(names))})
            told = self.path("told.txt")
            with self.subTest(place=place):
                self.django_test("-v", "2", "--keepdb", "shop", "--failfast",
                                 env={"TOLD": told})
                self.assertEqual(self.told(), ["worker"])
                os.remove(told)

    def test_the_command_of_another_application_goes_first(self):
        self.project({
            "shop/tests/test_it.py": ONE,
            "shop/management/__init__.py": "",
            "shop/management/commands/__init__.py": "",
            "shop/management/commands/mule.py": """
                from mule.contrib.django.management.commands import mule
                class Command(mule.Command):
                    def run_from_argv(self, argv):
                        print("ours first", flush=True)
                        super().run_from_argv(argv)
                """})
        settings = self.read("site_", "settings.py")
        for names in (["shop", "mule.contrib.django"],
                      ["mule.contrib.django", "shop"]):
            names = ["django.contrib.contenttypes", *names]
            self.suite({"site_/settings.py":
                        settings.replace(IN_APPS, repr(names))})
            # Of two, Django takes that of the first.
            result = self.manage("mule")
            with self.subTest(names=names):
                self.assertEqual("ours first" in result.out,
                                 names[1] == "shop", result.text)

    def test_a_script_that_sets_django_up_goes_on(self):
        self.project({"shop/tests/test_it.py": ONE, "script.py": """
            import os, sys
            os.environ["DJANGO_SETTINGS_MODULE"] = "site_.settings"
            import django
            django.setup()
            print("went on", sys.argv[1])
            """})
        result = self.mule("script.py", "mule", binary=self.python)
        self.assertEqual(result.out, "went on mule\n")

    def test_other_commands_are_left_alone(self):
        self.write(ONE)
        self.assertSays(self.manage("check", "--deploy", "mule").text,
                        "System check identified")

    def test_a_project_that_cannot_be_loaded_shows_why(self):
        self.project({"shop/models.py": "import nothing_of_that_name\n"})
        result = self.manage("mule", status=3)
        self.assertSays(result.text, "Traceback", "shop/models.py", "line 1")
        self.assertRegex(result.err, r"mule: error: .* it printed: "
                         r"ModuleNotFoundError: .*nothing_of_that_name'\n"
                         r"mule: hint: what it printed stands above\n")

    def test_a_program_that_is_not_there_is_said(self):
        self.write(ONE)
        result = self.manage("mule", "--xunit", status=1,
                             env={"MULE_BINARY": "/nowhere/mule"})
        self.assertSays(result.err, "mule: the program was not found")

    def test_it_cannot_be_called_from_python(self):
        self.project({"script.py": """
            import os
            os.environ["DJANGO_SETTINGS_MODULE"] = "site_.settings"
            import django
            django.setup()
            from django.core.management import CommandError, call_command
            try:
                call_command("mule", "shop")
            except CommandError as problem:
                print(problem)
            """})
        result = self.mule("script.py", binary=self.python)
        self.assertSays(result.out, "cannot be called from Python",
                        "start `manage.py mule`")

    def test_django_admin_and_python_m_are_ways_in_too(self):
        self.write(ONE)
        admin = os.path.join(os.path.dirname(self.python), "django-admin")
        for words in (["-m", "django", "mule", "--settings",
                       "site_.settings"],
                      [admin, "mule", "--settings=site_.settings",
                       "--pythonpath", "."]):
            with self.subTest(words=words):
                result = self.mule(*words, binary=self.python)
                self.assertSays(result.text, "1 selected = 1 passed")

    def test_manage_may_be_somewhere_else(self):
        self.write(ONE)
        os.mkdir(self.path("elsewhere"))
        for words, cwd in (([self.path("manage.py")], "elsewhere"),
                           (["../manage.py"], "elsewhere"),
                           (["suite/manage.py"], "..")):
            with self.subTest(words=words):
                result = self.mule(
                    *words, "mule", "shop.tests.test_it", binary=self.python,
                    cwd=self.path(cwd))
                self.assertSays(result.text, "1 selected = 1 passed")

    def test_settings_that_look_for_the_word_test_find_it(self):
        self.project({"shop/tests/test_it.py": IMPORTS + """
class A(SimpleTestCase):
    def test_1(self):
        from django.conf import settings
        self.assertTrue(settings.TESTING)
"""}, settings="import sys\nTESTING = 'test' in sys.argv\n")
        self.django_test()

    def test_the_words_test_and_list_may_be_there_out_of_habit(self):
        self.write(ONE)
        result = self.manage("mule", "test", "shop.A")
        self.assertSays(result.text, "1 selected = 1 passed")
        result = self.manage("mule", "list", "shop.A")
        self.assertEqual(result.out, "shop.tests.test_it.A.test_1\n")
        self.suite({"test/__init__.py": "", "test/test_2.py": IMPORTS + """
class B(SimpleTestCase):
    def test_2(self): pass
"""})
        result = self.manage("mule", "--list", "test")
        self.assertEqual(result.out, "test.test_2.B.test_2\n")

    def test_the_zygote_is_started_by_mule_alone(self):
        self.write(ONE)
        result = self.manage("mule", "--worker", status=1)
        self.assertSays(result.err, "this is started by mule")


class Interpreter(FrontCase):

    def test_it_is_the_one_that_was_typed(self):
        self.write(ONE)
        self.suite({"mule.yaml": "python: /nowhere/python\n"})
        started = self.run_of(env={"MULE_PYTHON": "/nowhere/python",
                                   "VIRTUAL_ENV": "/nowhere"})
        self.assertEqual(started["python"], self.python)
        result = self.manage("mule", "--python", "/nowhere/else", status=4)
        self.assertSays(result.err, "/nowhere/else")

    def test_its_own_options_go_along(self):
        self.write("""
class A(SimpleTestCase):
    def test_1(self):
        self.assertTrue(sys.flags.dev_mode)
        self.assertEqual(sys._xoptions["mine"], "a b")
        self.assertIn("error::UserWarning", sys.warnoptions)
        self.assertEqual(sys.flags.optimize, 1)
""")
        result = self.mule("-X", "dev", "-Xmine=a b", "-W",
                           "error::UserWarning", "-O", "manage.py", "mule",
                           binary=self.python)
        self.assertEqual(result.status, 0, result.text)


class Words(FrontCase):

    def test_every_option_of_djangos_is_known(self):
        self.write(ONE)
        result = self.mule("-c", MISSING, binary=self.python, env={
            "DJANGO_SETTINGS_MODULE": "site_.settings",
            "PYTHONPATH": self.environment["PYTHONPATH"] + ":."})
        number, _, missing = result.out.strip().partition(" ")
        self.assertGreater(int(number), 30, result.text)
        self.assertEqual(missing, "[]")

    def test_the_help_has_the_options_of_both(self):
        self.write(ONE)
        for words in (["mule", "--help"], ["help", "mule"],
                      ["mule", "shop", "-h"]):
            out = self.manage(*words).out
            self.assertSays(out, "--keepdb", "--bootstrap", "--xunit-output",
                            "--distributed", "--import-timeout",
                            "forums.TopicTests.test_ok")
            self.assertNotIn("--worker", out)
        self.assertRegex(self.manage("mule", "--version").out,
                         r"^mule \S+, Django %s" % self.django)

    def test_words_that_cannot_be_meant_are_refused(self):
        self.write(ONE)
        self.assertSays(self.refused("-vv"), "level from 0 to 3")
        self.assertSays(self.refused("--no-color", "--force-color"),
                        "can't be used together")
        self.assertSays(self.refused("--xunti"), "did you mean --xunit?")
        self.assertSays(self.refused("--timeout", "soon"), "--timeout")
        self.assertSays(self.refused("--runner", "x"), "manage.py finds")

    def test_what_runs_can_be_listed(self):
        self.write(ONE)
        result = self.manage("mule", "--list", "--parallel", "3", "--keepdb",
                             "--failfast", "shop.A")
        self.assertEqual(result.out, "shop.tests.test_it.A.test_1\n")
        data = json.loads(self.manage("mule", "--list", "--json").out)
        self.assertIn("shop.tests.test_it.A.test_1", json.dumps(data))

    def test_a_drawn_seed_is_told_and_brings_the_order_back(self):
        self.write("""
def add(name):
    globals()[name] = type(name, (SimpleTestCase,), {
        "test_1": lambda self: None, "__module__": __name__})
for number in range(12):
    add("T%d" % number)
""")

        def order(*words):
            result = self.django_test("-j1", *words)
            return [event["name"] for event in result.all("job_started")], \
                result.text
        first, text = order("--shuffle")
        seed = re.search(r"Using shuffle seed: (\d+)", text).group(1)
        self.assertEqual(order("--shuffle", seed)[0], first)
        self.assertEqual(order("--shuffle=" + seed, "-r")[0], first[::-1])
        self.assertNotEqual(order("--shuffle", str(int(seed) + 1))[0], first)

    def test_parallel_is_the_number_of_slots(self):
        self.write(ONE)
        env = {"DJANGO_TEST_PROCESSES": "3"}
        self.assertEqual(self.run_of(env=env)["slots"], 3)
        self.assertEqual(self.run_of("--parallel", "2", env=env)["slots"], 2)

    def test_other_settings_may_be_named(self):
        self.write("""
from django.conf import settings
class A(SimpleTestCase):
    def test_1(self):
        self.assertEqual(settings.MINE, 7)
        self.assertTrue(settings.DEBUG)
""")
        self.suite({"more/others.py":
                    "from site_.settings import *\nMINE = 7\n"})
        self.django_test("--settings", "others", "--pythonpath", "more",
                         "--debug-mode")
        self.django_test("--pythonpath=more", "--debug-mode",
                         env={"DJANGO_SETTINGS_MODULE": "others"})

    def test_system_checks_are_run_unless_they_are_skipped(self):
        self.project({"shop/tests/test_it.py": ONE, "shop/apps.py": """
            from django.apps import AppConfig
            from django.core.checks import Error, register

            class ShopConfig(AppConfig):
                name = "shop"
                def ready(self):
                    register(lambda app_configs, **kwargs: [
                        Error("all wrong", id="shop.E1")])
            """})
        result = self.manage("mule", status=3)
        self.assertSays(result.text, "all wrong", "shop.E1")
        self.django_test("--skip-checks")

    def test_times_are_told(self):
        self.write(ONE)
        result = self.django_test("--timing")
        self.assertSays(result.text, "Total database setup took")
        self.assertNotIn("database setup took", self.django_test().text)

    def test_tags_are_those_of_django(self):
        self.write("""
@tag("slow")
class A(SimpleTestCase):
    def test_1(self): pass
    @tag("net")
    def test_2(self): pass
class B(SimpleTestCase):
    def test_3(self): pass
""")
        for words, wanted in (
                (["--tag", "net", "--tag=other"], ["A.test_2"]),
                (["--tag=slow", "--exclude-tag", "net"], ["A.test_1"])):
            result = self.django_test(*words)
            self.assertEqual(sorted(self.short(result)), wanted, words)

    def test_what_runs_a_test_again_is_what_was_typed(self):
        self.write("""
class A(SimpleTestCase):
    def test_1(self):
        self.fail()
""")
        result = self.django_test("-j1", "--settings", "site_.settings",
                                  status=1)
        self.assertRegex(
            result.text, r"run again: python\S* manage.py mule --settings "
            r"site_.settings.* shop.tests.test_it.A.test_1")


class Runners(FrontCase):

    def custom(self):
        self.project({"shop/tests/test_it.py": ONE, "runner_.py": RUNNER},
                     settings="TEST_RUNNER = 'runner_.Runner'\n")

    def test_options_of_a_projects_runner_reach_it(self):
        self.custom()
        for words, said in (
                ([], [None, None, False]),
                (["--site", "a", "shop"], ["a", None, False]),
                (["--loud", "-v2", "--sites", "b", "c"],
                 [None, ["b", "c"], True])):
            self.django_test(*words)
            self.assertEqual(self.read("said.txt"), repr(said), words)
        self.assertSays(self.manage("mule", "--help").out, "--sites")

    def test_a_runner_may_be_named(self):
        self.project({"shop/tests/test_it.py": ONE, "runner_.py": RUNNER})
        self.django_test("--testrunner", "runner_.Runner", "--site=x")
        self.assertEqual(self.read("said.txt"), "['x', None, False]")
        self.assertSays(self.refused("--site=x"), "unknown option --site")

    def test_a_runner_that_is_not_there_is_named(self):
        self.project({"shop/tests/test_it.py": ONE},
                     settings="TEST_RUNNER = 'runners.Runner'\n")
        for words in (["--strange"], ["--help"]):
            self.assertSays(self.refused(*words), "the test runner "
                            "runners.Runner cannot be loaded: No module "
                            "named 'runners'", "TEST_RUNNER")
        result = self.manage("mule", status=3)
        self.assertSays(result.err, "the test runner runners.Runner cannot "
                        "be loaded: No module named 'runners'", "TEST_RUNNER")
        self.assertNotIn("Traceback", result.text)


class Settings(FrontCase):

    def test_mule_yaml_wins_over_them_and_the_command_line_over_both(self):
        self.project({"shop/tests/test_it.py": ONE},
                     settings="MULE = {'jobs': 5, 'isolation': 'class'}\n")
        started = self.run_of()
        self.assertEqual((started["slots"], started["isolation"]),
                         (5, "class"))
        self.suite({"mule.yaml": "jobs: 4\n"})
        started = self.run_of()
        self.assertEqual((started["slots"], started["isolation"]),
                         (4, "class"))
        started = self.run_of("-j3", "--isolation", "worker")
        self.assertEqual((started["slots"], started["isolation"]),
                         (3, "worker"))

    def test_names_have_either_dash_and_values_are_those_of_python(self):
        self.project({"shop/tests/test_it.py": ONE}, settings="""
from pathlib import Path
MULE = {"xunit_output": Path("reports") / "all.xml", "keepdb": False,
        "exclude": ("*.Nobody",), "timeout": None, "test-timeout": 30}
""")
        self.django_test()
        self.assertEqual(self.xml("reports", "all.xml").get("tests"), "1")

    def test_a_number_of_processes_that_is_none_is_not_meant(self):
        self.project({"shop/tests/test_it.py": ONE},
                     settings="MULE = {'exclude': {'*.Nobody', 3}}\n")
        for processes in ("\N{SUPERSCRIPT TWO}", "0", "auto"):
            self.django_test(env={"DJANGO_TEST_PROCESSES": processes})

    def test_they_may_have_any_character(self):
        self.write("""
class A(SimpleTestCase):
    @tag("\U0001F434")
    def test_1(self): pass
    def test_2(self): pass
""", settings="MULE = {'exclude_tag': ['\U0001F434']}\n")
        result = self.django_test()
        self.assertEqual(list(result.states), ["shop.tests.test_it.A.test_2"])

    def test_a_brokers_password_is_in_nobodys_arguments(self):
        self.write("""
import os
class A(SimpleTestCase):
    def test_1(self):
        found, pid = [], os.getpid()
        while pid > 1:
            with open("/proc/%d/cmdline" % pid) as file:
                found.append(file.read())
            with open("/proc/%d/stat" % pid) as file:
                pid = int(file.read().rpartition(")")[2].split()[1])
        self.assertIn("settings.MULE", "".join(found))
        self.assertNotIn("h" + "ush", "".join(found))
""", settings="MULE = {'broker': 'pigeon://:hush@localhost/0'}\n")
        self.django_test("-j1")
        result = self.manage("mule", "--distributed", status=None,
                             env={"MULE_BROKER": "redis://localhost:1/0"})
        self.assertEqual(result.status, 4, result.text)
        self.assertIn("pigeon", result.err)
        self.assertNotIn("hush", result.text)

    def test_what_is_wrong_with_them_is_said(self):
        for mule, said in (
                ("['jobs']", ["settings.MULE", "list", "dict"]),
                ("{'jbos': 4}", ["settings.MULE", "jbos", "jobs"]),
                ("{'jobs': 'many'}", ["settings.MULE", "many"]),
                ("{'jobs': object()}", ["settings.MULE['jobs']", "object"]),
                ("{3: 4}", ["settings.MULE", "3"])):
            self.project({"shop/tests/test_it.py": ONE},
                         settings="MULE = %s\n" % mule)
            self.assertSays(self.refused(), *said)


class Prepared(FrontCase):

    def databases_kept(self):
        return [name for name in os.listdir(self.folder)
                if name.startswith("kept_")]

    def test_databases_can_be_made_beforehand(self):
        self.project({"shop/tests/test_it.py": ONE}, databases=SQLITE_FILE,
                     settings="MULE = {'db_prefix': 'kept'}\n")
        result = self.manage("mule", "--bootstrap")
        made = self.databases_kept()
        self.assertEqual(len(made), 1, result.text)
        with sqlite3.connect(self.path(made[0])) as database:
            tables = {row[0] for row in database.execute(
                "SELECT name FROM sqlite_master")}
        database.close()
        self.assertIn("shop_item", tables)
        self.django_test("--keepdb", "-j1")
        self.assertIn(made[0], self.databases_kept())
        result = self.manage("mule", "--bootstrap", "shop", status=1)
        self.assertSays(result.err, "takes no labels")


class Coverage(FrontCase):

    def covered(self, *words, status=0):
        result = self.mule("-m", "coverage", "run", *words, "manage.py",
                           "mule", "-j2", binary=self.python)
        self.assertEqual(result.status, status, result.text)
        return result

    def test_coverage_run_is_taken_as_coverage(self):
        self.write(ONE)
        self.suite({".coveragerc": "[run]\nsource = shop\n"})
        result = self.covered()
        self.assertSays(result.err, "taken as --coverage")
        report = self.mule("-m", "coverage", "report", binary=self.python)
        self.assertEqual(set(re.findall(r"(?m)^(\S+)\.py .* 100%$",
                                        report.out)), {
            "shop/__init__", "shop/models", "shop/migrations/__init__",
            "shop/migrations/0001_initial", "shop/tests/__init__",
            "shop/tests/test_it"}, report.out)

    def test_what_is_loaded_before_the_models_is_measured_too(self):
        self.project({"shop/tests/test_it.py": ONE, "all.rc":
                      "[run]\nbranch = true\nsource = .\n"})
        self.manage("mule", "--coverage=all.rc", "-j2")
        report = self.mule("-m", "coverage", "report", binary=self.python)
        self.assertRegex(report.out, r"(?m)^site_/settings\.py .* 100%$")
        self.assertRegex(report.out, r"(?m)^manage\.py .* 100%$")

    def test_what_coverage_run_alone_knows_would_be_forgotten(self):
        self.write(ONE)
        for words, name in ((["--branch"], "branch"),
                            (["--source", "shop"], "source")):
            result = self.covered(*words, status=4)
            self.assertSays(result.err, "run:" + name, "[run]",
                            "manage.py mule --coverage")
        self.suite({".coveragerc": "[run]\nbranch = true\n"})
        self.covered("--branch")


class Example(FrontCase):

    def setUp(self):
        super().setUp()
        shutil.copytree(os.path.join(ROOT, "examples", "django"), self.folder,
                        dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns(
                            "__pycache__", "media", "*.sqlite3"))

    def test_it_is_green(self):
        result = self.django_test("-j2")
        self.assertEqual((result.count("passed"), result.count("skipped")),
                         (21, 1))
        self.assertEqual(set(result.finished), set(self.django_serial()))
        result = self.django_test("forums.ModerationTests")
        self.assertEqual(result.count("passed"), 1)

    def test_mule_yaml_can_have_the_command_itself(self):
        self.suite({"mule.yaml": """
            adapter: $PYTHON manage.py mule --worker
            isolation: worker
            """})
        result = self.mule_test("-j2", "shop", "--python", self.python)
        self.assertEqual(result.count("passed"), 5)


class ExampleOld(Example):
    django = "4.2"
    test_mule_yaml_can_have_the_command_itself = None


class Old(FrontCase):
    """The oldest Django that is supported."""

    django = "4.2"
    test_two_steps_are_enough = Entering.test_two_steps_are_enough
    test_every_option_of_djangos_is_known = \
        Words.test_every_option_of_djangos_is_known
    test_options_of_a_projects_runner_reach_it = \
        Runners.test_options_of_a_projects_runner_reach_it
    test_coverage_run_is_taken_as_coverage = \
        Coverage.test_coverage_run_is_taken_as_coverage
    custom, covered = Runners.custom, Coverage.covered
