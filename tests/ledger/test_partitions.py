"""The ledger's rows lie in a partition per month, which is there when a charge needs it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import select, text

from service.core import clock
from service.core.db import transaction
from service.ledger.actions import settle
from service.ledger.closing.months import close_month, month_due, present_month
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.rollups.sums import roll_up
from service.ledger.tables import Entry
from service.settings import settings
from tests.ledger.make import charge, team
from tests.support import superuser
from tests.support.clean import dsn
from worker.chores import CHORES

ADD_NEXT = next(chore.do for chore in CHORES if chore.name == "add_ledger_month")
LONG_AGO = datetime(2024, 3, 15, tzinfo=UTC)


@pytest.fixture
def connections(database: str) -> Iterator[tuple[psycopg.Connection, psycopg.Connection]]:
    """Two connections of the application's role, as two processes have."""
    with psycopg.connect(dsn(database)) as one, psycopg.connect(dsn(database)) as other:
        yield one, other


def drop(database: str, month: str) -> None:
    """Remove an empty month, as if it had never been needed."""
    with superuser.connect(database) as connection:
        connection.execute(f"DROP TABLE IF EXISTS ledger_rows_{month}")


def partitions() -> list[str]:
    with transaction() as session:
        tree = text("SELECT relid::regclass::text FROM pg_partition_tree('ledger_rows') WHERE isleaf")
        return sorted(session.scalars(tree))


def booked() -> list[datetime]:
    with transaction() as session:
        return list(session.scalars(select(Entry.booked_at).order_by(Entry.number)))


def test_a_chore_adds_the_next_month_once(database: str) -> None:
    following = f"{present_month().end:%Y_%m}"
    drop(database, following)
    assert ADD_NEXT() == 1
    assert f"ledger_rows_{following}" in partitions()
    assert ADD_NEXT() == 0


def test_a_charge_of_a_month_without_partition_adds_it(database: str) -> None:
    drop(database, "2024_03")
    with transaction() as session:
        one = team(session)
        settle(session, team_id=one, subject_id="a", charges=[charge("a", occurred_at=LONG_AGO)])
    assert booked() == [LONG_AGO]
    assert "ledger_rows_2024_03" in partitions()


def test_two_processes_that_add_the_same_month_make_one(
    database: str, connections: tuple[psycopg.Connection, psycopg.Connection]
) -> None:
    drop(database, "2024_04")
    one, other = connections
    add = "SELECT ledger_add_month('2024-04-01')"
    assert one.execute(add).fetchone() == (True,)
    waits = "SELECT FROM pg_locks WHERE pid = %s AND NOT granted"
    with ThreadPoolExecutor(1) as pool, superuser.connect(database) as watcher:
        second = pool.submit(lambda: other.execute(add).fetchone())
        while not watcher.execute(waits, (other.info.backend_pid,)).fetchall():
            assert not second.done()
            threading.Event().wait(0.01)
        one.commit()
        assert second.result() == (False,)
    other.commit()
    assert partitions().count("ledger_rows_2024_04") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {}",
        "UPDATE {} SET unique_key = 'x'",
        "INSERT INTO {} SELECT * FROM ledger_rows",
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "ALTER TABLE ledger_rows DETACH PARTITION {}",
    ],
)
def test_the_applications_role_cannot_change_a_new_month(database: str, statement: str) -> None:
    drop(database, "2024_05")
    with psycopg.connect(dsn(database), autocommit=True) as connection:
        connection.execute("SELECT ledger_add_month('2024-05-01')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.format("ledger_rows_2024_05"))


def test_even_the_owner_cannot_change_a_row_of_a_new_month(database: str) -> None:
    with transaction() as session:
        one = team(session)
        settle(session, team_id=one, subject_id="a", charges=[charge("a", occurred_at=LONG_AGO)])
    with superuser.connect(database) as connection:
        connection.execute("SET session_replication_role = origin")  # triggers fire again
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("DELETE FROM ledger_rows_2024_03")


def test_a_month_far_ahead_gets_no_partition(database: str) -> None:
    with psycopg.connect(dsn(database)) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("SELECT ledger_add_month((now() + interval '4 months')::date)")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("closes", [False, True])
def test_a_settlement_repeated_after_the_month_has_changed_charges_once(closes: bool) -> None:
    month = month_due(clock.now(), settings().month_close_days)
    began_at = month.end - timedelta(seconds=2)
    with transaction() as session:
        one = team(session)
        settle(
            session,
            team_id=one,
            subject_id="a",
            charges=[charge("a", began_at=began_at, occurred_at=began_at)],
        )
    if closes:
        with transaction() as session:
            close_month(session, month)
    with transaction() as session:
        settle(session, team_id=one, subject_id="a", charges=[charge("a", began_at=began_at)])
    assert booked() == [began_at]


@pytest.mark.usefixtures("database")
def test_a_late_charge_of_an_open_older_month_counts_in_that_months_report() -> None:
    month = month_due(clock.now(), settings().month_close_days)
    with transaction() as session:
        one = team(session)
        settle(session, team_id=one, subject_id="a", charges=[charge("a")])
        late = charge("b", occurred_at=month.end - timedelta(seconds=1))
        settle(session, team_id=one, subject_id="b", charges=[late])
    for _ in range(2):  # from the rows, then from the sums
        with transaction() as session:
            (row,) = cost_report(session, CostScope(one, month.start, month.end), ["month"]).rows
            assert row["amount_usd"] == Decimal("0.1")
            roll_up(session)
