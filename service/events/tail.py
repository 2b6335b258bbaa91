"""Follow the event log: one listening connection per process, for any number of followers.

`append` sends a notification with the subject's id, delivered at commit. The tail then reads the new events
once per subject and wakes the subject's followers. While nothing happens, the only query is one every 15 s,
in case a notification was lost.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.core.db import direct_connection, transaction
from service.errors import NotFound
from service.events.actions import CHANNEL
from service.events.queries import events_after
from service.events.tables import Event

log = structlog.get_logger(__name__)

_CHECK_EVERY_S = 15.0
_RECONNECT_AFTER_S = 1.0
_PAGE = 200
_RECENT = 256  # events kept in memory per subject, for followers that lag a little


@dataclass(frozen=True, slots=True)
class Line:
    """One event, rendered once for all followers. `ends` marks the event that ends its subject."""

    number: int
    text: bytes
    ends: bool


class _Feed:
    """One subject's events up to `head`, of which the newest are kept."""

    def __init__(self, team_id: str, subject_id: str) -> None:
        self.team_id = team_id
        self.subject_id = subject_id
        self.followers = 0
        self.head: int | None = None  # unknown until a follower has read to the end
        self.news = 0  # how many notifications have arrived
        self.changed = asyncio.Event()
        self.recent: deque[Line] = deque(maxlen=_RECENT)
        self.refreshing: asyncio.Task[None] | None = None

    def after(self, number: int) -> list[Line] | None:
        """The lines after `number`, or None when they must be read from the database."""
        if self.head is None:
            return None
        if number >= self.head:
            return []
        if self.recent and self.recent[0].number <= number + 1:
            return [line for line in self.recent if line.number > number]
        return None

    def forget(self) -> None:
        self.head = None
        self.recent.clear()

    def wake(self) -> None:
        woken, self.changed = self.changed, asyncio.Event()
        woken.set()


class Tail:
    """The end of the event log, shared by the followers in one event loop."""

    def __init__(self, render: Callable[[Event], Line]) -> None:
        self._render = render
        self._feeds: dict[str, _Feed] = {}
        self._listener: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    async def follow(
        self, team_id: str, subject_id: str, after: int, *, idle_s: float, ended: bool = False
    ) -> AsyncGenerator[list[Line]]:
        """Yield events numbered above `after` as they arrive, and an empty list after `idle_s` without any.

        Stops when an event that `ends` has been yielded, or `ended` is set, and there are no more events.
        Raises `TimeoutError` or SQLAlchemy's errors when the database is unavailable.
        """
        with self._joined(team_id, subject_id) as feed:
            await asyncio.wait_for(self._listening.wait(), idle_s)
            while True:
                changed, news = feed.changed, feed.news
                lines = feed.after(after)
                if lines is None:
                    lines = await asyncio.to_thread(self._read, team_id, subject_id, after)
                    if len(lines) < _PAGE and feed.head is None and feed.news == news:
                        feed.head = lines[-1].number if lines else after
                if lines:
                    after = lines[-1].number
                    ended = ended or any(line.ends for line in lines)
                    yield lines
                elif ended:
                    return
                elif not await _is_set_within(changed, idle_s):
                    yield []

    @contextmanager
    def _joined(self, team_id: str, subject_id: str) -> Iterator[_Feed]:
        feed = self._feeds.setdefault(subject_id, _Feed(team_id, subject_id))
        if feed.team_id != team_id:
            raise NotFound  # the caller should have checked; a feed belongs to one team
        feed.followers += 1
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen())
        try:
            yield feed
        finally:
            feed.followers -= 1
            if not feed.followers:
                del self._feeds[subject_id]

    async def _listen(self) -> None:
        while self._feeds:
            try:
                await self._listen_once()
            except psycopg.Error as away:
                log.warning("event_tail_disconnected", reason=type(away).__name__)
                self._listening.clear()
                await asyncio.sleep(_RECONNECT_AFTER_S)
        self._listening.clear()
        self._listener = None

    async def _listen_once(self) -> None:
        address, options = direct_connection()
        options["application_name"] = "tunehouse-tail"
        async with await psycopg.AsyncConnection.connect(address, **options, autocommit=True) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._listening.set()
            for feed in self._feeds.values():  # events appended while nothing listened
                self._notice(feed)
            while self._feeds:
                async for notice in connection.notifies(timeout=_CHECK_EVERY_S):
                    if notice.payload in self._feeds:
                        self._notice(self._feeds[notice.payload])
                await self._check(connection)

    async def _check(self, connection: psycopg.AsyncConnection) -> None:
        counted = await connection.execute(
            "SELECT subject_id, last_number FROM event_counters WHERE subject_id = ANY(%s)",
            (list(self._feeds),),
        )
        numbers: dict[str, int] = dict(await counted.fetchall())
        for feed in list(self._feeds.values()):
            if feed.head is not None and numbers.get(feed.subject_id, 0) > feed.head:
                self._notice(feed)

    def _notice(self, feed: _Feed) -> None:
        feed.news += 1
        if feed.head is None:
            feed.wake()  # a follower that is reading the feed reads it again
        elif feed.refreshing is None:
            feed.refreshing = asyncio.create_task(self._refresh(feed))

    async def _refresh(self, feed: _Feed) -> None:
        try:
            while feed.head is not None:
                news = feed.news
                lines = await asyncio.to_thread(self._read, feed.team_id, feed.subject_id, feed.head)
                if lines:
                    feed.recent.extend(lines)
                    feed.head = lines[-1].number
                    feed.wake()
                if len(lines) < _PAGE and feed.news == news:
                    return
        except SQLAlchemyError:
            # The followers then read for themselves, and get the same error if it persists.
            feed.forget()
            feed.wake()
        finally:
            feed.refreshing = None

    def _read(self, team_id: str, subject_id: str, after: int) -> list[Line]:
        with transaction() as session:
            return [self._render(event) for event in events_after(session, team_id, subject_id, after, _PAGE)]


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
