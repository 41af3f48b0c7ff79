"""Labels of a Django project, as people write them. Needs no Django."""

import importlib
import os
import shutil
import sys
import tempfile
import textwrap
import types
import unittest

try:
    from driver import ROOT
except ImportError:
    from .driver import ROOT

sys.path.append(os.path.join(ROOT, "python"))
try:
    from mule.contrib.django.labels import Labels, Modules, Unknown
finally:
    sys.path.remove(os.path.join(ROOT, "python"))

CLASS = """
    import unittest
    class %s(unittest.TestCase):
        def test_ok(self):
            pass
    """
TREE = {
    "lb_site/__init__.py": "",
    "lb_site/forums/__init__.py": "",
    "lb_site/forums/models.py": "class Topic:\n    pass\n",
    "lb_site/forums/tests.py": CLASS % "TopicTests" + """
    def helper():
        pass
    SOMETHING = 3
    """,
    "lb_shop/__init__.py": "",
    "lb_shop/tests/__init__.py": "from .hidden import HiddenTests\n",
    "lb_shop/tests/hidden.py": CLASS % "HiddenTests",
    "lb_shop/tests/test_cart.py": CLASS % "CartTests" + CLASS % "TwiceTests",
    "lb_shop/tests/test_more.py": CLASS % "TwiceTests" + """
        def test_more(self):
            pass
    from .test_cart import CartTests
    """,
    "lb_shop/tests/test_bad.py": "class BadTests:\n  import lb_not_there\n",
    "lb_shop/tests/deep/__init__.py": "",
    "lb_shop/tests/deep/test_deep.py": CLASS % "DeepTests",
    "lb_shop/helper.py": CLASS % "NotFoundTests",
    "lb_calendar/__init__.py": "",
    "lb_calendar/test_days.py": CLASS % "DayTests",
    "lb_loose/test_loose.py": CLASS % "LooseTests",
}


def app(label, name):
    return types.SimpleNamespace(label=label, name=name)


APPS = [app("forums", "lb_site.forums"), app("lb_shop", "lb_shop"),
        app("calendar", "lb_calendar")]


