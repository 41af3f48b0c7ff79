"""What `mule test LABEL...` runs, and what it says about labels."""

from support.mule_case import MuleCase

SHOP = {
    "shop/__init__.py": "",
    "shop/test_cart.py": """
        import unittest

        class Cart(unittest.TestCase):
            def test_add(self): pass
            def test_remove(self): pass

        class Login(unittest.TestCase):
            def test_ok(self): pass
        """,
    "shop/api/__init__.py": "",
    "shop/api/test_orders.py": """
        import unittest

        class Orders(unittest.TestCase):
            def test_list(self): pass
        """,
    "shop/web/__init__.py": "",
    "shop/web/test_pages.py": """
        import unittest

        class LoginPage(unittest.TestCase):
            def test_shown(self): pass
        """,
    "test_top.py": """
        import unittest

        class Top(unittest.TestCase):
            def test_it(self): pass
        """,
}
ADD = "shop.test_cart.Cart.test_add"
REMOVE = "shop.test_cart.Cart.test_remove"
OK = "shop.test_cart.Login.test_ok"
LIST = "shop.api.test_orders.Orders.test_list"
SHOWN = "shop.web.test_pages.LoginPage.test_shown"
TOP = "test_top.Top.test_it"
ALL = {ADD, REMOVE, OK, LIST, SHOWN, TOP}


