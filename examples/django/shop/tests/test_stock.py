from django.test import TestCase, TransactionTestCase
from shop.models import Product, Sale, SoldOut


class StockTests(TestCase):
    databases = {"default", "archive"}

    @classmethod
    def setUpTestData(cls):
        cls.lamp = Product.objects.create(name="lamp", stock=2)

    def test_what_is_sold_is_gone(self):
        self.lamp.sell(2)
        self.lamp.refresh_from_db()
        self.assertEqual(self.lamp.stock, 0)

    def test_more_than_there_is_cannot_be_sold(self):
        with self.assertRaises(SoldOut):
            self.lamp.sell(3)

    def test_a_sale_is_archived_when_it_is_certain(self):
        with self.captureOnCommitCallbacks(execute=True):
            self.lamp.sell()
        self.assertEqual(str(Sale.objects.get()), "1 x lamp")


class CommitTests(TransactionTestCase):
    """These commit: the slot's databases are made anew for the next
    TestCase."""

    databases = {"default", "archive"}

    def test_a_sale_is_archived_at_once(self):
        Product.objects.create(name="chair", stock=1).sell()
        self.assertEqual(Sale.objects.get().product, "chair")

    def test_what_failed_is_not_archived(self):
        chair = Product.objects.create(name="chair")
        with self.assertRaises(SoldOut):
            chair.sell()
        self.assertFalse(Sale.objects.exists())
