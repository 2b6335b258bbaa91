"""A broker that goes away takes no worker with it."""

import os
from collections.abc import Iterator

import pytest
from kombu import Connection, Producer, Queue
from kombu.message import Message

from service.core.broker import application
from service.settings import settings


@pytest.fixture
def connection(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection as workers have it, to a part of the broker that none of them reads."""
    url = environment["TUNEHOUSE_REDIS_URL"].removesuffix("/0") + "/4"
    monkeypatch.setitem(os.environ, "TUNEHOUSE_REDIS_URL", url)
    settings.cache_clear()
    with application.make_celery().connection_for_read() as found:
        yield found
    monkeypatch.undo()
    settings.cache_clear()


def receive(connection: Connection) -> Message:
    """A message that was delivered and not acknowledged yet."""
    channel = connection.channel()
    queue = Queue("test", channel=channel)
    Producer(channel).publish("news", routing_key="test", declare=[queue])
    message = queue.get()
    assert message is not None
    return message


def lose(connection: Connection) -> None:
    """What kombu does to a connection that broke, before it closes its channels."""
    connection.transport.client = None


def test_what_was_not_acknowledged_keeps_no_channel_from_closing(connection: Connection) -> None:
    channel = receive(connection).channel
    lose(connection)
    channel.close()
    assert channel.closed


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("answer", ["ack", "reject", "requeue"])
def test_a_message_can_be_answered_after_its_connection_is_gone(
    connection: Connection, answer: str, is_closed: bool
) -> None:
    message = receive(connection)
    lose(connection)
    if is_closed:
        message.channel.close()
    getattr(message, answer)()
    assert message.acknowledged
