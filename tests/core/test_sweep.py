"""The sweep and the keeper: what each worker does beside its steps."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import redis
from sqlalchemy import func, select, update

from service.core import work
from service.core.broker import wake
from service.core.broker.application import QUEUE
from service.core.db import transaction
from service.core.work import WorkItem
from service.settings import settings
from tests.support.waiting import wait_until
from worker import keeper, sweep
from worker.chores import Chore

MINUTE = timedelta(minutes=1)


@pytest.fixture
def broker(
    environment: dict[str, str], database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[redis.Redis]:
    """A broker that no worker reads from."""
    url = environment["TUNEHOUSE_REDIS_URL"].removesuffix("/0") + "/3"
    monkeypatch.setitem(os.environ, "TUNEHOUSE_REDIS_URL", url)
    settings.cache_clear()
    wake._producer.cache_clear()
    with redis.Redis.from_url(url) as client:
        yield client
        client.flushdb()
    monkeypatch.undo()
    settings.cache_clear()
    wake._producer.cache_clear()


def forget_wakes() -> None:
    """Let the time pass after which a wake-up that nobody acted upon is sent again."""
    with transaction() as session:
        session.execute(
            update(WorkItem).values(woken_at=func.now() - MINUTE, next_step_at=func.now() - MINUTE)
        )


def test_a_broker_full_of_wake_ups_gets_no_more_of_them(
    broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "_ENOUGH_WAITING", 4)
    with transaction() as session:
        for number in range(5):
            work.schedule(session, "test", str(number))
    wake.flush()
    assert wake.waiting() == 5
    forget_wakes()
    assert sweep.sweep_once() == 0
    broker.flushdb()
    assert sweep.sweep_once() == 5
    wake.flush()
    assert wake.waiting() == 5


def test_a_unit_that_has_been_overdue_for_long_is_as_urgent_as_news(broker: redis.Redis) -> None:
    with transaction() as session:
        for name in ("late", "old"):
            work.schedule(session, "test", name, delay=MINUTE)
        for name, ago in (("late", timedelta(seconds=1)), ("old", MINUTE)):
            item = session.get_one(WorkItem, ("test", name), populate_existing=True)
            item.next_step_at = func.now() - ago
    assert sweep.sweep_once() == 2
    wake.flush()
    assert (broker.llen(QUEUE), wake.waiting()) == (1, 2)  # the list of news, and all lists


@pytest.mark.usefixtures("database")
def test_chores_do_not_wait_for_a_broker_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def look() -> int:
        seen.append(wake.is_away())
        return 0

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("TUNEHOUSE_REDIS_URL", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        monkeypatch.setattr(wake, "_GIVE_UP_SOON", wake._GIVE_UP_SOON | {"socket_timeout": 60})
        monkeypatch.setattr(sweep, "CHORES", [Chore("look", 0.0, look)])
        settings.cache_clear()
        wake._producer.cache_clear()
        sweeper = sweep.Sweeper()
        sweeper.start()
        wait_until(lambda: seen)
        sweeper.stop()
    sweeper.join()
    wake.flush()  # a call that waited for the silent broker has failed by then
    assert seen[0] is False
    monkeypatch.undo()
    settings.cache_clear()
    wake._producer.cache_clear()
    wake._away.until = 0.0


def test_a_process_that_ends_sends_the_wake_ups_that_it_has_left(broker: redis.Redis) -> None:
    lines = (
        "from service.core.broker import wake",
        "wake.send('test', 'first')",
        "wake.flush()  # Celery is loaded by then, which may take longer than a process waits at its end",
        "for n in range(200): wake.send('test', str(n))",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
    assert wake.waiting() == 201


@pytest.mark.usefixtures("database")
def test_the_lease_of_a_running_step_is_kept_and_that_of_an_ended_one_is_not() -> None:
    with transaction() as session:
        work.schedule(session, "test", "one")
    with transaction() as session:
        lease = work.claim(session, "test", "one", -MINUTE)
    assert lease is not None
    with keeper.running(lease):
        assert keeper.renew_once() == 1
    assert leased_until() > datetime.now().astimezone()
    assert keeper.renew_once() == 0


@pytest.mark.usefixtures("database")
def test_a_lease_that_was_lost_is_not_kept() -> None:
    with transaction() as session:
        work.schedule(session, "test", "one")
    with transaction() as session:
        lost = work.claim(session, "test", "one", -MINUTE)
    with transaction() as session:
        work.claim(session, "test", "one", -MINUTE)
    assert lost is not None
    with keeper.running(lost):
        keeper.renew_once()
    assert leased_until() < datetime.now().astimezone()


def leased_until() -> datetime:
    with transaction() as session:
        until = session.scalars(select(WorkItem.leased_until)).one()
    assert until is not None
    return until
