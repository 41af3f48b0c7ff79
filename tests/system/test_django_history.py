"""`manage.py mule` remembers, and runs again what failed."""

import json
import os

from support.django_case import DjangoCase

TESTS = """
import os

class First(TestCase):
    def test_one(self):
        self.assertFalse(os.path.exists("bad"))

    def test_two(self):
        Item.objects.create(name="x")

class Second(SimpleTestCase):
    def test_three(self):
        pass
"""


class Remembering(DjangoCase):

    def setUp(self):
        super().setUp()
        self.write(TESTS)
        self.bad = self.path("bad")
        with open(self.bad, "w", encoding="utf-8"):
            pass

    def test_what_failed_runs_again(self):
        self.django_test(status=1)
        self.assertTrue(os.path.isfile(self.path(".mule", "history.db")))
        os.remove(self.bad)
        result = self.django_test("--failed")
        self.assertEqual(list(result.states.values()), ["passed"])
        self.assertEqual(result.tally["outstanding"], 0)

    def test_how_much_is_printed_makes_no_other_suite(self):
        self.django_test("-v", "2", status=1)
        os.remove(self.bad)
        result = self.django_test("--failed", "--noinput", "--traceback")
        self.assertEqual(len(result.states), 1, result.text)

    def test_the_program_looks_back_at_it(self):
        self.django_test("--id", "one", status=1)
        out = self.mule("history", "--json").out
        build, = map(json.loads, out.splitlines())
        self.assertEqual((build["build"], build["exit_status"]), ("one", 1))
        listed = self.manage("mule", "--list", "-v", "2").out
        self.assertIn("failed", listed)
