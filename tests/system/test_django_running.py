"""`manage.py mule` on small projects: verdicts as under `manage.py test`."""

from support.django_case import DjangoCase, IMPORTS, SQLITE_FILE

EVERY_END = """
class A(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.item = Item.objects.create(name="of the class")
    def test_adds(self):
        Item.objects.create(name="b")
        self.assertEqual(Item.objects.count(), 2)
    def test_sees_the_data_of_the_class_alone(self):
        self.assertEqual([i.name for i in Item.objects.all()],
                         ["of the class"])
    def test_changes_its_copy(self):
        self.item.name = "changed"
    def test_finds_it_unchanged(self):
        self.assertEqual(self.item.name, "of the class")
    def test_fails(self):
        self.assertEqual(Item.objects.count(), 7)
    def test_breaks(self):
        Item.objects.get(name="nobody")
    @unittest.expectedFailure
    def test_is_expected_to_fail(self):
        self.fail("as expected")
    @unittest.expectedFailure
    def test_should_fail(self):
        pass
    @unittest.skip("not today")
    def test_is_skipped(self):
        pass
    async def test_awaits(self):
        self.assertEqual(await Item.objects.acount(), 1)
    async def test_awaits_in_vain(self):
        self.assertEqual(await Item.objects.acount(), 2)
    def test_subtests(self):
        for n in range(4):
            with self.subTest(n=n):
                self.assertNotEqual(n % 2, 1)

class Flushed(TransactionTestCase):
    def test_1(self):
        Item.objects.create(name="b")
        self.assertEqual(Item.objects.count(), 1)
    def test_2(self):
        self.assertEqual(Item.objects.count(), 0)

class Simple(SimpleTestCase):
    def test_without(self):
        pass
    def test_with(self):
        Item.objects.count()

class Plain(unittest.TestCase):
    def test_reads(self):
        Item.objects.count()

class Live(LiveServerTestCase):
    def test_answers(self):
        from urllib import error, request
        with self.assertRaises(error.HTTPError) as caught:
            request.urlopen(self.live_server_url)
        self.assertEqual(caught.exception.code, 404)
        caught.exception.close()
"""


