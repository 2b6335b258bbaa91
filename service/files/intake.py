"""Stream a request's file into storage, hashing it on the way; it is never whole in memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect, Request

from service.core import storage
from service.core.db import transaction
from service.errors import InvalidRequest, QuotaExceeded
from service.files.form import filename_of, on_the_wire
from service.files.reservations import release, reserve

_BLOCK_BYTES = 2**20
_AHEAD_BYTES = 16 * 2**20
_FORM_BYTES = 64 * 1024  # the most that boundaries, headers and other fields take of a body


@dataclass(frozen=True)
class Received:
    """A file stored under `key`, and the form's other fields."""

    key: str
    filename: str
    size_bytes: int
    sha256: str
    fields: dict[str, str]


_without_room: set[str] = set()  # teams of which a repeated request is arriving without room


class _Room:
    """The room that is set aside for one body: as much as it announced, and then as much as has come.

    A request that `may_repeat` an earlier one may add nothing in the end. If there is no room for it, it goes
    on without, but only one of a team at a time: anybody can call a request a repeated one.
    """

    def __init__(self, team_id: str, upload_id: str | None, *, may_repeat: bool) -> None:
        self._team_id = team_id
        self._upload_id = upload_id
        self._may_repeat = may_repeat
        self._is_without = False
        self._size_bytes = 0
        self.key = ""

    async def open(self, announced_bytes: int) -> None:
        """Announce the content and set aside its room. Raises `QuotaExceeded`."""
        try:
            await run_in_threadpool(self._announce, announced_bytes)
        except QuotaExceeded as full:
            self._go_on_without(full)
            await run_in_threadpool(self._announce, 0)

    async def hold(self, received_bytes: int) -> None:
        """Set aside more if more has come. Raises `QuotaExceeded`."""
        if self._is_without or received_bytes <= self._size_bytes + _FORM_BYTES:
            return
        # Far more at a time, so that a body of unknown length does not ask for each of its blocks.
        try:
            await run_in_threadpool(self._reserve, received_bytes + _AHEAD_BYTES)
        except QuotaExceeded:
            try:
                await run_in_threadpool(self._reserve, received_bytes)
            except QuotaExceeded as full:
                self._go_on_without(full)

    def close(self) -> None:
        """Let another request of the team arrive without room."""
        if self._is_without:
            _without_room.discard(self._team_id)

    def _go_on_without(self, full: QuotaExceeded) -> None:
        if not self._may_repeat or self._team_id in _without_room:
            raise full
        _without_room.add(self._team_id)
        self._is_without = True

    def _announce(self, size_bytes: int) -> None:
        with transaction() as session:
            self.key = storage.announce(session)
            if size_bytes:
                self._set_aside(session, size_bytes)

    def _reserve(self, size_bytes: int) -> None:
        with transaction() as session:
            self._set_aside(session, size_bytes)

    def _set_aside(self, session: Session, size_bytes: int) -> None:
        lifetime = storage.WRITE_LIMIT
        reserve(session, self._team_id, self.key, size_bytes, lifetime=lifetime, upload_id=self._upload_id)
        self._size_bytes = size_bytes


@asynccontextmanager
async def receive(
    request: Request,
    *,
    team_id: str,
    file_field: str,
    fields: tuple[str, ...] = (),
    limit_bytes: int,
    upload_id: str | None = None,
    may_repeat: bool = False,
) -> AsyncIterator[Received]:
    """Store the request's file; delete it at the end of the block unless `storage.keep` was called.

    Meanwhile its size is set aside in the team's quota (see `_Room`). Raises `InvalidRequest` for a malformed
    or unfinished body, `TooLarge` at the byte that crosses the limit, `QuotaExceeded`.
    """
    room = _Room(team_id, upload_id, may_repeat=may_repeat)
    try:
        await room.open(_size_of_file(request))
        try:
            yield await _store(request, room, file_field, fields, limit_bytes)
        except Exception:
            # The stored bytes are useless after any failure. Kept contents are not affected.
            await run_in_threadpool(_abandon, room.key)
            raise
    finally:
        room.close()


async def _store(
    request: Request, room: _Room, file_field: str, fields: tuple[str, ...], limit_bytes: int
) -> Received:
    from service.dataset.form import Form, FormError

    hasher = hashlib.sha256()
    size_bytes = 0
    writer = await run_in_threadpool(storage.storage().create, room.key)

    def sink(data: bytes) -> None:
        nonlocal size_bytes
        hasher.update(data)
        writer.write(data)
        size_bytes += len(data)

    try:
        form = Form(request.headers, file_field=file_field, fields=fields, limit_bytes=limit_bytes, sink=sink)
        async with asyncio.timeout(storage.WRITE_LIMIT.total_seconds()):
            async for block in _blocks(request):
                await run_in_threadpool(form.feed, block)
                await room.hold(size_bytes)
        texts = form.finish()
        filename = filename_of(form.sent_filename, file_field)
        await run_in_threadpool(writer.close)
    except FormError as bad:
        raise on_the_wire(bad) from bad
    except ClientDisconnect as gone:
        raise InvalidRequest("The body ended before it was complete.", code="body_incomplete") from gone
    except TimeoutError as slow:
        raise InvalidRequest("The body took too long to arrive.", code="upload_expired") from slow
    finally:
        writer.abort()
    return Received(room.key, filename, size_bytes, hasher.hexdigest(), texts)


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in pieces of at least 1 MiB: a thread switch per network read would be too slow."""
    held: list[bytes] = []
    held_bytes = 0
    async for chunk in request.stream():
        held.append(chunk)
        held_bytes += len(chunk)
        if held_bytes >= _BLOCK_BYTES:
            yield b"".join(held)
            held, held_bytes = [], 0
    if held_bytes:
        yield b"".join(held)


def abandon(session: Session, key: str) -> None:
    """Delete received bytes that are not needed, and release their room."""
    release(session, [key])
    storage.abandon(session, key)


def _size_of_file(request: Request) -> int:
    """Return the least size that the file in a body of this length can have; 0 without a length."""
    return max(0, int(request.headers.get("content-length", "0")) - _FORM_BYTES)


def _abandon(key: str) -> None:
    with transaction() as session:
        abandon(session, key)
