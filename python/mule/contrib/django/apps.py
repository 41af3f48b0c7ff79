"""The application: its label is "mule", since "django" says nothing."""

from django.apps import AppConfig


class MuleConfig(AppConfig):
    name = "mule.contrib.django"
    label = "mule"
    verbose_name = "mule"
