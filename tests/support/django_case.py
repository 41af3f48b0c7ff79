"""A TestCase that runs `manage.py mule` on a small project of its own.

`self.project(files)` writes the project: what a file does not say otherwise
is a project `site` with one app, `shop`, that has a model `Item`. Each class
says by `django` with which version it runs. What MuleCase asks of all runs is
asked here, too, and that no database was left: neither in the record, nor as
a file in the project's folder.
"""

import json
import os

from . import django_env
from .mule_case import BINARY, MuleCase, ROOT

MANAGE = """
#!/usr/bin/env python
import os
import sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""

SETTINGS = """\
import os
SECRET_KEY = "tests have none"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes",
                  "shop", "mule.contrib.django"]
DATABASES = {databases!r}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "site_.urls"
USE_TZ = True
"""

MODELS = """
from django.db import models

class Item(models.Model):
    name = models.CharField(max_length=80, unique=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True)
"""

MIGRATION = """
import django.db.models.deletion
from django.db import migrations, models

class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.CreateModel("Item", [
        ("id", models.BigAutoField(primary_key=True, serialize=False,
                                   auto_created=True, verbose_name="ID")),
        ("name", models.CharField(max_length=80, unique=True)),
        ("parent", models.ForeignKey(
            "shop.Item", django.db.models.deletion.CASCADE, null=True)),
    ])]
"""

# What most test modules begin with.
IMPORTS = """\
import os, sys, unittest
from django.db import connection, connections
from django.test import *
from shop.models import Item
"""

SQLITE_MEMORY = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
SQLITE_FILE = {
    "ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3",
    "TEST": {"NAME": "test_site.sqlite3"}}


class DjangoCase(MuleCase):
    """See above."""

    django = "5.2"

    def setUp(self):
        super().setUp()
        self.python = django_env.python(self.django)
        self.state = os.path.join(self.home, "state")
        self.environment.update({
            "PYTHONPATH": os.path.join(ROOT, "python"),
            "MULE_BINARY": BINARY, "MULE_STATE": self.state,
            "PYTHONDONTWRITEBYTECODE": "1"})
        self.addCleanup(self._look_for_databases)

    def _look_for_databases(self):
        if not os.path.isdir(self.folder):
            return
        self.assertEqual(self.recorded(), [], "a record was left")
        left = [name for name in os.listdir(self.folder)
                if "sqlite3" in name and name not in self.databases_kept()]
        self.assertEqual(left, [], "databases were left")

    def databases_kept(self):
        """Names of SQLite files that may stay in the project's folder."""
        return ()

    def recorded(self):
        """The files of the record of databases."""
        found = []
        for root, _, names in os.walk(self.state):
            found += [os.path.join(root, name) for name in names
                      if not name.endswith(".lock")]
        return found

    def project(self, files=None, databases=None, settings=""):
        """Writes a project. `databases` is for DATABASES, or the entry of
        `default` alone; without it that is SQLite in memory. `settings` is
        more for the end of settings.py."""
        databases = databases or SQLITE_MEMORY
        if "ENGINE" in databases:
            databases = {"default": databases}
        self.suite({
            "manage.py": MANAGE,
            "site_/__init__.py": "", "site_/urls.py": "urlpatterns = []\n",
            "site_/settings.py":
                SETTINGS.format(databases=databases) + settings,
            "shop/__init__.py": "", "shop/models.py": MODELS,
            "shop/migrations/__init__.py": "",
            "shop/migrations/0001_initial.py": MIGRATION,
            "shop/tests/__init__.py": "", **(files or {})})

    def write(self, text, name="test_it", **more):
        """Writes a project with one module of tests, `shop.tests.NAME`."""
        self.project({"shop/tests/%s.py" % name: IMPORTS + text}, **more)

    # ------------------------------------------------------------ running

    def manage(self, *args, status=0, **more):
        """Runs `manage.py ARGS` to its end, whatever that is."""
        result = self.result_of(self.start_manage(*args, **more), check=False)
        if status is not None:
            self.assertEqual(result.status, status, result.text)
        return result

    def start_manage(self, *args, **more):
        return self.start("manage.py", *args, binary=self.python, **more)

    def start_django(self, *args, **more):
        """Starts `manage.py mule` with its events on standard output."""
        return self.start_manage("mule", "--json", "-", *args, **more)

    def django_test(self, *args, status=0, check=True, **more):
        """Runs `manage.py mule ARGS`; its status must be the one given."""
        events = os.path.join(self.home, "events.json")
        if os.path.exists(events):
            os.remove(events)
        program = self.start_manage("mule", "--json", events, *args, **more)
        result = self.result_of(program, events, check)
        if status is not None:
            self.assertEqual(result.status, status, program.describe())
        return result

    def django_serial(self, *labels, **more):
        """What Django's own runner makes of it: {id: how it ended}."""
        path = os.path.join(self.home, "serial.json")
        self.suite({"recorder_.py": RECORDER})
        self.manage("test", "--testrunner", "recorder_.Runner", *labels,
                    status=None, env={"RECORD_TO": path}, **more)
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    # ---------------------------------------------------------- asserting

    def short(self, result):
        """States by the end of their id: "T.test_x"."""
        return {id.partition("test_it.")[2] or id: state
                for id, state in result.states.items()}

    def assertShort(self, result, **wanted):
        """`wanted`: states by class, or by class__method."""
        found = self.short(result)
        for name, state in wanted.items():
            cls, _, method = name.partition("__")
            states = {known: value for known, value in found.items()
                      if known.startswith(cls + "." + method)}
            self.assertEqual(set(states.values()), {state},
                             "%s: %s\n%s" % (name, found, result.text))


RECORDER = """
import json, os, unittest
from django.test.runner import DiscoverRunner

class Result(unittest.TextTestResult):
    ends = {}
    def addSuccess(self, test):
        super().addSuccess(test)
        self.ends[test.id()] = "passed"
    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.ends[test.id()] = "failed"
    def addError(self, test, err):
        super().addError(test, err)
        self.ends[test.id()] = "error"
    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.ends[test.id()] = "skipped"
    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.ends[test.id()] = "xfailed"
    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.ends[test.id()] = "xpassed"

class Runner(DiscoverRunner):
    def get_resultclass(self):
        return Result
    def run_suite(self, *args, **kwargs):
        try:
            return super().run_suite(*args, **kwargs)
        finally:
            with open(os.environ["RECORD_TO"], "w") as file:
                json.dump(Result.ends, file)
"""