class Running(DjangoCase):

    def test_every_test_ends_as_under_djangos_own_runner(self):
        self.write(EVERY_END)
        own = self.django_serial("shop")
        self.assertEqual(len(own), 17, own)
        result = self.django_test("-j2", status=1)
        # A test whose subtests fail has an end for each of them there.
        states = {id: state for id, state in result.states.items()
                  if not id.endswith("test_subtests")}
        self.assertEqual(states, {
            id: state for id, state in own.items() if "subtests" not in id})
        self.assertShort(result, A__test_subtests="failed")
        findings = result.finished["shop.tests.test_it.A.test_subtests"][
            "findings"]
        self.assertEqual(len(findings), 2)

    def test_what_a_test_leaves_to_its_rollback_is_its_own_error(self):
        self.write("""
class A(TestCase):
    def test_1_points_nowhere(self):
        Item.objects.create(name="a", parent_id=99)
    def test_2_is_well(self):
        pass
    def test_3_fails_besides(self):
        Item.objects.create(name="a", parent_id=99)
        self.fail("besides")
""")
        result = self.django_test(status=1)
        self.assertShort(result, A__test_1="error", A__test_2="passed",
                         A__test_3="error")
        finished = result.finished["shop.tests.test_it.A.test_3_fails_besides"]
        self.assertEqual([f["kind"] for f in finished["findings"]],
                         ["failure", "error"])
        finished = result.finished[
            "shop.tests.test_it.A.test_1_points_nowhere"]
        self.assertEqual(finished["findings"][0]["file"],
                         "shop/tests/test_it.py")
        self.assertSays(result.text, "FAILED (failures=1, errors=2)")

    def test_a_module_that_cannot_be_imported_is_an_error(self):
        self.project({
            "shop/tests/test_bad.py": "import nothing_of_that_name\n",
            "shop/tests/test_good.py": IMPORTS + """
class A(TestCase):
    def test_1(self): pass
"""})
        for labels in ([], ["shop"], ["shop.tests.test_bad",
                                      "shop.tests.test_good"]):
            with self.subTest(labels=labels):
                result = self.django_test(*labels, status=1)
                self.assertStates(result, {
                    "shop.tests.test_good.A.test_1": "passed",
                    "unittest.loader._FailedTest.shop.tests.test_bad":
                        "error"})
                self.assertSays(result.text, "nothing_of_that_name")
                self.assertNotIn("contrib/django/loading.py", result.text)

    def test_a_module_that_ends_the_process_costs_itself(self):
        self.project({
            "shop/tests/test_bad.py": "import os\nos._exit(7)\n",
            "shop/tests/test_good.py": IMPORTS + """
class A(TestCase):
    def test_1(self): pass
"""})
        for labels in ([], ["shop.tests.test_bad", "shop.tests.test_good"]):
            with self.subTest(labels=labels):
                result = self.django_test(*labels, status=1)
                self.assertEqual(
                    result.states["shop.tests.test_good.A.test_1"], "passed")
                self.assertSays(result.text, "shop.tests.test_bad")

    def test_hooks_of_the_projects_runner_are_called_in_order(self):
        self.write("""
class A(TestCase):
    def test_1(self):
        self.assertEqual(os.environ["HOOKED"], "yes")
    def test_2_is_left_out(self):
        pass
""", settings="TEST_RUNNER = 'site_.runner.Runner'\n")
        self.suite({"site_/runner.py": """
            import os
            from django.test.runner import DiscoverRunner

            def said(word):
                with open("hooks", "a") as file:
                    file.write(word + "\\n")

            class Runner(DiscoverRunner):
                @classmethod
                def add_arguments(cls, parser):
                    super().add_arguments(parser)
                    parser.add_argument("--colour")
                def __init__(self, colour=None, **kwargs):
                    said("colour %s" % colour)
                    super().__init__(**kwargs)
                def setup_test_environment(self, **kwargs):
                    said("setup_test_environment")
                    super().setup_test_environment(**kwargs)
                    os.environ["HOOKED"] = "yes"
                def build_suite(self, *args, **kwargs):
                    said("build_suite")
                    suite = super().build_suite(*args, **kwargs)
                    suite._tests = suite._tests[:1]
                    return suite
                def setup_databases(self, **kwargs):
                    said("setup_databases")
                    return super().setup_databases(**kwargs)
                def run_checks(self, databases):
                    said("run_checks %s" % sorted(databases))
                    super().run_checks(databases)
                def run_suite(self, suite, **kwargs):
                    said("run_suite")
                def teardown_databases(self, config, **kwargs):
                    said("teardown_databases")
                    super().teardown_databases(config, **kwargs)
                def teardown_test_environment(self, **kwargs):
                    said("teardown_test_environment")
                    super().teardown_test_environment(**kwargs)
            """})
        result = self.django_test("--colour", "red")
        self.assertStates(result, {"shop.tests.test_it.A.test_1": "passed"})
        self.assertEqual(self.read("hooks").split("\n"), [
            "colour red", "setup_test_environment", "build_suite",
            "setup_databases", "run_checks ['default']",
            "teardown_databases", "teardown_test_environment", ""])

    def test_queries_of_a_failed_test_are_shown_as_django_shows_them(self):
        self.write("""
class A(TestCase):
    def test_1_fails(self):
        Item.objects.create(name="aubergine")
        self.fail("no")
    def test_2_fails(self):
        self.fail("without a query")
    def test_3_passes(self):
        Item.objects.count()
class B(TestCase):
    @classmethod
    def setUpTestData(cls):
        1 / 0
    def test_1(self):
        pass
""")
        result = self.django_test("--debug-sql", status=1)

        def trace_of(event):
            return event["findings"][0]["trace"]
        first = trace_of(result.finished[
            "shop.tests.test_it.A.test_1_fails"])
        _, line, sql = first.partition("\n" + "-" * 70 + "\n")
        self.assertTrue(line, first)
        self.assertSays(sql, "INSERT INTO \"shop_item\"", "aubergine")
        second = trace_of(result.finished[
            "shop.tests.test_it.A.test_2_fails"])
        self.assertNotIn("aubergine", second)
        self.assertNotIn("COUNT", result.text)
        plain = self.django_test(status=1)
        self.assertNotIn("INSERT", plain.text)

    def test_debug_mode_is_on_when_asked_for(self):
        self.write("""
from django.conf import settings
class A(SimpleTestCase):
    def test_1(self):
        self.assertEqual(str(settings.DEBUG), os.environ["EXPECTED"])
""")
        self.django_test(env={"EXPECTED": "False"})
        self.django_test("--debug-mode", env={"EXPECTED": "True"})

    def test_faulthandler_is_on_but_where_that_is_not_wanted(self):
        self.write("""
import faulthandler
class A(SimpleTestCase):
    def test_1(self):
        self.assertEqual(str(faulthandler.is_enabled()),
                         os.environ["EXPECTED"])
""")
        self.django_test(env={"EXPECTED": "True"})
        self.django_test("--no-faulthandler", env={"EXPECTED": "False"})

    def test_the_debugger_has_the_terminal_and_a_database(self):
        self.write("""
class A(TestCase):
    def test_1(self):
        Item.objects.create(name="aubergine")
        self.fail("look at this")
class B(TestCase):
    def test_1(self):
        self.assertEqual(Item.objects.count(), 0)
""", databases=SQLITE_FILE)
        program = self.on_terminal("manage.py", "mule", "--pdb",
                                   binary=self.python)
        program.wait_shown(r"\(Pdb\)")
        program.type("Item.objects.get().name * 2\n")
        program.wait_shown("aubergineaubergine")
        program.type("continue\n")
        self.assertEqual(program.wait(), 1, program.describe())
        self.assertIn("1 passed + 1 failed", program.shown())

    def test_an_application_may_have_the_name_of_a_module_we_need(self):
        self.write("""
class A(TestCase):
    def test_1(self):
        import resource
        self.assertEqual(resource.MINE, 1)
""", settings="INSTALLED_APPS += ['resource']\n")
        self.suite({"resource/__init__.py": "MINE = 1\n"})
        self.django_test()

    def test_a_breakpoint_says_how_to_reach_it(self):
        self.write("""
class A(SimpleTestCase):
    def test_1(self): breakpoint()
""")
        result = self.django_test(status=1)
        self.assertSays(result.text, "python manage.py mule --pdb "
                        "shop.tests.test_it.A.test_1")

    def test_tags_choose_tests(self):
        self.write("""
@tag("slow")
class A(SimpleTestCase):
    def test_1(self): pass
    @tag("core")
    def test_2(self): pass
class B(SimpleTestCase):
    def test_3(self): pass
    @tag("core")
    def test_4(self): pass
""")
        result = self.django_test("--tag", "core", "--exclude-tag", "slow")
        self.assertEqual(self.short(result), {"B.test_4": "passed"})

    def test_the_order_is_that_of_django(self):
        self.write("""
class A(unittest.TestCase):
    def test_1(self): pass
class B(TransactionTestCase):
    def test_1(self): pass
    def test_2(self): pass
class C(TestCase):
    def test_1(self): pass
class D(SimpleTestCase):
    def test_1(self): pass
""")

        def order(*words):
            result = self.django_test("-j1", *words)
            started = [event["name"] for event in result.all("job_started")]
            return [name.rpartition(".")[2] for name in started]
        self.assertEqual(order(), ["C", "B", "D", "A"])
        self.assertEqual(order("--reverse"), ["C", "D", "B", "A"])

    def test_signals_tell_each_slot(self):
        self.write("""
from django.conf import settings
class A(TestCase):
    def test_1(self):
        self.assertEqual(settings.MINE, "slot %s, here %s" % (
            os.environ["MULE_SLOT"], os.environ["MULE_LOCAL_SLOT"]))
        self.assertIn("default", connections)
""")
        self.suite({"shop/models.py": """
            from django.conf import settings
            from django.db import models
            from django.dispatch import receiver
            from mule.contrib.django.signals import slot_started

            class Item(models.Model):
                name = models.CharField(max_length=80, unique=True)
                parent = models.ForeignKey("self", models.CASCADE, null=True)

            @receiver(slot_started)
            def name_it(sender, slot, local_slot, **kwargs):
                settings.MINE = "slot %d, here %d" % (slot, local_slot)
            """})
        for isolation in ("worker", "class", "test"):
            with self.subTest(isolation=isolation):
                self.django_test("-j2", "--isolation", isolation)

    def test_workers_that_were_not_forked_find_the_same_tests(self):
        self.write(EVERY_END)
        forked = self.django_test("-j2", status=1)
        spawned = self.django_test("-j2", "--start", "spawn", status=1)
        self.assertEqual(spawned.states, forked.states)

    def test_times_of_databases_are_notes(self):
        self.write("""
class A(TestCase):
    def test_1(self): pass
""")
        result = self.django_test("--timing")
        self.assertSays("\n".join(result.notes), "Total database setup took",
                        "Total database teardown took", "Creating 'default'")

    def test_a_failed_system_check_is_told_and_nothing_runs(self):
        self.write("""
from django.core.checks import Error, register
@register("database")
def hopeless(app_configs, databases=None, **kwargs):
    return [Error("The sky is green.", hint="Look up.", id="shop.E1")]
class A(TestCase):
    def test_1(self): print("it ran")
""")
        result = self.django_test(status=None)
        self.assertEqual(result.status, 3, result.text)
        self.assertSays(result.text, "The sky is green.", "Look up.")
        self.assertNotIn("it ran", result.text)

    def test_a_receiver_that_raises_ends_the_run(self):
        self.write("""
from django.dispatch import receiver
from mule.contrib.django.signals import slot_started
@receiver(slot_started)
def break_it(**kwargs):
    raise LookupError("no room for media")
class A(TestCase):
    def test_1(self): print("it ran")
""")
        result = self.django_test(status=3)
        self.assertSays(result.text, "slot_started", "no room for media")


class RunningOld(DjangoCase):
    """The oldest Django that is supported."""

    django = "4.2"

    def test_every_test_ends_as_under_djangos_own_runner(self):
        self.write(EVERY_END)
        own = self.django_serial("shop")
        for words in ([], ["--isolation", "class"]):
            with self.subTest(words=words):
                result = self.django_test("-j2", *words, status=1)
                self.assertEqual(
                    {id: state for id, state in result.states.items()
                     if "subtests" not in id},
                    {id: state for id, state in own.items()
                     if "subtests" not in id})
