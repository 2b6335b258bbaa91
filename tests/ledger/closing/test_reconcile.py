"""Reconciling with a provider: real jobs agree; each kind of drift is found and reported to admins only."""

from decimal import Decimal
from typing import Any

import pytest

from service.core.db import transaction
from service.core.work import schedule
from service.jobs.kinds import RECONCILE_PROVIDER
from service.jobs.upstream.reconcile import order_reconciliations
from service.ledger.closing.drift import Booked, Drift, Listed, compare
from tests.jobs.story import run, start, wait_for_end
from tests.ledger.make import team
from tests.support import superuser
from tests.support.clean import work_left
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

TEN, NONE = Decimal(10), Decimal(0)
OURS = Booked("ftjob-1", "succeeded", TEN)


@pytest.mark.parametrize(
    ("ours", "theirs", "drifts"),
    [
        ({"a": OURS}, [Listed("a", "ftjob-1", "succeeded", TEN)], []),
        ({}, [Listed("b", None, "running", NONE)], []),
        ({"a": OURS}, [], [Drift("missing_there", "ftjob-1", "succeeded", "nothing")]),
        (
            {},
            [Listed("b", "ftjob-9", "running", NONE)],
            [Drift("missing_here", "ftjob-9", "nothing", "running")],
        ),
        (
            {"a": OURS},
            [Listed("a", "ftjob-1", "succeeded", Decimal(12))],
            [Drift("charged", "ftjob-1", "10", "12")],
        ),
        (
            {"a": Booked("ftjob-1", "running", NONE)},
            [Listed("a", "ftjob-1", "succeeded", TEN)],
            [Drift("ended", "ftjob-1", "running", "succeeded")],
        ),
        ({"a": Booked("ftjob-1", "running", NONE)}, [Listed("a", "ftjob-1", "pondering", TEN)], []),
    ],
)
def test_each_difference_is_told_once(
    ours: dict[str, Booked], theirs: list[Listed], drifts: list[Drift]
) -> None:
    assert compare(ours, theirs) == drifts


@pytest.mark.usefixtures("providers_environment", "database")
def test_yesterday_is_reconciled_once() -> None:
    with transaction() as session:
        team(session)
        assert order_reconciliations(session, ["trainer", "openai"]) == 2
        session.rollback()


def reconcile(service: Service) -> dict[str, Any]:
    """Let the worker reconcile with the trainer. Returns the newest report."""
    with transaction() as session:
        schedule(session, RECONCILE_PROVIDER, "trainer")
    wait_until(lambda: not work_left())
    answer = service.admin.get("/v1/costs/reconciliation?provider=trainer")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"][0]
    return found


@pytest.mark.usefixtures("worker")
def test_jobs_that_ended_each_way_agree_and_a_wrong_charge_does_not(
    service: Service, trainer: TrainerProcess, service_database: str
) -> None:
    one = service.make_team()
    done = run(one.sdk)
    trainer.control.stop_clock()
    stopped = start(one.sdk)
    one.sdk.fine_tuning.jobs.cancel(stopped.id)
    assert wait_for_end(one.sdk, stopped.id).status == "cancelled"  # before the provider's clock runs on
    trainer.control.run_clock()
    with superuser.connect(service_database) as connection:
        connection.execute(
            "UPDATE ledger_rows SET quantities = '{1}' WHERE job_id = %s",
            (done.id,),
        )
    report = reconcile(service)
    wrong = [drift for drift in report["drifts"] if drift["what"] == "charged"]
    assert wrong == [{"what": "charged", "job_id": done.id, "ours": "1", "theirs": str(done.trained_tokens)}]
    assert (report["object"], report["theirs_usd"]) == ("drift_report", None)
    assert one.http.get("/v1/costs/reconciliation").status_code == 403
