"""A closed month moves to Parquet in storage, and everything that counts it still does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from arro3.io import read_parquet
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from service.audit.tables import AuditEvent
from service.catalog.price import PriceKind
from service.catalog.prices import price_at
from service.cli.archive_ledger import move_to_storage
from service.core.db import transaction
from service.core.storage import storage
from service.errors import Conflict, InvalidRequest
from service.ledger.actions import place_hold, settle
from service.ledger.adjustments.actions import NewAdjustment, adjust
from service.ledger.archive.tables import ArchivedMonth
from service.ledger.audit import begin, findings
from service.ledger.budgets.actions import set_budget
from service.ledger.charges import Charge, Review
from service.ledger.closing.months import Month, close_month, month_named
from service.ledger.closing.reprice import RepriceRange, plan_reprice
from service.ledger.closing.statement import statements
from service.ledger.queries import standing
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.reports.entries import EntryFilter, incomplete_months
from service.ledger.rollups.sums import roll_up
from service.ledger.tables import Entry
from service.settings import settings
from tests.ledger.make import charge, team
from tests.support import superuser
from tests.support.clean import dsn

MONTH = month_named("2024-03")
DAY = datetime(2024, 3, 15, tzinfo=UTC)
NOON = DAY + timedelta(hours=12)


def tunehouse(database: str, *arguments: str, as_owner: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run a command as an operator does, who has the owner's URL."""
    owner = {"TUNEHOUSE_MIGRATE_DATABASE_URL": superuser.owner_url_of(database)} if as_owner else {}
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | owner,
    )


def priced(unique_key: str, kind: PriceKind = PriceKind.OUTPUT_TOKENS, **fields: object) -> Charge:
    with transaction() as session:
        price = price_at(session, provider_kind="trainer", model="sandbox-mini", kind=kind)
    defaults: dict[str, object] = {"kind": kind, "price": price, "occurred_at": NOON, "key_id": "key_1"}
    return charge(unique_key, **(defaults | fields))


@pytest.fixture
def past(database: str) -> Iterator[str]:
    """A team with two requests, a training and a flagged charge in a closed month, and a request today."""
    with transaction() as session:
        one = team(session)
        for key in ("a", "b"):
            charges = [
                priced(key, PriceKind.INPUT_TOKENS, tags={"app": "ü,\n"}),
                priced(key, tags={"app": "ü,\n"}),
            ]
            settle(session, team_id=one, subject_id=key, charges=charges)
        training = priced("t", PriceKind.TRAINING_TOKENS, job_id="ftjob-1")
        flagged = priced("f", review=Review("uncertain", "the process died"))
        settle(session, team_id=one, subject_id="t", charges=[training, flagged])
        settle(session, team_id=one, subject_id="n", charges=[priced("n", occurred_at=None, began_at=None)])
        close_month(session, MONTH)
        roll_up(session)
    yield one
    with superuser.connect(database) as connection:
        connection.execute("DROP TABLE IF EXISTS ledger_rows_2024_03")


