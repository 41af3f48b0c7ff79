import doctest
import unittest

from shop import money
from shop.money import Money


class Sums(unittest.TestCase):
    def test_cents_add_up(self):
        self.assertEqual(Money(150) + Money(250), Money(400))

    def test_currencies_do_not_mix(self):
        with self.assertRaisesRegex(ValueError, "EUR and USD"):
            Money(1) + Money(1, "USD")

    def test_half_a_cent_does_not_exist(self):
        with self.assertRaises(TypeError):
            Money(0.5)

    def test_three_of_a_kind(self):
        self.assertEqual(Money(199) * 3, Money(597))

    def test_nothing_is_money_too(self):
        self.assertEqual(Money(0) + Money(7), Money(7))


class Shares(unittest.TestCase):
    def test_no_cent_is_lost(self):
        for cents in (0, 1, 99, 100, 12345):
            for ways in (1, 2, 3, 7):
                with self.subTest(cents=cents, ways=ways):
                    shares = Money(cents).split(ways)
                    self.assertEqual(sum(s.cents for s in shares), cents)

    def test_shares_are_fair(self):
        cents = [share.cents for share in Money(1000).split(7)]
        self.assertLessEqual(max(cents) - min(cents), 1)

    def test_nobody_to_share_with(self):
        with self.assertRaises(ZeroDivisionError):
            Money(100).split(0)

    @unittest.expectedFailure
    def test_debts_can_be_written(self):
        self.assertEqual(repr(Money(-50)), "-0.50 EUR")


class Writing(unittest.TestCase):
    def test_cents_have_two_digits(self):
        self.assertEqual(repr(Money(705)), "7.05 EUR")

    def test_other_currencies(self):
        self.assertEqual(repr(Money(100, "USD")), "1.00 USD")


def load_tests(loader, tests, pattern):
    tests.addTests(doctest.DocTestSuite(money))
    return tests
