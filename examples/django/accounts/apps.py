from django.apps import AppConfig
from django.conf import settings
from django.test.utils import override_settings
from mule.contrib.django.signals import slot_started


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self):
        slot_started.connect(separate_media)


def separate_media(slot, **kwargs):
    """Tests that run at the same time do not see each other's files."""
    override_settings(
        MEDIA_ROOT=settings.MEDIA_ROOT / ("slot-%d" % slot)).enable()
