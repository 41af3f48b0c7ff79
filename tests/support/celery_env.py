"""Virtual environments with real Celerys: see environments.py.

    python = celery_env.python("newest")

Called as a program it makes all of them:

    tests/support/celery_env.py [NAME...]
"""

import os
import sys

if __package__:
    from .environments import Environments
else:
    from environments import Environments

# What there is to be tested with. This is the one place with their versions.
ENVIRONMENTS = {
    "newest": ["celery[redis]==5.7.0", "kombu==5.7.0", "flower==2.2.0"],
    # With what was current in its days; pkg_resources left setuptools later.
    "5.2": ["celery[redis]==5.2.7", "kombu==5.2.4", "amqp==5.1.1",
            "billiard==3.6.4.0", "redis==4.3.4", "setuptools<81"],
}
# Pools that mule refuses, to be installed over "newest".
ENVIRONMENTS["pools"] = [*ENVIRONMENTS["newest"], "gevent", "eventlet"]

# 5.2 runs with no Python that is newer.
_made = Environments("Celery", ENVIRONMENTS, {"5.2": (3, 11)})
python, folder = _made.python, _made.folder


def program(name, command):
    """Of an environment: program("newest", "celery")."""
    return os.path.join(os.path.dirname(python(name)), command)


if __name__ == "__main__":
    for wanted_name in sys.argv[1:] or ENVIRONMENTS:
        print(wanted_name, folder(wanted_name))
