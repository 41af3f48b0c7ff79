"""Sums of money, in whole cents."""


class Money:
    """An amount of one currency; amounts of two do not mix."""

    def __init__(self, cents, currency="EUR"):
        if not isinstance(cents, int):
            raise TypeError("money is counted in whole cents")
        self.cents, self.currency = cents, currency

    def __add__(self, other):
        if other.currency != self.currency:
            raise ValueError("%s and %s do not mix"
                             % (self.currency, other.currency))
        return Money(self.cents + other.cents, self.currency)

    def __mul__(self, count):
        return Money(self.cents * count, self.currency)

    def __eq__(self, other):
        return (self.cents, self.currency) == (other.cents, other.currency)

    def __repr__(self):
        return "%d.%02d %s" % (*divmod(self.cents, 100), self.currency)

    def split(self, ways):
        """Equal shares; the first ones take the cents that are left.

        >>> Money(100).split(3)
        [0.34 EUR, 0.33 EUR, 0.33 EUR]
        """
        share, rest = divmod(self.cents, ways)
        return [Money(share + (place < rest), self.currency)
                for place in range(ways)]
