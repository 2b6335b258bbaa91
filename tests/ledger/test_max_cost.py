"""A job's own limit: refused above it at submit, stopped above it later; and what paused work costs."""

from decimal import Decimal
from typing import Any

import openai
import pytest

from service.core.db import transaction
from service.ledger.tables import Account
from tests.jobs.story import start, upload, wait_for, wait_for_end
from tests.support.data import jsonl
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess


def extras(team: TeamHandle, job_id: str) -> dict[str, Any]:
    """What Tunehouse adds to a job."""
    found: dict[str, Any] = team.http.get(f"/v1/fine_tuning/jobs/{job_id}").json()["tunehouse"]
    return found


def graded_file(topic: str) -> bytes:
    """A dataset for reinforcement."""
    return jsonl(
        {"messages": [{"role": "user", "content": f"{topic} {number}?"}], "answer": str(number)}
        for number in range(40)
    )


@pytest.mark.usefixtures("worker")
def test_a_job_above_its_own_limit_is_refused_at_submit_with_the_figures(service: Service) -> None:
    team = service.make_team(budget_usd="100")
    file = upload(team.sdk)
    with pytest.raises(openai.RateLimitError) as refused:
        start(team.sdk, training_file=file.id, extra_body={"tunehouse": {"max_cost_usd": "0.000001"}})
    assert (refused.value.code, refused.value.param) == ("budget_exceeded", "job")
    assert "limit $0.000001" in str(refused.value)
    assert team.http.get("/v1/me").json()["held_usd"] == "0.00"


@pytest.mark.usefixtures("worker")
def test_a_job_below_its_own_limit_runs_and_shows_it(service: Service) -> None:
    team = service.make_team(budget_usd="100")
    job = start(team.sdk, extra_body={"tunehouse": {"max_cost_usd": "2.50"}})
    assert wait_for_end(team.sdk, job.id).status == "succeeded"
    assert extras(team, job.id)["max_cost_usd"] == "2.50"
    with transaction() as session:
        account = session.get_one(Account, job.id)
        assert (account.scope, account.spent_usd) == ("job", Decimal(extras(team, job.id)["cost_usd"]))


@pytest.mark.usefixtures("worker")
def test_training_by_the_hour_is_paused_at_the_provider_when_it_crosses_the_limit(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team(budget_usd="1")
    training, checking = (upload(team.sdk, graded_file(name)) for name in ("one", "two"))
    trainer.control.stop_clock()
    grader = {"type": "string_check", "name": "g", "operation": "eq", "input": "a", "reference": "a"}
    job = start(
        team.sdk,
        model="sandbox-large",
        training_file=training.id,
        validation_file=checking.id,
        method={"type": "reinforcement", "reinforcement": {"grader": grader}},
        extra_body={"tunehouse": {"max_cost_usd": "0.01"}},
    )
    assert extras(team, job.id)["held_usd"] == "0.01"
    wait_for(team.sdk, job.id, lambda now: bool(extras(team, now.id)["provider_status"]))
    trainer.control.advance(0.0035)
    wait_for(team.sdk, job.id, lambda now: str(now.status) in ("pausing", "paused"))
    trainer.control.run_clock()
    wait_for(team.sdk, job.id, lambda now: str(now.status) == "paused")
    log = [event.message for event in team.sdk.fine_tuning.jobs.list_events(job.id, limit=100)]
    assert any("more than its max_cost of $0.01: it is paused" in message for message in log)
    # Resumed without a higher limit, it is above it still.
    team.sdk.fine_tuning.jobs.resume(job.id)
    assert wait_for_end(team.sdk, job.id).status in ("cancelled", "succeeded")
    assert team.http.get("/v1/me").json()["held_usd"] == "0.00"
