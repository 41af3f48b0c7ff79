"""A TestCase that plays scenes on test databases: database_scene.py.

Each scene is a process of a Django that is installed beside the program, in a
folder with an app `shop`, and with a record of databases of its own. After
each test nothing may be left, in the record or on the server.
"""

import json
import os
import shutil
import subprocess
import tempfile
import textwrap
import unittest

from . import django_env

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = os.path.join(os.path.dirname(TESTS), "python")
PATIENCE = 300

MODELS = """
from django.db import models

class Item(models.Model):
    name = models.CharField(max_length=80)
"""

MIGRATION = """
from django.db import migrations, models

def fill(apps, editor):
    Item = apps.get_model("shop", "Item")
    Item.objects.using(editor.connection.alias).create(name="first")

class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Item", [
            ("id", models.BigAutoField(primary_key=True, serialize=False)),
            ("name", models.CharField(max_length=80))]),
        migrations.RunPython(fill, migrations.RunPython.noop)]
"""

SCENE = """
from support.database_scene import *
"""


class SceneCase(unittest.TestCase):
    """See above. `server` is one of database_servers, or None."""

    django = "5.2"
    server = None

    def setUp(self):
        self.python = django_env.python(self.django)
        self.folder = tempfile.mkdtemp(prefix="mule-scene-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.state = os.path.join(self.folder, "state")
        self.write("shop/__init__.py", "")
        self.write("shop/models.py", MODELS)
        self.write("shop/migrations/__init__.py", "")
        self.write("shop/migrations/0001_initial.py", MIGRATION)
        self.addCleanup(self.look_for_databases)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def look_for_databases(self):
        """Those that a test means to stay it removes itself."""
        self.assertEqual(self.databases(), [], "databases were left")
        self.assertEqual(self.recorded(), [], "a record was left")

    def recorded(self):
        home = os.path.join(self.state, "databases")
        if not os.path.isdir(home):
            return []
        return sorted(name for name in os.listdir(home)
                      if not name.endswith((".lock", ".prepared")))

    def databases(self):
        return self.server.databases() if self.server else []

    def settings(self, **more):
        """DATABASES for one alias."""
        return {"default": self.server.settings("shop", **more)}

    def start(self, code, databases=None, env=None, apps=("shop",)):
        code = SCENE + "configure(%r, apps=%r)\n" % (
            databases or self.settings(), tuple(apps)) \
            + textwrap.dedent(code)
        environ = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MULE", "PG", "BUILD_ID"))}
        environ.update(PYTHONPATH=PYTHON + os.pathsep + TESTS,
                       MULE_STATE=self.state, PYTHONDONTWRITEBYTECODE="1")
        environ.update(env or {})
        return subprocess.Popen(
            [self.python, os.path.join(TESTS, "support", "database_scene.py"),
             code], cwd=self.folder, env=environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process, status=0):
        out, err = process.communicate(timeout=PATIENCE)
        if status is not None:
            self.assertEqual(process.returncode, status, out + err)
        return [json.loads(line) for line in out.splitlines()]

    def play(self, code, status=0, **more):
        """What a scene tells; one thing by itself, more as a list."""
        told = self.finish(self.start(code, **more), status)
        return told[0] if len(told) == 1 else told
