from django.conf import settings
from django.db import models


class Forum(models.Model):
    title = models.CharField(max_length=80)
    closed = models.BooleanField(default=False)

    def __str__(self):
        return self.title


class Topic(models.Model):
    forum = models.ForeignKey(Forum, on_delete=models.CASCADE,
                              related_name="topics")
    subject = models.CharField(max_length=120)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True,
                               on_delete=models.SET_NULL)

    def __str__(self):
        return self.subject


class Post(models.Model):
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE,
                              related_name="posts")
    text = models.TextField()

    def __str__(self):
        return self.text[:40]
