"""A prepared SQL statement that the event loop runs repeatedly, each time as its own transaction.

`transaction()` needs a thread, a session and three round trips, too much for every inference request. A
prepared statement needs one round trip on its own connection. Any failure raises `NotRun`; the caller then
falls back to `transaction()`, which reports the cause. The statement must therefore be safe to run twice.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
import structlog
from psycopg import generators
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from service.core.db import direct_connection
from service.core.postgres.waiting import Socket

log = structlog.get_logger(__name__)

_RECONNECT_PAUSE_S = 1.0

Row = tuple[Any, ...]


class NotRun(Exception):
    """The statement had no effect, or its outcome is unknown."""


class PreparedStatement:
    """One statement on one connection. Only one `run` may be in progress at a time.

    It is sent by libpq's functions: psycopg's cursors adapt the parameters and look the statement up each
    time, which doubles the CPU time of a run.
    """

    def __init__(self, sql: str, settings: Mapping[str, str] | None = None) -> None:
        """`sql` has placeholders `$1`, `$2`, …; `settings` are the Postgres settings of the connection."""
        self._sql = sql.encode()
        self._name = hashlib.sha256(self._sql).hexdigest()[:16].encode()
        self._settings = dict(settings or {})
        self._connection: psycopg.AsyncConnection | None = None
        self._socket: Socket | None = None
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

    async def run(self, *params: bytes) -> list[Row]:
        """Return the rows of the statement; parameters are texts in UTF-8. Raises `NotRun`."""
        connection, socket = self._connection, self._socket
        if connection is None or socket is None:
            raise NotRun
        try:
            connection.pgconn.send_query_prepared(self._name, params)
            result = _checked(await socket.wait(generators.execute(connection.pgconn)))
        except psycopg.Error as failure:
            # Do not log the message: it may quote the row.
            log.warning("statement_not_run", reason=type(failure).__name__, sqlstate=failure.sqlstate)
            if connection.broken:
                await self._reconnect()
            raise NotRun from failure
        except BaseException:
            await self._reconnect()  # the next run would get the answer to this one
            raise
        values = Transformer(connection)
        values.set_pgresult(result)
        return values.load_rows(0, result.ntuples, tuple)

    async def _reconnect(self) -> None:
        if self._connection is not None:
            await self._close()
            self.start()

    async def _connect(self) -> None:
        address, options = direct_connection(**self._settings)
        while self._connection is None:
            try:
                connecting = psycopg.AsyncConnection.connect(
                    address, autocommit=True, client_encoding="UTF8", **options
                )
                await self._prepare(await connecting)
            except psycopg.Error as failure:
                log.warning("statement_cannot_connect", reason=type(failure).__name__)
                await asyncio.sleep(_RECONNECT_PAUSE_S)

    async def _prepare(self, connection: psycopg.AsyncConnection) -> None:
        try:
            connection.pgconn.send_prepare(self._name, self._sql)
            _checked(await connection.wait(generators.execute(connection.pgconn)))
        except BaseException:
            await connection.close()
            raise
        self._connection, self._socket = connection, Socket(connection.fileno())

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._socket is not None:
            self._socket.close()
            await connection.close()


def _checked(results: Sequence[PGresult]) -> PGresult:
    """Return the result of a statement. Raises `psycopg.Error`."""
    (result,) = results
    if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        raise psycopg.errors.error_from_result(result)
    return result
