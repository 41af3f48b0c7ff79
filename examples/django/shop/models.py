from django.db import models, transaction
from django.db.models import F


class SoldOut(Exception):
    pass


class Product(models.Model):
    name = models.CharField(max_length=80, unique=True)
    stock = models.PositiveIntegerField(default=0)

    def __str__(self):
        return self.name

    def sell(self, count=1):
        """Take them from the stock, and remember that in the archive."""
        with transaction.atomic():
            there = Product.objects.filter(pk=self.pk, stock__gte=count)
            if not there.update(stock=F("stock") - count):
                raise SoldOut(self.name)
            transaction.on_commit(
                lambda: Sale.objects.create(product=self.name, count=count))


class Sale(models.Model):
    """In a database of its own: see routers.py."""

    product = models.CharField(max_length=80)
    count = models.PositiveIntegerField()

    def __str__(self):
        return "%d x %s" % (self.count, self.product)
