"""`python manage.py mule`: add 'mule.contrib.django' to INSTALLED_APPS."""
