"""Cancel, pause, resume, and the clock that makes them happen at a known moment."""

from collections.abc import Callable, Iterator

import openai
import pytest

from tests.support.trainer_process import TrainerProcess
from tests.trainer.conftest import make_client
from tests.trainer.steps import create_job, messages_of

STEP_S = 1.0


@pytest.fixture
def stopped(start_trainer: Callable[..., TrainerProcess]) -> TrainerProcess:
    """A trainer whose clock stands still; one told step a second, two jobs at once."""
    process = start_trainer(step_ms=int(STEP_S * 1000), concurrency=2)
    process.control.stop_clock(1_800_000_000)
    return process


@pytest.fixture
def calm(stopped: TrainerProcess) -> Iterator[openai.OpenAI]:
    """Its client."""
    with make_client(stopped) as found:
        yield found


def status(client: openai.OpenAI, job_id: str) -> str:
    return client.fine_tuning.jobs.retrieve(job_id).status


def test_a_job_walks_through_its_statuses_by_the_clock(calm: openai.OpenAI, stopped: TrainerProcess) -> None:
    job = create_job(calm, hyperparameters={"n_epochs": 1})
    assert job.status == "validating_files"
    seen: list[str] = [job.status]
    for _ in range(20):
        stopped.control.advance(STEP_S)
        seen.append(status(calm, job.id))
    assert list(dict.fromkeys(seen)) == ["validating_files", "queued", "running", "succeeded"]
    done = calm.fine_tuning.jobs.retrieve(job.id)
    assert done.finished_at == 1_800_000_000 + 2 + 12


def test_a_running_job_estimates_its_finish(calm: openai.OpenAI, stopped: TrainerProcess) -> None:
    job = create_job(calm, hyperparameters={"n_epochs": 1})
    stopped.control.advance(5)
    assert calm.fine_tuning.jobs.retrieve(job.id).estimated_finish == 1_800_000_000 + 2 + 12
    stopped.control.advance(50)
    assert calm.fine_tuning.jobs.retrieve(job.id).estimated_finish is None


def test_jobs_beyond_the_concurrency_wait_in_line(calm: openai.OpenAI, stopped: TrainerProcess) -> None:
    jobs = [create_job(calm, hyperparameters={"n_epochs": 1}).id for _ in range(3)]
    stopped.control.advance(4)
    assert [status(calm, job) for job in jobs] == ["running", "running", "queued"]
    stopped.control.advance(12)
    assert [status(calm, job) for job in jobs] == ["succeeded", "succeeded", "running"]


def test_a_paused_job_rests_and_resumes_without_repeating_a_step(
    calm: openai.OpenAI, stopped: TrainerProcess
) -> None:
    job = create_job(calm, hyperparameters={"n_epochs": 1})
    stopped.control.advance(5)
    assert str(calm.fine_tuning.jobs.pause(job.id).status) == "pausing"
    stopped.control.advance(1)
    assert status(calm, job.id) == "paused"
    stopped.control.advance(1000)
    assert status(calm, job.id) == "paused"
    assert calm.fine_tuning.jobs.resume(job.id).status == "queued"
    stopped.control.advance(1000)
    assert status(calm, job.id) == "succeeded"
    steps = [m.split("/")[0] for m in messages_of(calm, job.id) if m.startswith("Step ")]
    assert steps == [f"Step {i}" for i in range(1, 13)]


@pytest.mark.parametrize("after_s", [0, 1.5, 6])
def test_a_job_can_be_cancelled_before_and_while_it_runs(
    calm: openai.OpenAI, stopped: TrainerProcess, after_s: float
) -> None:
    job = create_job(calm, hyperparameters={"n_epochs": 1})
    if after_s:
        stopped.control.advance(after_s)
    assert calm.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    stopped.control.advance(100)
    done = calm.fine_tuning.jobs.retrieve(job.id)
    assert done.status == "cancelled"
    assert done.fine_tuned_model is None
    assert messages_of(calm, job.id)[-1] == "Fine-tuning job cancelled"


def test_a_cancelled_job_gives_its_place_to_the_next(calm: openai.OpenAI, stopped: TrainerProcess) -> None:
    jobs = [create_job(calm, hyperparameters={"n_epochs": 1}).id for _ in range(3)]
    stopped.control.advance(4)
    calm.fine_tuning.jobs.cancel(jobs[0])
    stopped.control.advance(2)
    assert status(calm, jobs[2]) == "running"


def test_what_cannot_be_done_is_refused(calm: openai.OpenAI, stopped: TrainerProcess) -> None:
    job = create_job(calm, hyperparameters={"n_epochs": 1})
    jobs = calm.fine_tuning.jobs
    with pytest.raises(openai.BadRequestError, match="only a running job"):
        jobs.pause(job.id)
    with pytest.raises(openai.BadRequestError, match="only a paused job"):
        jobs.resume(job.id)
    stopped.control.advance(100)
    with pytest.raises(openai.BadRequestError, match="already completed"):
        jobs.cancel(job.id)
    for call in (jobs.retrieve, jobs.cancel, jobs.pause, jobs.resume, jobs.list_events):
        with pytest.raises(openai.NotFoundError):
            call("ftjob-nothere")


def test_control_fails_a_job_and_shows_unknown_statuses(calm: openai.OpenAI, stopped: TrainerProcess) -> None:
    job = create_job(calm)
    stopped.control.change_job(job.id, status_shown="moderating")
    assert status(calm, job.id) == "moderating"
    stopped.control.change_job(job.id, failure={"code": "blocked", "message": "No."})
    failed = calm.fine_tuning.jobs.retrieve(job.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "blocked"


def test_jobs_are_listed_newest_first_by_metadata(calm: openai.OpenAI) -> None:
    made = [create_job(calm, metadata={"team": team, "n": str(n)}).id for n, team in enumerate("abab")]
    bare = create_job(calm).id
    jobs = calm.fine_tuning.jobs
    assert [job.id for job in jobs.list(limit=2)] == [bare, *reversed(made)]
    assert [job.id for job in jobs.list(metadata={"team": "a"})] == [made[2], made[0]]
    assert [job.id for job in jobs.list(metadata={"team": "a", "n": "0"})] == [made[0]]
    assert [job.id for job in jobs.list(metadata={"team": ""})] == []
    assert [job.id for job in jobs.list(extra_query={"metadata": "null"})] == [bare]
