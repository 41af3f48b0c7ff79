import os
import tempfile
import threading
import unittest

from shop.stock import Stock


class Counting(unittest.TestCase):
    def setUp(self):
        self.stock = Stock(tea=3, cups=12)

    def test_what_is_taken_is_gone(self):
        self.stock.take("tea")
        self.assertEqual(self.stock.left("tea"), 2)

    def test_what_is_added_is_there(self):
        self.stock.add("honey", 5)
        self.assertEqual(self.stock.left("honey"), 5)

    def test_sold_out(self):
        with self.assertRaisesRegex(LookupError, "tea is sold out"):
            self.stock.take("tea", 4)

    def test_a_refusal_takes_nothing(self):
        with self.assertRaises(LookupError):
            self.stock.take("tea", 4)
        self.assertEqual(self.stock.left("tea"), 3)

    def test_unknown_goods(self):
        self.assertEqual(self.stock.left("elephants"), 0)


class ManyCustomers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stock = Stock(tea=1000)

    def test_nobody_takes_the_same_cup_twice(self):
        def buy():
            for _ in range(100):
                self.stock.take("tea")

        customers = [threading.Thread(target=buy) for _ in range(10)]
        for customer in customers:
            customer.start()
        for customer in customers:
            customer.join()
        self.assertEqual(self.stock.left("tea"), 0)


class Receipts(unittest.TestCase):
    def test_a_receipt_is_a_file_of_its_own(self):
        # Under mule TMPDIR is private to each job, so nobody else's receipt
        # is there, however many slots there are.
        path = os.path.join(tempfile.gettempdir(), "receipt")
        with open(path, "x") as file:
            file.write("1 tea")
        self.addCleanup(os.remove, path)

    def test_what_is_printed_belongs_to_this_test(self):
        print("1 tea   2.50 EUR")
        os.write(2, b"written past Python, and captured all the same\n")

    @unittest.skipUnless(os.environ.get("PRINTER"), "there is no printer")
    def test_on_paper(self):
        self.fail("the printer is on fire")
