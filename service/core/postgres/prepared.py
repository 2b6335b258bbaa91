"""A prepared SQL statement that the event loop runs repeatedly, each time as its own transaction.

`transaction()` needs a thread, a session and three round trips, too much for every inference request. A
prepared statement needs one round trip on its own connection. Any failure raises `NotRun`; the caller then
falls back to `transaction()`, which reports the cause. The statement must therefore be safe to run twice.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg
import structlog

from service.core.db import LIMITS, engine

log = structlog.get_logger(__name__)

_CONNECT_TIMEOUT_S = 5
_RECONNECT_PAUSE_S = 1.0

Row = tuple[Any, ...]


class NotRun(Exception):
    """The statement had no effect, or its outcome is unknown."""


class PreparedStatement:
    """One statement on one connection. Only one `run` may be in progress at a time."""

    def __init__(self, sql: str, settings: Mapping[str, str] | None = None) -> None:
        """`sql` has placeholders `$1`, `$2`, …; `settings` are the Postgres settings of the connection."""
        self._sql = sql.encode()
        own = [f"-c {name}={value}" for name, value in (settings or {}).items()]
        self._options = " ".join([LIMITS, *own])
        self._connection: psycopg.AsyncConnection | None = None
        self._connecting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start connecting in the background; `run` raises `NotRun` until the connection is open."""
        self._connecting = asyncio.create_task(self._connect())

    async def stop(self) -> None:
        """Close the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
        await self._close()

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open."""
        return self._connection is not None

    async def run(self, *params: str) -> list[Row]:
        """Return the rows of the statement. Raises `NotRun`."""
        if self._connection is None:
            raise NotRun
        try:
            cursor = psycopg.AsyncRawCursor(self._connection)
            await cursor.execute(self._sql, params, prepare=True)
            return await cursor.fetchall()
        except psycopg.Error as failure:
            # Do not log the message: it may quote the row.
            log.warning("statement_not_run", reason=type(failure).__name__, sqlstate=failure.sqlstate)
            if self._connection is not None and self._connection.broken:
                await self._close()
                self.start()
            raise NotRun from failure

    async def _connect(self) -> None:
        args, params = engine().dialect.create_connect_args(engine().url)
        own = {"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "tunehouse"}
        while self._connection is None:
            try:
                self._connection = await psycopg.AsyncConnection.connect(
                    *args, autocommit=True, **{**params, **own, "options": self._options}
                )
            except psycopg.Error as failure:
                log.warning("statement_cannot_connect", reason=type(failure).__name__)
                await asyncio.sleep(_RECONNECT_PAUSE_S)

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
