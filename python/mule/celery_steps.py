"""Where mule stands in a Celery worker: a step of the worker, which lives as
long as it, and a step of its consumer, which is started anew with each
connection."""

from celery import bootsteps

from . import celery_node

SHUTDOWNS = {"Warm": "warm", "Soft": "soft", "Cold": "cold"}


def prepare(worker):
    """The worker is about to be put together."""
    node = celery_node.current = celery_node.Node(worker)
    node.app.steps["worker"].add(WorkerStep)
    node.app.steps["consumer"].add(ConsumerStep)


def on_shutting_down(how):
    """A signal came; this is its handler."""
    node = celery_node.current
    if node is None or node.refusal:
        return
    node.stop(SHUTDOWNS.get(how, "cold"))
    if how == "Warm":
        node.post(node.defer_shutdown)


class WorkerStep(bootsteps.StartStopStep):
    """It is stopped before the pool, whose children wait for its word."""

    requires = ("celery.worker.components:Pool",)
    name = "mule"

    def create(self, worker):
        celery_node.current.prepare()

    def start(self, worker):
        celery_node.current.start()

    def close(self, worker):
        node = celery_node.current
        if not node.stopping:
            node.stop("warm")

    def stop(self, worker):
        celery_node.current.wait_for_native()
        celery_node.current.close()

    def terminate(self, worker):
        celery_node.current.stop("cold")
        celery_node.current.close()


class ConsumerStep(bootsteps.StartStopStep):
    requires = ("celery.worker.consumer.tasks:Tasks",
                "celery.worker.consumer.control:Control")
    name = "mule"

    def start(self, consumer):
        celery_node.current.on_connected(consumer)

    def stop(self, consumer):
        lost = consumer.blueprint.state == bootsteps.RUN
        celery_node.current.on_disconnected(consumer, lost)

    def register_with_event_loop(self, consumer, hub):
        celery_node.current.on_loop(hub)