class Selecting(MuleCase):

    def setUp(self):
        super().setUp()
        self.suite(SHOP)

    def assertRuns(self, args, *ids, **more):
        result = self.mule_test(*args, **more)
        self.assertEqual(set(result.states), set(ids), result.text)
        self.assertEqual(result.tally["selected"], len(ids))
        return result

    def test_without_a_label_discovery_finds_everything(self):
        self.assertRuns([], *ALL)

    def test_k_does_not_hide_a_module_that_cannot_be_loaded(self):
        self.suite({"shop/test_new.py": "import no_such_module"})
        broken = "unittest.loader._FailedTest.shop.test_new"
        result = self.assertRuns(["-k", "Cart"], ADD, REMOVE, broken, status=1)
        self.assertEqual(result.states[broken], "error")
        self.assertRuns(["-k", "Cart", "--exclude", "shop.test_new"],
                        ADD, REMOVE)
        self.assertRuns(["shop.*.Cart", "shop.api.*"], ADD, REMOVE, LIST,
                        broken, status=1)

    def test_a_path_is_a_file(self):
        self.assertRuns(["shop/test_cart.py"], ADD, REMOVE, OK)

    def test_a_path_may_be_absolute(self):
        self.assertRuns([self.path("shop/test_cart.py")], ADD, REMOVE, OK)

    def test_a_path_is_a_folder(self):
        self.assertRuns(["shop/api"], LIST)

    def test_a_folder_may_end_with_a_slash_and_begin_with_a_dot(self):
        self.assertRuns(["./shop/web/"], SHOWN)

    def test_a_dotted_name_is_a_package(self):
        self.assertRuns(["shop.api"], LIST)

    def test_a_dotted_name_is_a_module(self):
        self.assertRuns(["shop.test_cart"], ADD, REMOVE, OK)

    def test_a_dotted_name_is_a_class(self):
        self.assertRuns(["shop.test_cart.Cart"], ADD, REMOVE)

    def test_a_dotted_name_is_a_method(self):
        self.assertRuns([ADD], ADD)

    def test_several_labels_add_up(self):
        self.assertRuns([ADD, "test_top", "shop/web"], ADD, TOP, SHOWN)

    def test_a_pattern_fits_a_part_in_the_middle(self):
        self.assertRuns(["shop.*.test_orders"], LIST)

    def test_a_pattern_fits_anywhere_between_stars(self):
        self.assertRuns(["*Login*"], OK, SHOWN)

    def test_a_pattern_may_have_a_set_of_characters(self):
        self.assertRuns(["shop.test_cart.[CX]art"], ADD, REMOVE)

    def test_a_pattern_and_a_name_add_up(self):
        self.assertRuns(["*LoginPage*", TOP], SHOWN, TOP)

    def test_k_is_a_part_of_the_id(self):
        self.assertRuns(["-k", "cart.Cart"], ADD, REMOVE)

    def test_k_with_a_star_is_a_pattern(self):
        self.assertRuns(["-k", "*_o[kx]"], OK)

    def test_several_k_add_up(self):
        self.assertRuns(["-k", "test_ok", "-k", "test_list"], OK, LIST)

    def test_k_narrows_labels(self):
        self.assertRuns(["shop", "-k", "test_ok"], OK)

    def test_include_takes_a_class(self):
        self.assertRuns(["--include", "Cart"], ADD, REMOVE)

    def test_include_takes_a_list_and_may_be_repeated(self):
        self.assertRuns(["--include", "Orders,Top", "--include", "Login"],
                        LIST, TOP, OK)

    def test_include_takes_a_pattern(self):
        self.assertRuns(["--include", "*Login*"], OK, SHOWN)

    def test_exclude_takes_classes_and_patterns(self):
        self.assertRuns(["--exclude", "Cart,*LoginPage*", "--exclude", "Top"],
                        LIST, OK)

    def test_exclude_wins_over_include(self):
        self.assertRuns(["--include", "Cart,Top", "--exclude", "Cart"], TOP)

    def test_what_is_left_out_is_counted(self):
        result = self.mule_test("--exclude", "Cart")
        self.assertEqual(result.all("collected")[0]["excluded"], 2)

    def test_jobs_come_from_a_file(self):
        self.suite({"jobs.txt": f"{ADD}\n\nshop/api\n"})
        self.assertRuns(["--jobs-from", "jobs.txt"], ADD, LIST)

    def test_jobs_come_from_standard_input(self):
        self.assertRuns(["--jobs-from", "-"], TOP, OK,
                        stdin=f"test_top\n{OK}".encode())

    def test_jobs_from_a_file_that_is_not_there_is_a_mistake(self):
        result = self.mule_test("--jobs-from", "none.txt", status=4)
        self.assertMistake(result, "none.txt")

    def test_no_jobs_on_standard_input_is_nothing_to_do(self):
        self.mule_test("--jobs-from", "-", stdin=b"", status=5)

    def test_an_unknown_module_is_told_with_the_nearest_name(self):
        result = self.mule_test("shop.test_crat", status=4)
        self.assertMistake(result, "shop.test_crat", "shop.test_cart")

    def test_an_unknown_class_is_told_with_the_nearest_name(self):
        result = self.mule_test("shop.test_cart.Logon", status=4)
        self.assertMistake(result, "shop.test_cart.Logon",
                           "shop.test_cart.Login")

    def test_an_unknown_method_is_told_with_the_nearest_name(self):
        result = self.mule_test("shop.test_cart.Cart.test_ad", status=4)
        self.assertMistake(result, ADD)

    def test_an_unknown_path_is_a_mistake(self):
        result = self.mule_test("shop/test_crat.py", status=4)
        self.assertMistake(result, "shop/test_crat.py")

    def test_an_unknown_pattern_is_a_mistake(self):
        result = self.mule_test("*Lgoin*", status=4)
        self.assertMistake(result, "*Lgoin*")

    def test_one_unknown_label_among_others_runs_nothing(self):
        result = self.mule_test(ADD, "shop.nothing", status=4)
        self.assertMistake(result, "shop.nothing")
        self.assertEqual(result.states, {})

    def test_selecting_nothing_is_a_status_of_its_own(self):
        result = self.mule_test("-k", "no_such_test", status=5)
        self.assertEqual(result.states, {})
        self.assertIn("no_such_test", result.text)

    def test_basedir_and_pattern_are_those_of_discover(self):
        self.suite({"checks/check_one.py": """
            import unittest
            class One(unittest.TestCase):
                def test_it(self): pass
            """})
        self.assertRuns(["--basedir", "checks", "-p", "check_*.py"],
                        "check_one.One.test_it")

    def test_top_is_that_of_discover(self):
        self.assertRuns(["-s", "shop/api", "-t", "."], LIST)

    def test_basedir_does_not_change_the_working_directory(self):
        self.suite({"below/test_where.py": """
            import os, unittest
            class Where(unittest.TestCase):
                def test_it(self): print("in", os.getcwd())
            """})
        result = self.mule_test("-s", "below")
        self.assertEqual(result.output_of("test_where.Where.test_it"),
                         f"in {self.folder}\n")

    def test_tests_in_the_style_of_pytest_are_counted_with_a_way_out(self):
        self.suite({"test_style.py": """
            def test_one(): pass
            def test_two(): pass
            class TestThree:
                def test_it(self): pass
            """})
        result = self.mule_test()
        self.assertEqual(set(result.states), ALL)
        self.assertRegex(result.text, r"(?i)pytest")
        self.assertIn("test_style.py", result.text)
        self.assertIn("--runner", result.text)
