import os

from accounts.models import Profile
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.test import TestCase


class ProfileTests(TestCase):

    @classmethod
    def setUpTestData(cls):
        users = get_user_model().objects
        cls.johanna = users.create_user("johanna", password="secret")
        cls.profile = Profile.objects.create(user=cls.johanna,
                                             nickname="jojo")

    def test_a_nickname_is_had_once(self):
        other = get_user_model().objects.create_user("other")
        with self.assertRaises(IntegrityError), transaction.atomic():
            Profile.objects.create(user=other, nickname="jojo")

    def test_a_profile_goes_with_its_user(self):
        self.johanna.delete()
        self.assertFalse(Profile.objects.exists())

    def test_a_picture_is_kept(self):
        self.profile.picture.save("me.txt", ContentFile(b":-)"))
        self.addCleanup(self.profile.picture.delete)
        with self.profile.picture.open() as file:
            self.assertEqual(file.read(), b":-)")
        if "MULE_SLOT" in os.environ:  # see accounts/apps.py
            self.assertIn("slot-" + os.environ["MULE_SLOT"],
                          self.profile.picture.path)

    def test_a_login_works(self):
        self.assertTrue(self.client.login(username="johanna",
                                          password="secret"))
