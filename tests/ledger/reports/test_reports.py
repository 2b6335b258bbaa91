"""Reports add up to the ledger's total, however they are grouped."""

import csv
import io
import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from service.catalog.price import PriceKind
from service.core.db import transaction
from service.errors import InvalidRequest
from service.ledger.actions import settle
from service.ledger.queries import cost_of_job
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.reports.exports import to_csv
from service.ledger.tables import Entry
from tests.ledger.make import charge, team

GROUPINGS = (
    "team",
    "key",
    "kind",
    "model",
    "base",
    "job",
    "provider",
    "method",
    "day",
    "month",
    "tag",
    "tag:env",
)
NOW = datetime.now(UTC)

charges = st.fixed_dictionaries(
    {
        "quantity": st.integers(0, 10**9),
        "kind": st.sampled_from([PriceKind.INPUT_TOKENS, PriceKind.TRAINING_TOKENS]),
        "model": st.sampled_from(["ft:a", "ft:b"]),
        "base_model": st.sampled_from(["a", "b"]),
        "provider": st.sampled_from(["p", "q"]),
        "job_id": st.sampled_from([None, "job_1", "job_2"]),
        "key_id": st.sampled_from([None, "key_1"]),
        "method": st.sampled_from([None, "dpo"]),
        "tags": st.sampled_from([{}, {"env": "prod"}, {"env": "prod", "who": "=1+1"}, {"who": "x"}]),
        "occurred_at": st.timedeltas(timedelta(0), timedelta(days=70)).map(lambda ago: NOW - ago),
    }
)
_numbers = itertools.count(1)


@pytest.mark.usefixtures("database")
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wanted=st.lists(charges, min_size=1, max_size=12))
def test_every_grouping_adds_up_to_the_ledger(wanted: list[dict[str, object]]) -> None:
    with transaction() as session:
        one = team(session)
        made = [charge(f"c{next(_numbers)}", **fields) for fields in wanted]  # type: ignore[arg-type]
        settle(session, team_id=one, subject_id="s", charges=made)
        total = session.scalar(select(func.sum(Entry.amount_usd)).where(Entry.team_id == one))
        assert total == sum(each.amount_usd for each in made)
        for pair in itertools.combinations(GROUPINGS, 2):
            report = cost_report(session, CostScope(one), pair)
            assert report.total_usd == total, pair
            assert sum(row["amount_usd"] for row in report.rows) == total, pair
        session.rollback()


@pytest.mark.usefixtures("database")
def test_a_report_reads_its_time_range_and_its_team_alone() -> None:
    with transaction() as session:
        one, two = team(session), team(session)
        for number, who in enumerate((one, two), 1):
            for days in range(3):
                each = charge(f"{who}{days}", 10_000 * number, occurred_at=NOW - timedelta(days=days))
                settle(session, team_id=who, subject_id="s", charges=[each])
        yesterday = CostScope(one, NOW - timedelta(days=1), NOW)
        assert cost_report(session, yesterday, ["team"]).total_usd == Decimal("0.1")
        assert cost_report(session, CostScope(one), ["team"]).total_usd == Decimal("0.3")
        assert cost_report(session, CostScope(None), ["team"]).total_usd == Decimal("0.9")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("wrong", [["colour"], ["tag:"], [], ["team", "key", "kind", "model", "job"]])
def test_a_grouping_that_does_not_exist_is_refused(wrong: list[str]) -> None:
    with transaction() as session, pytest.raises(InvalidRequest) as refused:
        cost_report(session, CostScope(None), wrong)
    assert refused.value.param == "group_by"


@pytest.mark.usefixtures("database")
def test_the_costs_of_jobs_leave_out_use() -> None:
    with transaction() as session:
        one = team(session)
        training = PriceKind.TRAINING_TOKENS
        made = [
            charge("a", 10_000, kind=training, model="ft:a", job_id="job_1"),
            charge("b", 20_000, model="ft:a"),
            charge("c", 30_000, kind=training, model="ft:b", job_id="job_2"),
        ]
        settle(session, team_id=one, subject_id="s", charges=made)
        assert cost_of_job(session, "job_1") == Decimal("0.1")
        assert cost_of_job(session, "job_2") == Decimal("0.3")
        assert cost_of_job(session, "job_9") == 0


def test_csv_disarms_formulas_and_leaves_negative_amounts_alone() -> None:
    rows = [{"model": "=HYPERLINK(1)", "tags": {"a": "b"}, "amount_usd": Decimal("-0.10")}]
    lines = list(csv.reader(io.StringIO(to_csv(["model", "tags", "amount_usd"], rows))))
    assert lines == [["model", "tags", "amount_usd"], ["'=HYPERLINK(1)", '{"a": "b"}', "-0.10"]]
