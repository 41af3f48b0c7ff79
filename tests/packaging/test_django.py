"""A Django project of somebody who has nothing but the wheel."""

import os
import re
import unittest

from support.wheel_case import InPlace
from support.wheel_env import run

# The newest that is supported; for an old Python pip takes an older one.
DJANGO = "Django<6"

TESTS = """
from django.contrib.auth.models import User
from django.test import TestCase, TransactionTestCase


class Users(TestCase):
    @classmethod
    def setUpTestData(cls):
        User.objects.create(username="ann")

    def test_one(self):
        self.assertEqual(User.objects.count(), 1)

    def test_two(self):
        User.objects.create(username="bob")
        self.assertEqual(User.objects.count(), 2)


class Nobody(TransactionTestCase):
    def test_nobody_is_there(self):
        self.assertFalse(User.objects.exists())
"""


class TwoSteps(InPlace):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The first of the two steps.
        cls.place.pip("install", cls.wheel + "[django]", DJANGO)

    def manage(self, *words, **kwargs):
        return run(self.place.python, "manage.py", *words, **kwargs)

    def test_a_new_project_needs_two_steps(self):
        run(self.place.program("django-admin"), "startproject", "site1", ".",
            cwd=self.folder)
        self.manage("startapp", "polls", cwd=self.folder)
        tests = os.path.join(self.folder, "polls", "tests.py")
        with open(tests, "w") as file:
            file.write(TESTS)
        # The second.
        settings = os.path.join(self.folder, "site1", "settings.py")
        with open(settings) as file:
            text = file.read()
        text = text.replace("INSTALLED_APPS = [",
                            'INSTALLED_APPS = ["mule.contrib.django", "polls",')
        with open(settings, "w") as file:
            file.write(text)
        said = self.manage("mule", cwd=self.folder)
        self.assertRegex(said, r"(?m)^3 selected = 3 passed \+ 0 failed")
        self.assertRegex(self.manage("mule", "polls.Users", cwd=self.folder),
                         r"(?m)^2 selected = 2 passed")
        with open(tests, "a") as file:
            file.write("\n    def test_more(self):\n        self.fail('so')\n")
        said = self.manage("mule", cwd=self.folder, status=1)
        self.assertRegex(said, r"(?m)^4 selected = 3 passed \+ 1 failed")
        self.assertIn("AssertionError: so", said)

    def test_the_example_has_the_verdicts_of_its_own_runner(self):
        project = self.copy("examples", "django")
        said = self.manage("mule", cwd=project)
        ran, = re.findall(r"(?m)^Ran (\d+) tests? in",
                          self.manage("test", cwd=project))
        self.assertRegex(said, r"(?m)^%s selected = [^(]* \+ 0 failed" % ran)


if __name__ == "__main__":
    unittest.main()
