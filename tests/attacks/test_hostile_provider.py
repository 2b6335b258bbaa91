"""A provider that is out to harm: api and worker stay small, and every job ends or waits with a reason."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from service.core.db import transaction
from service.core.work import WorkItem
from service.events.tables import Event
from service.jobs.tables import Job
from service.models.tables import TunedModel
from tests.attacks.conftest import Besieged
from tests.attacks.plots import CHAT_PLOTS, JOB_PLOTS, STAYS
from tests.jobs.story import upload
from tests.support.service import TeamHandle
from tests.support.waiting import wait_until

# Of each process, with four hostile answers to the api at once and two teams' jobs in the worker.
MOST_MEGABYTES = 300.0
# Nothing that these meet is worth a retry without an end.
SURE_TO_END = {"decent", "model_repeats", "error_endless"}


def send_jobs(team: TeamHandle) -> dict[str, str]:
    """A job with every provider; their ids by plot."""
    file = upload(team.sdk)
    models = {plot: f"{plot.replace('_', '-')}/sandbox-mini" for plot in JOB_PLOTS}
    return {
        plot: team.sdk.fine_tuning.jobs.create(model=model, training_file=file.id).id
        for plot, model in models.items()
    }


class Watch:
    """Sees which jobs have ended, or had a step, or a copy made for them, fail with a reason."""

    def __init__(self, job_ids: list[str]) -> None:
        self.open = set(job_ids)

    def all_settled(self) -> bool:
        """Whether that has been seen of every job."""
        with transaction() as session:
            failing = {row.subject_id for row in session.scalars(select(WorkItem)) if row.last_error}
            jobs = session.scalars(select(Job).where(Job.id.in_(self.open))).all()
        copies = {name.partition("/")[0] for name in failing if "/" in name}
        self.open -= {job.id for job in jobs if job.has_ended or job.id in failing or job.provider in copies}
        return not self.open


def ended_plots(jobs: dict[str, str]) -> set[str]:
    """The plots whose jobs have ended."""
    with transaction() as session:
        rows = session.scalars(select(Job).where(Job.id.in_(jobs.values())))
        ended = {job.id for job in rows if job.has_ended}
    return {plot for plot, job_id in jobs.items() if job_id in ended}


@pytest.mark.usefixtures("in_their_database")
def test_no_answer_of_a_provider_fills_a_process_or_leaves_a_job_without_a_reason(besieged: Besieged) -> None:
    first, second = (besieged.service.make_team(budget_usd="100") for _ in range(2))
    ours, theirs = send_jobs(first), send_jobs(second)
    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip(CHAT_PLOTS, pool.map(lambda plot: chat(first, plot), CHAT_PLOTS), strict=True))
    watch = Watch([*ours.values(), *theirs.values()])
    wait_until(watch.all_settled, timeout_s=120)
    wait_until(lambda: ended_plots(ours) & ended_plots(theirs) >= SURE_TO_END, timeout_s=120)

    assert answers == {
        "endless": 502,
        "bomb": 502,
        "values": 502,
        "fields": 502,
        "interim": 502,
        "endless stream": 200,
        "endless event": 502,
        "late stream": 200,
    }
    with transaction() as session:
        jobs = {job.id: job for job in session.scalars(select(Job))}
        models = [(model.provider, model.provider_model) for model in session.scalars(select(TunedModel))]
        messages = session.scalars(select(Event.message)).all()
    assert not ended_plots(ours) & STAYS
    assert jobs[ours["decent"]].status == jobs[theirs["decent"]].status == "succeeded"
    assert len(models) == len(set(models))
    repeated = [jobs[of["model_repeats"]] for of in (ours, theirs)]
    assert sorted(job.status for job in repeated) == ["failed", "succeeded"]
    assert any("another job has made" in message for message in messages)
    error = jobs[ours["error_endless"]].error
    assert error is not None
    assert max(len(str(value)) for value in error.values()) <= 4000
    assert "Secret1" not in str(error)
    peaks = besieged.peak_megabytes()
    assert max(peaks.values()) < MOST_MEGABYTES, peaks


def chat(team: TeamHandle, plot: str) -> int:
    """The status that a request for model output is answered with."""
    # One provider each: after a few failures of one, its circuit would answer for it.
    provider = JOB_PLOTS[CHAT_PLOTS.index(plot)].replace("_", "-")
    body = {"model": f"{provider}/sandbox-mini", "messages": [{"role": "user", "content": plot}]}
    with team.http.stream(
        "POST", "/v1/chat/completions", json=body | {"stream": plot.endswith(("stream", "event"))}
    ) as answer:
        for _ in answer.iter_bytes():
            pass  # a stream is read to its end and not kept
        return answer.status_code
