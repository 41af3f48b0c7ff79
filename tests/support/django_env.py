"""Virtual environments with the Djangos that are supported: environments.py.

    python = django_env.python("5.2")

Called as a program it makes all of them:

    tests/support/django_env.py [NAME...]
"""

import sys

if __package__:
    from .environments import Environments
else:
    from environments import Environments

# What projects use to reach their servers. mysqlclient is compiled.
DRIVERS = ["psycopg[binary]==3.2.13", "mysqlclient==2.2.7", "coverage"]

# What there is to be tested with. This is the one place with their versions.
ENVIRONMENTS = {
    "5.2": ["Django==5.2.19", *DRIVERS],
    "4.2": ["Django==4.2.30", *DRIVERS],
    # Other ways to PostgreSQL.
    "pool": ["Django==5.2.19", "psycopg[binary,pool]==3.2.13"],
    "psycopg2": ["Django==5.2.19", "psycopg2-binary==2.9.10"],
}

# Django 4.2 runs with no Python that is newer.
_made = Environments("Django", ENVIRONMENTS, {"4.2": (3, 12)})
python, folder = _made.python, _made.folder


if __name__ == "__main__":
    for wanted_name in sys.argv[1:] or ENVIRONMENTS:
        print(wanted_name, folder(wanted_name))
