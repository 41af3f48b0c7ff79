"""Makes the Django project that the benchmarks run.

A handful of models in each of several apps, with migrations, and beside them
the apps that a project usually has. A third of its classes has data of the
class; every test asks the database for something. Made once and kept.
"""

import os
import subprocess

import inputs

APPS = ("accounts", "articles", "basket", "billing", "forums", "gallery",
        "mailing", "orders", "polls", "stock")
CLASSES = 1000
CLASSES_IN_MODULE = 10

MANAGE = """\
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "conf.settings")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""

SETTINGS = """\
import json
import os

SECRET_KEY = "a benchmark has none"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    *json.loads(os.environ.get("BENCH_APPS", "[]")),
    {apps},
]
DATABASES = {{"default": {{
    "ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3",
    **json.loads(os.environ.get("BENCH_DATABASE", "{{}}"))}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""

MODELS = """\
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=80)
    email = models.EmailField(blank=True)

    class Meta:
        ordering = ["name"]


class Tag(models.Model):
    word = models.SlugField(unique=True)


class Entry(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
    tags = models.ManyToManyField(Tag)
    title = models.CharField(max_length=120)
    text = models.TextField(blank=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    shown = models.BooleanField(default=True)
    written = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["shown", "written"])]
"""

WITH_DATA = '''

class Case{number}(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.author = Author.objects.create(name="Ada {number}")
        cls.entry = Entry.objects.create(author=cls.author, title="one")

    def test_author(self):
        self.assertEqual(Author.objects.get().name, "Ada {number}")

    def test_count(self):
        self.assertEqual(Entry.objects.count(), 1)

    def test_create(self):
        Entry.objects.create(author=self.author, title="two")
        self.assertEqual(self.author.entry_set.count(), 2)

    def test_delete(self):
        Entry.objects.filter(title="one").delete()
        self.assertEqual(Entry.objects.count(), 0)

    def test_exists(self):
        self.assertFalse(Tag.objects.exists())

    def test_filter(self):
        found = Entry.objects.filter(shown=True, author=self.author)
        self.assertEqual([entry.title for entry in found], ["one"])

    def test_join(self):
        self.assertTrue(Entry.objects.filter(
            author__name__startswith="Ada").exists())

    def test_none(self):
        with self.assertRaises(Entry.DoesNotExist):
            Entry.objects.get(title="three")

    def test_save(self):
        self.entry.title = "four"
        self.entry.save()
        self.entry.refresh_from_db()
        self.assertEqual(self.entry.title, "four")

    def test_values(self):
        self.assertEqual(list(Entry.objects.values_list("title")),
                         [("one",)])
'''

WITHOUT_DATA = '''

class Case{number}(TestCase):
    def test_add(self):
        Tag.objects.create(word="new")
        self.assertEqual(Tag.objects.get().word, "new")

    def test_author(self):
        self.assertFalse(Author.objects.filter(name="Bob {number}").exists())

    def test_count(self):
        self.assertEqual(Entry.objects.count(), 0)

    def test_create(self):
        author = Author.objects.create(name="Bob {number}")
        self.assertEqual(author.entry_set.count(), 0)

    def test_delete(self):
        Tag.objects.filter(word="old").delete()
        self.assertEqual(Tag.objects.count(), 0)

    def test_exists(self):
        self.assertFalse(Tag.objects.exists())

    def test_first(self):
        self.assertIsNone(Author.objects.first())

    def test_join(self):
        found = Entry.objects.filter(author__name="Bob", shown=True)
        self.assertEqual(list(found), [])

    def test_update(self):
        self.assertEqual(Entry.objects.update(shown=False), 0)

    def test_values(self):
        self.assertEqual(list(Tag.objects.values_list("word")), [])
'''
TESTS_IN_CLASS = WITH_DATA.count("def test_")
assert TESTS_IN_CLASS == WITHOUT_DATA.count("def test_")


def case(number):
    text = WITHOUT_DATA if number % 3 else WITH_DATA
    return text.format(number=number)


def app(folder, name, first, classes):
    """The app `name` with `classes` test classes, numbered from `first`."""
    home = os.path.join(folder, name)
    tests = os.path.join(home, "tests")
    os.makedirs(tests)
    for path in (home, tests):
        inputs.write(os.path.join(path, "__init__.py"), "")
    inputs.write(os.path.join(home, "models.py"), MODELS)
    for start in range(first, first + classes, CLASSES_IN_MODULE):
        numbers = range(start, min(start + CLASSES_IN_MODULE,
                                   first + classes))
        inputs.write(
            os.path.join(tests, f"test_{start:04}.py"),
            "from django.test import TestCase\n\n"
            f"from {name}.models import Author, Entry, Tag\n"
            + "".join(case(number) for number in numbers))


def fill(folder, python, classes):
    conf = os.path.join(folder, "conf")
    os.mkdir(conf)
    inputs.write(os.path.join(folder, "manage.py"), MANAGE)
    inputs.write(os.path.join(folder, "pytest.ini"),
                 "[pytest]\nDJANGO_SETTINGS_MODULE = conf.settings\n"
                 "python_files = test_*.py\n")
    inputs.write(os.path.join(conf, "__init__.py"), "")
    inputs.write(os.path.join(conf, "settings.py"), SETTINGS.format(
        apps=",\n    ".join(f'"{name}"' for name in APPS)))
    each = classes // len(APPS)
    for place, name in enumerate(APPS):
        app(folder, name, place * each, each)
    subprocess.run([python, "manage.py", "makemigrations", "-v0", *APPS],
                   cwd=folder, check=True, stdin=subprocess.DEVNULL)


def project(root, python, classes=CLASSES):
    """The folder of a project with so many classes of ten tests."""
    return inputs.once(os.path.join(root, f"django-{classes}"),
                       lambda folder: fill(folder, python, classes))