@pytest.fixture
def owner(database: str) -> Iterator[None]:
    """Let `move_to_storage` connect as the owner of the tables."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TUNEHOUSE_MIGRATE_DATABASE_URL", superuser.owner_url_of(database))
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.fixture
def archived(past: str, owner: None) -> str:
    assert move_to_storage(MONTH).entries == 6
    return past


def numbers() -> list[int]:
    with transaction() as session:
        return list(session.scalars(select(Entry.number).order_by(Entry.number)))


def figures(team_id: str) -> list[object]:
    """Everything that a month reports."""
    with transaction() as session:
        scope = CostScope(team_id, MONTH.start, MONTH.end)
        groups = (["kind"], ["day", "model"], ["tag:app"], ["key", "job"])
        reports = [list(cost_report(session, scope, group).rows) for group in groups]
        return [*reports, statements(session, MONTH, team_id)]


def audit_findings() -> list[str]:
    with transaction() as session:
        begin(session)
        return [str(finding) for finding in findings(session)]


def test_an_archived_month_is_reported_and_audited_as_before(database: str, past: str) -> None:
    before = figures(past)
    done = tunehouse(database, "archive-ledger", MONTH.name)
    assert (done.returncode, done.stdout[:18]) == (0, "2024-03: 6 entries"), done
    assert numbers() == [5, 6, 7]  # the job's, the flagged one, and today's
    assert figures(past) == before
    with transaction() as session:
        (recorded,) = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "tunehouse archive-ledger")
        )
        assert (recorded.object_id, recorded.key_id) == (MONTH.name, "key_operator")
        assert recorded.params["sha256"] == session.scalar(select(ArchivedMonth.sha256))
    audited = tunehouse(database, "audit-ledger")
    assert (audited.returncode, audited.stdout.split(" checked")[0]) == (
        0,
        "7 rows, 5 daily sums, 1 accounts and 0 holds",
    ), audited


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("UPDATE archived_months SET sha256 = 'x'", "missing or was changed"),
        ("UPDATE archived_months SET storage_key = 'obj_x'", "missing or was changed"),
        ("UPDATE archived_months SET amount_usd = amount_usd + 0.000001", "file does not have its entries"),
        ("UPDATE ledger_rows SET quantities = '{7}' WHERE number = 5", "kept from an archived month"),
        ("UPDATE ledger_days SET amount_usd = amount_usd + 1", "day's sum is not"),
        ("UPDATE accounts SET spent_usd = spent_usd + 0.01", "counters are not the sum"),
    ],
)
def test_a_cent_out_of_place_in_an_archived_month_is_found(
    database: str, archived: str, change: str, complaint: str
) -> None:
    assert archived
    assert audit_findings() == []
    with superuser.connect(database) as connection:
        connection.execute(change.encode())
    found = audit_findings()
    assert [line for line in found if complaint in line], found


@pytest.mark.usefixtures("archived")
def test_a_changed_file_is_found() -> None:
    with transaction() as session:
        key = session.scalars(select(ArchivedMonth.storage_key)).one()
    content = bytearray(b"".join(storage().read(key)))
    content[100] ^= 1
    storage().delete(key)
    changed = storage().create(key)
    changed.write(bytes(content))
    changed.close()
    assert [line for line in audit_findings() if "missing or was changed" in line]


def test_the_file_has_the_months_entries_for_other_tools(archived: str) -> None:
    with transaction() as session:
        (month,) = session.scalars(select(ArchivedMonth))
    path = Path(storage().root / month.storage_key[-2:] / month.storage_key)  # type: ignore[attr-defined]
    table = read_parquet(str(path)).read_all()
    found = {
        name: table[name].to_pylist() for name in ("number", "team_id", "amount_usd", "booked_at", "tags")
    }
    assert found["number"] == [1, 2, 3, 4, 5, 6]
    assert set(found["team_id"]) == {archived}
    assert set(found["booked_at"]) == {NOON}
    assert found["tags"][:4] == ['{"app": "ü,\\n"}'] * 4
    assert sum(found["amount_usd"]) == month.amount_usd > Decimal(0)


def test_a_new_budget_of_a_key_counts_what_is_archived(archived: str) -> None:
    with transaction() as session:
        set_budget(session, archived, limit_usd=Decimal(9), scope="key", account_id="key_1", period="total")
        team_spent = standing(session, archived).spent_usd
        assert standing(session, "key_1").spent_usd > Decimal(0)
        total = session.scalar(text("SELECT spent_usd FROM accounts WHERE id = 'key_1'"))
        assert total == session.scalar(text("SELECT spent_usd FROM accounts WHERE scope = 'team'"))
    assert team_spent > 0
    assert audit_findings() == []


@pytest.mark.usefixtures("archived")
def test_what_needs_the_rows_of_an_archived_month_is_refused(archived: str) -> None:
    hour = timedelta(hours=1)
    for start, end in ((MONTH.start + hour, MONTH.end), (MONTH.start - hour, MONTH.start + hour)):
        part = CostScope(archived, start, end)
        with transaction() as session, pytest.raises(InvalidRequest, match=r"2024-03 are archived.*midnight"):
            cost_report(session, part, ["kind"])
    entry = NewAdjustment(archived, Decimal(-1), "wrong", entry_number=1)
    with transaction() as session, pytest.raises(Conflict, match=r"entry 1 .* archived month"):
        adjust(session, entry, created_by="key_1")


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize("month", [month_named("2024-02"), MONTH])
def test_inference_that_may_be_booked_in_an_archived_month_is_not_repriced(month: Month) -> None:
    wanted = RepriceRange(priced("x").price.id, month.start, month.end)
    with transaction() as session, pytest.raises(InvalidRequest, match="2024-03 are archived"):
        plan_reprice(session, wanted)
    training = RepriceRange(priced("x", PriceKind.TRAINING_TOKENS).price.id, month.start, month.end)
    with transaction() as session:
        assert plan_reprice(session, training).teams == []


@pytest.mark.usefixtures("archived")
def test_a_list_of_entries_knows_the_months_that_it_has_in_part() -> None:
    later = month_named("2024-04")
    with transaction() as session:
        months = [
            incomplete_months(session, wanted)
            for wanted in (
                EntryFilter(),
                EntryFilter(start=MONTH.start, end=MONTH.end),
                EntryFilter(start=later.start, end=later.end),
                EntryFilter(job_id="ftjob-1"),
            )
        ]
    assert months == [["2024-03"], ["2024-03"], [], []]


@pytest.mark.usefixtures("archived")
def test_a_charge_that_began_in_an_archived_month_is_refused_because_it_could_be_its_second(
    archived: str,
) -> None:
    with pytest.raises(DBAPIError, match="is archived"), transaction() as session:
        settle(session, team_id=archived, subject_id="a", charges=[priced("a", began_at=NOON)])


def test_a_training_of_an_archived_month_is_still_charged_once(archived: str) -> None:
    again = priced("t", PriceKind.TRAINING_TOKENS, job_id="ftjob-1", began_at=NOON)
    with transaction() as session:
        settle(session, team_id=archived, subject_id="t", charges=[again])
    assert numbers() == [5, 6, 7]


@pytest.mark.usefixtures("owner")
def test_a_month_that_is_not_ready_stays(database: str) -> None:
    with transaction() as session:
        one = team(session)
        settle(session, team_id=one, subject_id="a", charges=[priced("a")])
        place_hold(session, team_id=one, subject_id="late", amount_usd=Decimal(1))
    with superuser.connect(database) as connection:
        connection.execute("UPDATE holds SET placed_at = %s", (NOON,))
    for remedy, reason in (
        (lambda session: close_month(session, MONTH), "is not closed"),
        (lambda session: session.execute(text("DELETE FROM holds")), "not settled, such as late"),
        (roll_up, "no sum contains yet"),
    ):
        with pytest.raises(Conflict, match=reason):
            move_to_storage(MONTH)
        with transaction() as session:
            remedy(session)
    assert numbers() == [1]
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(ArchivedMonth)) == 0


def test_without_the_owners_url_the_command_says_which_setting_it_needs(database: str, past: str) -> None:
    assert past
    refused = tunehouse(database, "archive-ledger", MONTH.name, as_owner=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "set TUNEHOUSE_MIGRATE_DATABASE_URL to the owner's URL" in refused.stderr
    assert numbers() == [1, 2, 3, 4, 5, 6, 7]


def test_the_applications_role_cannot_empty_a_month(database: str, past: str) -> None:
    assert past
    with psycopg.connect(dsn(database), autocommit=True) as connection:
        connection.execute("INSERT INTO archived_months VALUES ('2024-03-01', now(), 'obj_x', 'x', 1, 6, 1)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT ledger_empty_month('2024-03-01')")
    assert numbers() == [1, 2, 3, 4, 5, 6, 7]
