from django.test import TestCase
from forums.models import Forum


class ModerationTests(TestCase):

    def test_a_closed_forum_takes_no_topics(self):
        forum = Forum.objects.create(title="Old", closed=True)
        answer = self.client.post("/forums/%d/" % forum.pk,
                                  {"subject": "x", "text": "y"})
        self.assertEqual(answer.status_code, 403)
        self.assertFalse(forum.topics.exists())
