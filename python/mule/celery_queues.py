"""What a worker takes from: queues of offers, and the queue of a build.

All of it runs in the thread of the worker's event loop. Whatever is wanted
outlives a lost connection; the rest of what the worker takes from is left
alone.
"""

from celery.utils.log import get_logger
from kombu import Exchange, Queue

logger = get_logger("mule")

# A test may take longer than RabbitMQ waits for an acknowledgement (30 min).
CONSUMER_TIMEOUT_MS = 7 * 24 * 3600 * 1000


class Prefetch:
    """How many messages may be unacknowledged: ours while joined.

    What Celery has added for tasks that wait for their time stays added.
    """

    def __init__(self):
        self.wanted = None  # None: the worker's own
        self.ours = None  # what was set on this connection
        self.own = 0

    def set(self, consumer, wanted):
        self.wanted = wanted
        qos = consumer.qos
        if self.ours is None:
            self.own = consumer.initial_prefetch_count
            self.ours = self.own
        waiting = max(0, qos.value - self.ours) if self.ours else 0
        count = max(1, min(wanted, consumer.pool.num_processes))
        if qos.value != count + waiting:
            qos.value = count + waiting
            qos.update()
        self.ours = count

    def restore(self, consumer):
        self.wanted = None
        if self.ours is None:
            return
        qos = consumer.qos
        waiting = max(0, qos.value - self.ours)
        # 0 means no bound at all: nothing is added to it.
        self.own = consumer.initial_prefetch_count
        qos.value = self.own + waiting if self.own else 0
        self.ours = None
        qos.update()

    def forget(self):
        """The connection is another one, and begins with the worker's own."""
        self.ours = None

    def check(self, consumer):
        """The pool, or Celery after a new connection, may have changed it."""
        if self.wanted is None:
            return
        if self.own != consumer.initial_prefetch_count:
            self.ours = None
        self.set(consumer, self.wanted)


class Queues:
    def __init__(self):
        self.consumer = None  # celery's; None: there is no connection
        self.wanted = True  # offers
        self.known = set()  # queues that offers came by
        self.left = {}  # of these: name -> Queue
        self.joined = None  # the build's Queue
        self.forgotten = []  # left without a connection
        self.expires_ms = 0
        self.prefetch = Prefetch()

    def _selected(self):
        return self.consumer.app.amqp.queues.consume_from

    def attach(self, consumer):
        """After each connect: it takes from what was selected before."""
        self.consumer = consumer
        self.prefetch.forget()
        for name in self.forgotten:
            dict.pop(self._selected(), name, None)
            consumer.task_consumer.cancel_by_queue(name)
        self.forgotten.clear()
        self.offers(self.wanted)
        if self.joined is not None:
            self.prefetch.set(consumer, self.prefetch.wanted)

    def detach(self):
        self.consumer = None

    # ------------------------------------------------------------- offers

    def learn(self, name):
        """An offer came by this queue."""
        if self.consumer is None or name not in self._selected():
            return
        self.known.add(name)
        if not self.wanted:
            self._leave_offers()

    def offers(self, wanted):
        self.wanted = wanted
        if self.consumer is None:
            return
        if wanted:
            self._take_offers()
        else:
            self._leave_offers()

    def _leave_offers(self):
        for name in self.known:
            queue = self._selected().get(name)
            if queue is not None:
                self.left[name] = queue
                self.consumer.cancel_task_queue(name)

    def _take_offers(self):
        consumer = self.consumer
        while self.left:
            name, queue = self.left.popitem()
            # Without select_add, Celery up to 5.6 forgets the queue with the
            # next connection.
            consumer.app.amqp.queues.select_add(queue)
            if not consumer.task_consumer.consuming_from(name):
                self._consume(queue)
            logger.info("mule: takes from %s again", name)

    # -------------------------------------------------------- a build's

    def join(self, name, expires_ms, prefetch):
        consumer = self.consumer
        # By the default exchange, so that nothing but the queue is declared.
        queue = Queue(name, Exchange(""), routing_key=name, durable=True,
                      queue_arguments={"x-expires": expires_ms},
                      consumer_arguments={
                          "x-consumer-timeout": CONSUMER_TIMEOUT_MS})
        self.joined = queue
        self.expires_ms = expires_ms
        self.prefetch.wanted = prefetch
        # Past Celery's own way to add one, which would bind it to an exchange.
        dict.__setitem__(self._selected(), name, queue)
        if consumer.connection.transport.driver_type == "amqp":
            self._try(queue)
        self.prefetch.set(consumer, prefetch)
        self._consume(queue)
        logger.info("mule: takes from %s", name)

    def _consume(self, queue):
        tasks = self.consumer.task_consumer
        tasks.add_queue(queue)
        # After a connect Celery's own steps still speak to the broker, and
        # nobody is there for what came meanwhile: that ends the worker. Its
        # loop begins to take by itself, once it is there.
        if tasks.on_message is not None:
            tasks.consume()

    def _try(self, queue):
        """What goes wrong on a channel of its own does not end the worker."""
        with self.consumer.connection.channel() as channel:
            queue(channel).queue_declare()

    def set_prefetch(self, count):
        if self.joined is not None:
            self.prefetch.set(self.consumer, count)

    def leave(self):
        if self.joined is None:
            return
        name = self.joined.name
        self.joined = None
        if self.consumer is None:
            self.prefetch.wanted = None
            self.forgotten.append(name)
            return
        dict.pop(self._selected(), name, None)
        self.consumer.task_consumer.cancel_by_queue(name)
        self.prefetch.restore(self.consumer)
        logger.info("mule: takes no more from %s", name)

    def leave_all(self):
        """The worker takes nothing new."""
        names = set(self._selected())
        self.consumer.task_consumer.cancel()
        for name in names:
            self.consumer.task_consumer.cancel_by_queue(name)

    def tick(self):
        if self.consumer is not None:
            self.prefetch.check(self.consumer)
