"""Loaded by a Celery worker, this makes it serve builds of mule.

    CELERY_IMPORTS = ("mule.tasks",)             # in the settings of an app
    celery -A mule.tasks worker -Q default       # without an app of one's own

The settings of the app and its other tasks stay as they are: what mule needs
is set for its two tasks alone. See docs/fleet.md and docs/protocol/carrier.md.
"""

import os

from celery import shared_task, signals

from . import celery_control, celery_steps  # noqa: F401 (registers commands)
from .celery_task import hand_over

YEARS = 10 * 365 * 24 * 3600

OPTIONS = {
    "bind": True,
    "acks_late": True,
    "acks_on_failure_or_timeout": True,
    "reject_on_worker_lost": True,
    "ignore_result": True,
    "store_errors_even_if_ignored": False,
    "track_started": False,
    "max_retries": 0,
    # The limits of the app's own tasks: tests have others, of the build's.
    "rate_limit": 0,
    "time_limit": YEARS,
    "soft_time_limit": YEARS,
    "Strategy": "mule.celery_task:strategy",
    "Request": "mule.celery_task:Request",
}


@shared_task(name="mule.provision", **OPTIONS)
def provision(self, payload="", seal=""):
    """An offer to work for a build."""
    return hand_over(self, "offer", payload, seal)


@shared_task(name="mule.run_test", **OPTIONS)
def run_test(self, payload="", seal=""):
    """Tests of a build."""
    return hand_over(self, "run", payload, seal)


@signals.celeryd_init.connect(weak=False, dispatch_uid="mule.init")
def _on_init(instance=None, **_):
    celery_steps.prepare(instance)


@signals.worker_shutting_down.connect(weak=False, dispatch_uid="mule.stop")
def _on_shutting_down(how=None, **_):
    celery_steps.on_shutting_down(how)


def __getattr__(name):
    """The app of `celery -A mule.tasks`. It is made when it is asked for, as
    it would otherwise take the place of the app that imports this."""
    if name != "app":
        raise AttributeError(name)
    from celery import Celery
    app = Celery("mule", broker=os.environ.get("MULE_BROKER"))
    app.conf.update(task_default_queue="default", worker_prefetch_multiplier=1,
                    broker_connection_retry_on_startup=True)
    globals()["app"] = app
    return app
