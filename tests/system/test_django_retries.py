"""`manage.py mule --retries`: what failed runs again, on clean databases."""

from support.django_case import DjangoCase, SQLITE_FILE

SPOILS = """
import os
FIRST = lambda: os.environ["MULE_ATTEMPT"] == "1"

class Crash(TransactionTestCase):
    def test_spoils(self):
        Item.objects.create(name="left over")
        if FIRST():
            os.abort()
        self.assertEqual(Item.objects.count(), 1)

class Flaky(TestCase):
    @classmethod
    def setUpTestData(cls):
        Item.objects.create(name="of the class")
    def test_it(self):
        self.assertEqual(Item.objects.count(), 1)
        self.assertFalse(FIRST())

class Data(TestCase):
    @classmethod
    def setUpTestData(cls):
        Item.objects.create(name="half")
        assert not FIRST()
    def test_one(self):
        self.assertEqual(Item.objects.count(), 1)
"""


class Retries(DjangoCase):

    def test_a_retry_finds_the_tables_as_they_should_be(self):
        self.write(SPOILS, databases=SQLITE_FILE)
        result = self.django_test("--retries", "1", "--retry-delay", "1ms",
                                  "-j", "1")
        self.assertEqual(set(result.states.values()), {"passed"}, result.text)
        flaky = {id.split(".")[-1] if " " not in id else id.split(" ")[0]
                 for id, event in result.finished.items()
                 if event.get("flaky")}
        self.assertEqual(flaky, {"test_spoils", "test_it", "setUpClass"})
