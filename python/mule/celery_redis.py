"""What Redis needs beyond a queue: life spans, and that a long test counts as
alive. Does nothing with other brokers."""

import time

from celery.worker import state

TASKS = ("mule.provision", "mule.run_test")


def is_redis(connection):
    return connection.transport.driver_type == "redis"


def names(channel, queue):
    """The lists that a queue is made of: one for each priority."""
    return [channel._q_for_pri(queue, step)
            for step in channel.priority_steps]


def renewal_seconds(consumer):
    """How often `renew` is to be called."""
    return max(1, consumer.task_consumer.channel.visibility_timeout / 4)


def renew(consumer, queues):
    """Our messages stay ours: Redis gives others back when they are old."""
    channel = consumer.task_consumer.channel
    now = time.time()
    tags = {request.message.delivery_tag: now
            for request in tuple(state.reserved_requests)
            if request.name in TASKS and not request.acknowledged}
    with channel.conn_or_acquire() as client:
        if tags:
            client.zadd(channel.unacked_index_key, tags, xx=True)
        if queues.joined is not None:
            extend(client, channel, queues.joined.name, queues.expires_ms)


def extend(client, channel, queue, milliseconds):
    for name in names(channel, queue):
        client.pexpire(name, milliseconds)


def erase(channel, queue):
    """The lists, and what dead workers held of them."""
    with channel.conn_or_acquire() as client:
        client.delete(*names(channel, queue))
        for tag, entry in client.hscan_iter(channel.unacked_key, count=500):
            if channel_of(entry) == queue:
                client.hdel(channel.unacked_key, tag)
                client.zrem(channel.unacked_index_key, tag)


def channel_of(entry):
    """The routing key of an unacknowledged message."""
    from kombu.utils.json import loads
    try:
        return loads(entry)[2]
    except (ValueError, LookupError, TypeError):
        return None
