"""One SQL statement, sent from the event loop again and again; each time it is a transaction of its own.

`transaction()` needs a thread, a session and three round trips, too much for what happens on every request
for a model: here it is one round trip on a connection that is kept, and Postgres commits what it ran.
Whatever goes wrong is `NotRun` for the caller, who then takes the way of `transaction()`, which tells why; so
a statement has to change nothing when it is run twice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

import psycopg
import structlog
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from service.core.db import engine

log = structlog.get_logger(__name__)

_NAME = b"statement"
_CONNECT_TIMEOUT_S = 5
_CONNECT_AGAIN_AFTER_S = 1.0

Row = tuple[bytes | None, ...]


class NotRun(Exception):
    """The statement had no effect, or nobody knows whether it had."""


class Statement:
    """A prepared statement with a connection of its own. One `run` at a time."""

    def __init__(self, sql: str, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are Postgres's, for this connection."""
        self._sql = sql.encode()
        self._options = " ".join(f"-c {name}={value}" for name, value in (settings or {}).items())
        self._connection: psycopg.Connection | None = None
        self._fd = -1  # kept: a broken connection tells it no more
        self._connecting: asyncio.Task[None] | None = None
        self._result: asyncio.Future[PGresult] | None = None
        self._answer: PGresult | None = None

    def start(self) -> None:
        """Begin to connect; until that is done `run` raises."""
        self._connecting = asyncio.create_task(self._connect())

    async def stop(self) -> None:
        """Let go of the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
        if self._connection is not None:
            self._drop(self._connection)

    @property
    def is_connected(self) -> bool:
        """Whether `run` may work."""
        return self._connection is not None

    async def run(self, *params: bytes) -> list[Row]:
        """The rows that the statement answers. Raises `NotRun`."""
        if self._connection is None:
            raise NotRun
        connection, loop = self._connection, asyncio.get_running_loop()
        self._result = loop.create_future()
        try:
            connection.pgconn.send_query_prepared(_NAME, params)
            if connection.pgconn.flush():
                loop.add_writer(self._fd, self._write, connection.pgconn)
            result = await self._result
        except BaseException as failure:
            self._reconnect()
            if isinstance(failure, psycopg.Error):
                raise NotRun from failure
            raise
        if result.status != ExecStatus.TUPLES_OK:
            # Not the message: it may show the row.
            state = result.error_field(DiagnosticField.SQLSTATE) or b"?"
            log.warning("statement_not_run", sqlstate=state.decode())
            raise NotRun
        columns = range(result.nfields)
        return [tuple(result.get_value(row, column) for column in columns) for row in range(result.ntuples)]

    def _write(self, pgconn: PGconn) -> None:
        try:
            if not pgconn.flush():
                asyncio.get_running_loop().remove_writer(self._fd)
        except psycopg.Error as broken:
            self._end(broken)

    def _read(self, pgconn: PGconn) -> None:
        try:
            pgconn.consume_input()
            while not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:  # only now is the server ready for the next
                    self._end(self._answer or psycopg.OperationalError("no answer"))
                    break
                self._answer = result
        except psycopg.Error as broken:
            self._end(broken)
        if pgconn.status == ConnStatus.BAD:
            self._end(psycopg.OperationalError("the connection is lost"))
            self._reconnect()

    def _end(self, outcome: PGresult | psycopg.Error) -> None:
        self._answer = None
        if self._result is None or self._result.done():
            return
        if isinstance(outcome, psycopg.Error):
            self._result.set_exception(outcome)
        else:
            self._result.set_result(outcome)

    def _reconnect(self) -> None:
        if self._connection is not None:
            self._drop(self._connection)
            self.start()

    async def _connect(self) -> None:
        while True:
            try:
                connection = await asyncio.to_thread(self._connected)
                break
            except psycopg.Error as failure:
                log.warning("statement_cannot_connect", reason=type(failure).__name__)
                await asyncio.sleep(_CONNECT_AGAIN_AFTER_S)
        self._connection, self._fd = connection, connection.fileno()
        asyncio.get_running_loop().add_reader(self._fd, self._read, connection.pgconn)

    def _connected(self) -> psycopg.Connection:
        args, params = engine().dialect.create_connect_args(engine().url)
        own = {"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "tunehouse"}
        options = {"options": self._options} if self._options else {}
        connection = psycopg.connect(*args, autocommit=True, **{**params, **own, **options})
        prepared = connection.pgconn.prepare(_NAME, self._sql)
        if prepared.status != ExecStatus.COMMAND_OK:
            connection.close()
            raise psycopg.ProgrammingError(prepared.error_message.decode(errors="replace"))
        connection.pgconn.nonblocking = 1
        return connection

    def _drop(self, connection: psycopg.Connection) -> None:
        self._connection = None
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._fd)
        loop.remove_writer(self._fd)
        connection.close()


def flags(rows: Sequence[Row]) -> list[bool]:
    """The first column of each row, a boolean."""
    return [row[0] == b"t" for row in rows]
