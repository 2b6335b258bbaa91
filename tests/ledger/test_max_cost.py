"""`max_cost`: jobs above it are refused at submission or stopped later; and what paused work costs."""

from decimal import Decimal
from typing import Any

import openai
import pytest

from service.core.db import transaction
from service.ledger.tables import LedgerAccount
from tests.jobs.story import start, upload, wait_for, wait_for_end
from tests.support.data import jsonl
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess


def extras(team: TeamHandle, job_id: str) -> dict[str, Any]:
    """A job's `tunehouse` fields."""
    found: dict[str, Any] = team.http.get(f"/v1/fine_tuning/jobs/{job_id}").json()["tunehouse"]
    return found


def graded_file(topic: str) -> bytes:
    """Upload a dataset for reinforcement. Returns its id."""
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
        account = session.get_one(LedgerAccount, job.id)
        assert (account.scope, account.spent_usd) == ("job", Decimal(extras(team, job.id)["cost_usd"]))


def reinforce(team: TeamHandle, **options: str) -> str:
    """Create a job that is billed by the hour. Returns its id."""
    training, checking = (upload(team.sdk, graded_file(name)) for name in ("one", "two"))
    grader = {"type": "string_check", "name": "g", "operation": "eq", "input": "a", "reference": "a"}
    job = start(
        team.sdk,
        model="sandbox-large",
        training_file=training.id,
        validation_file=checking.id,
        method={"type": "reinforcement", "reinforcement": {"grader": grader}},
        extra_body={"tunehouse": options},
    )
    return job.id


@pytest.mark.usefixtures("worker")
def test_training_by_the_hour_is_paused_at_the_limit_and_goes_on_with_a_higher_one(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team(budget_usd="1000")
    trainer.control.stop_clock()
    job_id = reinforce(team, max_cost_usd="0.01")
    assert extras(team, job_id)["held_usd"] == "0.01"
    wait_for(team.sdk, job_id, lambda now: bool(extras(team, now.id)["provider_status"]))
    trainer.control.advance(0.0035)
    wait_for(team.sdk, job_id, lambda now: str(now.status) in ("pausing", "paused"))
    trainer.control.run_clock()
    wait_for(team.sdk, job_id, lambda now: str(now.status) == "paused")
    log = [event.message for event in team.sdk.fine_tuning.jobs.list_events(job_id, limit=100)]
    assert any("exceeds its max_cost of $0.01" in message for message in log)
    path = f"/v1/fine_tuning/jobs/{job_id}/max_cost"
    assert team.http.put(path, json={"max_cost_usd": "2000"}).status_code == 429
    assert extras(team, job_id)["max_cost_usd"] == "0.01"
    raised = team.http.put(path, json={"max_cost_usd": "500"}).json()["tunehouse"]
    assert raised["max_cost_usd"] == "500.00"
    assert Decimal(raised["held_usd"]) + Decimal(raised["cost_usd"]) == 500
    team.sdk.fine_tuning.jobs.resume(job_id)
    assert wait_for_end(team.sdk, job_id).status == "succeeded"
    assert team.http.get("/v1/me").json()["held_usd"] == "0.00"
    refused = team.http.put(path, json={"max_cost_usd": "600"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_job_state")


@pytest.mark.usefixtures("worker")
def test_an_estimate_by_the_hour_says_what_bounds_it(service: Service) -> None:
    team = service.make_team(budget_usd="1000")
    training, checking = (upload(team.sdk, graded_file(name)) for name in ("one", "two"))
    grader = {"type": "string_check", "name": "g", "operation": "eq", "input": "a", "reference": "a"}
    body = {
        "model": "sandbox-large",
        "training_file": training.id,
        "validation_file": checking.id,
        "method": {"type": "reinforcement", "reinforcement": {"grader": grader}},
    }
    unbound = team.http.post("/v1/fine_tuning/estimates", json=body).json()
    assert unbound["upper_bound_usd"] is None
    assert any("held for the first hour" in warning for warning in unbound["warnings"])
    bound = team.http.post(
        "/v1/fine_tuning/estimates", json=body | {"tunehouse": {"max_cost_usd": "70"}}
    ).json()
    assert (bound["upper_bound_usd"], bound["cost_usd"]) == ("70.00", "70.00")
