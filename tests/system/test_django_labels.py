"""Labels of a Django project, down to the tests that run for them."""

from support.django_case import DjangoCase, IMPORTS

CLASS = """
class %s(%s):
    def test_1(self): pass
    def test_2(self): pass
"""
SIMPLE = IMPORTS + CLASS

FILES = {
    "shop/tests/__init__.py": "from .hidden import Hidden\n",
    "shop/tests/hidden.py": SIMPLE % ("Hidden", "SimpleTestCase"),
    "shop/tests/test_cart.py": SIMPLE % ("Cart", "TestCase")
    + CLASS % ("Twice", "SimpleTestCase"),
    "shop/tests/test_more.py": SIMPLE % ("Twice", "SimpleTestCase")
    + "from shop.tests.hidden import Hidden\n",
    "deep/__init__.py": "", "deep/forums/__init__.py": "",
    "deep/forums/test_talk.py": SIMPLE % ("Talk", "SimpleTestCase"),
    "loose/test_loose.py": SIMPLE % ("Loose", "SimpleTestCase"),
}
CART = ["shop.tests.test_cart.Cart.test_1", "shop.tests.test_cart.Cart.test_2"]
TALK = ["deep.forums.test_talk.Talk.test_1",
        "deep.forums.test_talk.Talk.test_2"]
TWICE = ["shop.tests.test_%s.Twice.test_%d" % pair
         for pair in (("cart", 1), ("cart", 2), ("more", 1), ("more", 2))]
HIDDEN = ["shop.tests.hidden.Hidden.test_1", "shop.tests.hidden.Hidden.test_2"]
SHOP = sorted(CART + TWICE + HIDDEN)

LABELS = {
    ("shop",): SHOP,
    ("forums.Talk.test_2", "shop.Cart.test_1"): [TALK[1], CART[0]],
    ("shop.Hidden",): HIDDEN,
    ("shop.Twice",): TWICE,
    ("shop/tests/test_cart.py",): CART + TWICE[:2],
    ("shop/tests", "forums", "shop.tests.test_cart.Cart.test_2"):
        sorted(SHOP + TALK),
    ("loose",): ["test_loose.Loose.test_1", "test_loose.Loose.test_2"],
    ("*.Cart.*1",): CART[:1],
    ("shop.Cart", "shop.tests.test_cart.Cart"): CART,
}

UNKNOWN = {
    "form": "did you mean forums?",
    "forums.talks": "did you mean deep.forums.Talk?",
    "shop.Carts": "did you mean shop.Cart?",
    "shop.Cart.test_3": "did you mean shop.tests.test_cart.Cart.test_",
}


class Labels(DjangoCase):

    def site(self):
        self.project(FILES)
        settings = self.read("site_", "settings.py")
        self.suite({"site_/settings.py":
                    settings + "INSTALLED_APPS += ['deep.forums']\n"})

    def test_labels_are_what_people_write(self):
        self.site()
        for labels, wanted in LABELS.items():
            result = self.manage("mule", "--list", *labels)
            ids = [line.partition("#")[0] for line in result.out.split()]
            with self.subTest(labels):
                self.assertEqual(sorted(set(ids)), wanted, result.text)

    def test_a_label_that_is_unknown_names_the_nearest(self):
        self.site()
        for label, said in UNKNOWN.items():
            result = self.manage("mule", label, status=4)
            with self.subTest(label):
                self.assertSays(result.err, 'label "%s"' % label, said,
                                "hint: --list prints all")

    def test_what_is_chosen_runs(self):
        self.site()
        result = self.django_test("shop.Cart", "forums.Talk.test_1")
        self.assertStates(result, dict.fromkeys(
            sorted(CART + TALK[:1]), "passed"))

    def test_a_module_that_ends_the_process_is_named(self):
        self.site()
        self.suite({"shop/tests/test_bad.py": """
            import os
            os._exit(3)
            class Bad: pass
            """})
        result = self.django_test("shop.Bad", "forums", status=1)
        self.assertEqual(result.states["deep.forums.test_talk.Talk.test_1"],
                         "passed", result.text)
        self.assertSays(result.text, "shop.tests.test_bad", "status 3")


class LabelsOld(Labels):
    django = "4.2"
    test_labels_are_what_people_write = None
    test_a_label_that_is_unknown_names_the_nearest = None
