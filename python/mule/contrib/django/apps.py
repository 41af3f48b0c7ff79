"""The application: its label is "mule", since "django" says nothing."""

import sys

from django.apps import AppConfig


class MuleConfig(AppConfig):
    name = "mule.contrib.django"
    label = "mule"
    verbose_name = "mule"

    def __init__(self, *args):
        super().__init__(*args)
        # `manage.py mule`: what loads the models is another process.
        if sys.argv[1:2] == ["mule"]:
            from . import front
            front.early()
