"""Cancel, pause and resume: the team asks, the provider decides, the ledger follows."""

from decimal import Decimal

import openai
import pytest

from tests.jobs.story import run, start, upload, wait_for, wait_for_end
from tests.support.data import chat_file
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess

pytestmark = pytest.mark.usefixtures("worker")


def held(team: TeamHandle) -> Decimal:
    return Decimal(team.http.get(f"/v1/teams/{team.id}/budget").json()["held_usd"])


def test_a_running_job_is_cancelled_and_its_hold_released(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team(budget_usd="5.00")
    trainer.control.stop_clock()
    job = start(team.sdk)
    wait_for(team.sdk, job.id, lambda now: bool(_provider_status(now)))
    team.sdk.fine_tuning.jobs.cancel(job.id)
    ended = wait_for_end(team.sdk, job.id)
    assert ended.status == "cancelled"
    assert ended.fine_tuned_model is None
    assert held(team) == 0


def test_a_job_is_paused_and_goes_on_where_it_stopped(service: Service, trainer: TrainerProcess) -> None:
    sdk = service.make_team().sdk
    file = upload(sdk, chat_file(40))
    trainer.control.stop_clock()
    job = start(sdk, training_file=file.id)
    wait_for(sdk, job.id, lambda now: bool(_provider_status(now)))
    # Checked after 1 ms, started after 2, the first of many steps after 3.
    trainer.control.advance(0.0035)
    wait_for(sdk, job.id, lambda now: now.status == "running")
    sdk.fine_tuning.jobs.pause(job.id)
    wait_for(sdk, job.id, lambda now: str(now.status) == "pausing")
    trainer.control.run_clock()
    wait_for(sdk, job.id, lambda now: str(now.status) == "paused")
    sdk.fine_tuning.jobs.resume(job.id)
    assert wait_for_end(sdk, job.id).status == "succeeded"


def _provider_status(job: object) -> str | None:
    extras = getattr(job, "tunehouse", None) or {}
    found: str | None = extras.get("provider_status")
    return found


def test_an_ended_job_refuses_every_request(service: Service) -> None:
    sdk = service.make_team().sdk
    job = run(sdk)
    for ask in (sdk.fine_tuning.jobs.cancel, sdk.fine_tuning.jobs.pause, sdk.fine_tuning.jobs.resume):
        with pytest.raises(openai.BadRequestError) as refusal:
            ask(job.id)
        assert refusal.value.code == "invalid_job_state"


def test_a_word_that_we_do_not_know_from_the_provider_is_shown_and_survived(
    service: Service, trainer: TrainerProcess
) -> None:
    sdk = service.make_team().sdk
    file = upload(sdk)
    trainer.control.fault(
        "job_status", method="GET", path="/v1/fine_tuning/jobs/[^/]+", times=3, status_name="pondering"
    )
    job = start(sdk, training_file=file.id)
    assert wait_for_end(sdk, job.id).status == "succeeded"
