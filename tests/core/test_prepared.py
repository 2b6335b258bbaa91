"""A prepared statement run from the event loop commits by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psycopg
import pytest

from service.core.postgres.prepared import NotRun, PreparedStatement
from tests.support.clean import dsn


async def _until_connected(statement: PreparedStatement) -> None:
    async with asyncio.timeout(20):
        while not statement.is_connected:  # noqa: ASYNC110 - it has no event for it; only tests would wait
            await asyncio.sleep(0.01)


def _with(
    sql: str, use: Callable[[PreparedStatement], Awaitable[None]], settings: dict[str, str] | None = None
) -> None:
    async def run() -> None:
        statement = PreparedStatement(sql, settings)
        statement.start()
        await _until_connected(statement)
        await use(statement)
        await statement.stop()

    asyncio.run(run())


def test_what_it_changes_is_committed_when_it_answers(database: str) -> None:
    async def use(statement: PreparedStatement) -> None:
        assert await statement.run(b"one") == [("one",)]
        with psycopg.connect(dsn(database)) as other:
            assert other.execute("SELECT sink FROM audit_exports").fetchall() == [("one",)]

    _with("INSERT INTO audit_exports VALUES ($1, 1, 1, now()) RETURNING sink", use)


def test_rows_come_as_values(database: str) -> None:
    async def use(statement: PreparedStatement) -> None:
        assert await statement.run(b"3") == [(1, None), (2, None), (3, None)]

    _with("SELECT number, null FROM generate_series(1, $1::int) AS number", use)


def test_large_parameters_arrive(database: str) -> None:
    async def use(statement: PreparedStatement) -> None:
        assert await statement.run(b"x" * 5_000_000) == [(5_000_000,)]

    _with("SELECT length($1::text)", use)


def test_a_failure_is_not_run_and_the_next_one_is(database: str) -> None:
    async def use(statement: PreparedStatement) -> None:
        with pytest.raises(NotRun):
            await statement.run(b"0")
        assert await statement.run(b"2") == [(5,)]

    _with("SELECT 10 / $1::int", use)


def test_a_lost_connection_is_not_run_and_another_one_follows(database: str) -> None:
    async def use(statement: PreparedStatement) -> None:
        ((number,),) = await statement.run()
        with psycopg.connect(dsn(database), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [number])
        with pytest.raises(NotRun):
            await statement.run()
        rows = None
        while rows is None:  # the end of the old connection may show later than the failure
            await _until_connected(statement)
            with suppress(NotRun):
                rows = await statement.run()
        assert rows != [(number,)]

    _with("SELECT pg_backend_pid()", use)


def test_it_may_leave_the_disk_to_later(database: str) -> None:
    async def use(statement: PreparedStatement) -> None:
        assert await statement.run() == [("off",)]

    _with("SELECT current_setting('synchronous_commit')", use, {"synchronous_commit": "off"})


def test_the_same_statement_runs_again_without_being_prepared_again(database: str) -> None:
    async def use(statement: PreparedStatement) -> None:
        names = {(await statement.run())[0][0] for _ in range(3)}
        assert len(names) == 1

    _with("SELECT (SELECT string_agg(name, ',') FROM pg_prepared_statements)", use)
