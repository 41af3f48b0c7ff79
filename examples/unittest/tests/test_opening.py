import asyncio
import datetime
import unittest

MODULE_LOG = []


def setUpModule():
    MODULE_LOG.append("the shop is open")


def tearDownModule():
    MODULE_LOG.append("the shop is closed")


class Hours(unittest.TestCase):
    def is_open(self, hour, day=1):
        return 9 <= datetime.time(hour).hour < 18 and day != 7

    def test_every_hour(self):
        for hour in range(24):
            with self.subTest(hour=hour):
                self.assertEqual(self.is_open(hour), 9 <= hour <= 17)

    def test_closed_on_sundays(self):
        self.assertFalse(self.is_open(12, day=7))

    def test_the_module_was_set_up_first(self):
        self.assertEqual(MODULE_LOG, ["the shop is open"])


class Queue(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.served = []

    async def serve(self, name):
        await asyncio.sleep(0)
        self.served.append(name)

    async def test_everybody_is_served(self):
        await asyncio.gather(*map(self.serve, ["ann", "bob", "cy"]))
        self.assertEqual(sorted(self.served), ["ann", "bob", "cy"])

    async def test_an_empty_shop(self):
        await asyncio.gather()
        self.assertEqual(self.served, [])