class LabelCase(unittest.TestCase):

    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        for path, text in TREE.items():
            path = os.path.join(self.folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(textwrap.dedent(text))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        sys.path.insert(0, self.folder)
        self.addCleanup(sys.path.remove, self.folder)
        self.addCleanup(self.forget)
        importlib.invalidate_caches()
        self.loaded = []
        self.labels = Labels(APPS, Modules(self.load))

    def load(self, name):
        self.loaded.append(name)
        return importlib.import_module(name)

    def forget(self):
        for name in [name for name in sys.modules if name[:3] == "lb_"]:
            del sys.modules[name]

    def assert_is(self, label, *resolved):
        self.assertEqual(self.labels.resolve(label), list(resolved))

    def assert_unknown(self, label, reason):
        with self.assertRaises(Unknown) as caught:
            self.labels.resolve(label)
        self.assertEqual(str(caught.exception), reason)


class Apps(LabelCase):

    def test_the_label_of_an_app_is_its_package(self):
        self.assert_is("forums", "lb_site.forums")
        self.assert_is("lb_shop", "lb_shop")

    def test_an_app_goes_before_a_module_of_the_library(self):
        self.assert_is("calendar", "lb_calendar")
        self.assert_is("calendar.DayTests", "lb_calendar.test_days.DayTests")

    def test_a_folder_goes_before_an_app(self):
        os.mkdir("forums")
        self.assert_is("forums", "forums")

    def test_a_name_may_begin_with_the_label_of_an_app(self):
        self.assert_is("forums.tests", "lb_site.forums.tests")
        self.assert_is("forums.tests.TopicTests.test_ok",
                       "lb_site.forums.tests.TopicTests.test_ok")


class Short(LabelCase):

    def test_a_class_is_found_in_the_tests_of_its_app(self):
        self.assert_is("forums.TopicTests", "lb_site.forums.tests.TopicTests")
        self.assert_is("lb_shop.DeepTests",
                       "lb_shop.tests.deep.test_deep.DeepTests")

    def test_so_is_a_test(self):
        self.assert_is("forums.TopicTests.test_ok",
                       "lb_site.forums.tests.TopicTests.test_ok")

    def test_the_package_of_an_app_is_as_good_as_its_label(self):
        self.assert_is("lb_site.forums.TopicTests",
                       "lb_site.forums.tests.TopicTests")

    def test_a_class_that_the_package_tests_shows_is_found_there(self):
        self.assert_is("lb_shop.HiddenTests", "lb_shop.tests.HiddenTests")

    def test_one_class_that_two_modules_know_is_found_once(self):
        self.assert_is("lb_shop.CartTests",
                       "lb_shop.tests.test_cart.CartTests")
        self.assertEqual(self.labels.notes, [])

    def test_two_classes_by_one_name_both_run_and_it_is_said(self):
        self.assert_is("lb_shop.TwiceTests",
                       "lb_shop.tests.test_cart.TwiceTests",
                       "lb_shop.tests.test_more.TwiceTests")
        self.assertEqual(self.labels.notes, [
            "lb_shop.TwiceTests is more than one class, and all of them run: "
            "lb_shop.tests.test_cart.TwiceTests, "
            "lb_shop.tests.test_more.TwiceTests"])

    def test_of_two_classes_only_those_with_the_test_run(self):
        self.assert_is("lb_shop.TwiceTests.test_more",
                       "lb_shop.tests.test_more.TwiceTests.test_more")
        self.assertEqual(self.labels.notes, [])

    def test_a_module_that_may_have_it_and_is_broken_speaks_for_itself(self):
        self.assert_is("lb_shop.BadTests", "lb_shop.tests.test_bad")

    def test_modules_that_do_not_have_the_word_are_not_loaded(self):
        self.assert_is("lb_shop.DeepTests",
                       "lb_shop.tests.deep.test_deep.DeepTests")
        self.assertNotIn("lb_shop.tests.test_bad", self.loaded)
        self.assertNotIn("lb_shop.tests.test_more", self.loaded)

    def test_what_discovery_would_not_look_at_is_not_found(self):
        self.assert_unknown(
            "lb_shop.NotFoundTests",
            "app lb_shop has no test class or module named NotFoundTests")


class Paths(LabelCase):

    def test_a_folder_is_left_as_it_is(self):
        self.assert_is("lb_shop/tests", "lb_shop/tests")
        self.assert_is("lb_loose", "lb_loose")

    def test_a_file_is_the_module_that_it_is_imported_as(self):
        self.assert_is("lb_shop/tests/test_cart.py",
                       "lb_shop.tests.test_cart")
        self.assert_is(os.path.abspath("lb_site/forums/tests.py"),
                       "lb_site.forums.tests")
        self.assert_is("lb_shop/tests/__init__.py", "lb_shop.tests")

    def test_a_folder_on_the_path_gives_the_shorter_name(self):
        sys.path.append(os.path.join(self.folder, "lb_loose"))
        self.addCleanup(sys.path.pop)
        self.addCleanup(sys.modules.pop, "test_loose", None)
        self.assert_is("lb_loose/test_loose.py", "test_loose")

    def test_a_file_that_cannot_be_imported_is_unknown(self):
        os.mkdir("not-a-name")
        shutil.copy("lb_shop/helper.py", "not-a-name/test_x.py")
        self.assert_unknown(
            "not-a-name/test_x.py",
            "this file cannot be imported from where Python looks for "
            "modules; name its folder")

    def test_a_path_to_nothing_is_unknown(self):
        self.assert_unknown("lb_shop/test_cart.py",
                            "there is no file or folder lb_shop/test_cart.py")


class Dotted(LabelCase):

    def test_names_that_are_there_are_left_as_they_are(self):
        for label in ("lb_shop.tests", "lb_shop.tests.test_cart",
                      "lb_shop.tests.test_cart.CartTests",
                      "lb_shop.tests.test_cart.CartTests.test_ok",
                      "lb_shop.tests.HiddenTests"):
            with self.subTest(label):
                self.assert_is(label, label)

    def test_what_is_in_a_broken_module_is_left_to_the_runner(self):
        self.assert_is("lb_shop.tests.test_bad.BadTests",
                       "lb_shop.tests.test_bad.BadTests")

    def test_what_is_no_test_is_unknown(self):
        self.assert_unknown(
            "lb_site.forums.models.Topic",
            "lb_site.forums.models.Topic is there, but is no test")
        self.assert_unknown(
            "forums.tests.SOMETHING",
            "lb_site.forums.tests.SOMETHING is there, but is no test")


class Nearest(LabelCase):

    def test_the_nearest_app_is_named(self):
        self.assert_unknown(
            "forms", "there is no app, module or folder named forms; "
            "did you mean forums?")

    def test_the_nearest_package_is_named(self):
        self.assert_unknown(
            "lb_sit.forums", "there is no app, module or folder named "
            "lb_sit; did you mean lb_site?")

    def test_the_nearest_class_of_an_app_is_named(self):
        self.assert_unknown(
            "forums.topictest",
            "app lb_site.forums has no test class or module named topictest; "
            "did you mean lb_site.forums.TopicTests?")

    def test_the_nearest_module_is_named(self):
        self.assert_unknown(
            "lb_shop.tets.test_cart",
            "app lb_shop has no test class or module named tets; did you "
            "mean lb_shop.tests?")

    def test_the_nearest_class_of_a_module_is_named(self):
        self.assert_unknown(
            "forums.tests.TopicTest",
            "module lb_site.forums.tests has no test class or module named "
            "TopicTest; did you mean lb_site.forums.tests.TopicTests?")

    def test_the_nearest_test_is_named(self):
        for label in ("forums.TopicTests.test_okay",
                      "forums.tests.TopicTests.test_okay"):
            self.assert_unknown(
                label, "class lb_site.forums.tests.TopicTests has no test "
                "named test_okay; did you mean "
                "lb_site.forums.tests.TopicTests.test_ok?")

    def test_what_is_like_nothing_has_no_nearest(self):
        self.assert_unknown(
            "qqqqqqqq", "there is no app, module or folder named qqqqqqqq")

    def test_a_label_has_to_be_a_name(self):
        self.assert_unknown("forums..tests",
                            "it is no dotted name, file or folder")


if __name__ == "__main__":
    unittest.main()
