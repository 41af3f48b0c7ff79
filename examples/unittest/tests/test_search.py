import random
import unittest

from shop.search import distance, nearest

GOODS = ["tea", "teapot", "cups", "honey", "biscuits", "sugar", "spoons"]


class Distance(unittest.TestCase):
    def test_the_same_word(self):
        self.assertEqual(distance("honey", "honey"), 0)

    def test_one_letter_is_missing(self):
        self.assertEqual(distance("hony", "honey"), 1)

    def test_nothing_in_common(self):
        self.assertEqual(distance("tea", "cups"), 4)

    def test_it_works_both_ways(self):
        for word in GOODS:
            for other in GOODS:
                self.assertEqual(distance(word, other), distance(other, word))


class Nearest(unittest.TestCase):
    def test_people_cannot_spell(self):
        for typed, meant in (("biskits", "biscuits"), ("shugar", "sugar"),
                             ("spons", "spoons"), ("t", "tea")):
            with self.subTest(typed=typed):
                self.assertEqual(nearest(typed, GOODS), meant)


class BigCatalogue(unittest.TestCase):
    """Slow enough that it pays to run it beside the others."""

    @classmethod
    def setUpClass(cls):
        letters = random.Random(1)
        cls.words = ["".join(letters.choices("abcdefgh", k=9))
                     for _ in range(3000)]

    def test_each_word_finds_itself(self):
        for word in self.words[:5]:
            self.assertEqual(nearest(word, self.words), word)

    def test_a_typo_is_forgiven(self):
        for word in self.words[5:10]:
            self.assertLessEqual(
                distance(nearest(word[:-1] + "x", self.words), word), 2)


class BiggerCatalogue(BigCatalogue):
    """The same again, with other words."""

    @classmethod
    def setUpClass(cls):
        letters = random.Random(2)
        cls.words = ["".join(letters.choices("abcdefghij", k=10))
                     for _ in range(3000)]
