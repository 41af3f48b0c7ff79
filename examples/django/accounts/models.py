from django.conf import settings
from django.db import models


class Profile(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL,
                                on_delete=models.CASCADE)
    nickname = models.CharField(max_length=40, unique=True)
    picture = models.FileField(upload_to="pictures", blank=True)

    def __str__(self):
        return self.nickname
