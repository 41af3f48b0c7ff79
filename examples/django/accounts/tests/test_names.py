from accounts.names import RESERVED, problem_of
from django.test import SimpleTestCase, tag


class NicknameTests(SimpleTestCase):
    """Needs no database: a slot that runs only these has none."""

    def test_a_short_one_is_refused(self):
        self.assertEqual(problem_of("jo"), "too short")

    @tag("fast")
    def test_reserved_ones_are_refused(self):
        for name in sorted(RESERVED):
            with self.subTest(name):
                self.assertEqual(problem_of(name.upper()), "reserved")

    def test_others_may_be_had(self):
        self.assertIsNone(problem_of("johanna"))
