"""What a job holds and has cost is its own, not its team's."""

from decimal import Decimal

import pytest

from service.core.db import transaction
from service.jobs.queries import JobMoney, job_money
from service.ledger.actions import settle
from tests.ledger.make import charge, make_job, team


@pytest.mark.usefixtures("providers_environment", "database")
def test_each_job_shows_its_own_hold_and_cost() -> None:
    with transaction() as session:
        one, other = team(session), team(session)
        ended, running, strange = (
            make_job(session, who, f"ftjob-{name}").id
            for name, who in (("ended", one), ("running", one), ("strange", other))
        )
        for number, job_id in enumerate((ended, strange), 1):
            paid = charge(f"{job_id}:tokens", 10_000 * number, job_id=job_id)
            settle(session, team_id=one if job_id == ended else other, subject_id=job_id, charges=[paid])
        assert job_money(session, one, [ended, running, strange]) == {
            ended: JobMoney(Decimal(0), Decimal("0.1"), None),
            running: JobMoney(Decimal(1), Decimal(0), None),
            strange: JobMoney(Decimal(0), Decimal(0), None),
        }
        session.rollback()
