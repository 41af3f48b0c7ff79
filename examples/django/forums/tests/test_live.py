import urllib.request

from django.test import LiveServerTestCase, tag
from forums.models import Forum


@tag("slow", "live")
class LiveForumTests(LiveServerTestCase):
    """A server on a port of its own in each slot."""

    def get(self, path):
        with urllib.request.urlopen(self.live_server_url + path) as answer:
            return answer.read().decode()

    def test_a_browser_sees_the_forums(self):
        Forum.objects.create(title="Weather")
        self.assertIn("Weather", self.get("/forums/"))

    def test_what_another_test_made_is_gone(self):
        self.assertIn("no forums", self.get("/forums/"))
