"""Points 3 and 4: a job watched to its end, a second one upon its model, a third that the budget refuses."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from openai import RateLimitError
from openai.types import FileObject
from openai.types.fine_tuning import FineTuningJob
from rich.progress import Progress, TaskID
from rich.text import Text

from service.cli.demo.datasets import upload
from service.cli.demo.people import Team, answer
from service.cli.demo.screen import Screen, StoryBroken, usd

BASE = "sandbox-mini"
_ENDED = ("succeeded", "failed", "cancelled")
_LONGEST_S = 120.0


def tune_base(team: Team, examples: FileObject, screen: Screen) -> FineTuningJob:
    """Estimate, start and watch the first job; look at all it leaves behind."""
    held_out = upload(team, "tea-shop-validation.jsonl")
    body = {"model": BASE, "training_file": examples.id, "validation_file": held_out.id, "suffix": "support"}
    estimate = answer(team.http.post("/v1/fine_tuning/estimates", json=body))
    screen.say(
        f"Estimate: {estimate['n_epochs']} epochs, {estimate['trained_tokens']} tokens, "
        f"{usd(estimate['cost_usd'])} of the {usd(estimate['budget']['remaining_usd'])} that are left"
    )
    job = watch(
        team,
        team.sdk.fine_tuning.jobs.create(
            model=BASE, training_file=examples.id, validation_file=held_out.id, suffix="support"
        ),
        screen,
    )
    screen.claim(f"The job succeeded and made {job.fine_tuned_model}", job.status == "succeeded", job.error)
    cost = Decimal(extras(job)["cost_usd"])
    screen.claim(f"It cost what was estimated: {usd(cost)}", cost == Decimal(estimate["cost_usd"]), cost)
    _show_checkpoints(team, job, screen)
    _check_results(team, job, screen)
    return job


def tune_tuned(team: Team, first: FineTuningJob, screen: Screen) -> FineTuningJob:
    """Tune the tuned model on more data."""
    more = upload(team, "tea-club.jsonl")
    created = team.sdk.fine_tuning.jobs.create(
        model=str(first.fine_tuned_model), training_file=more.id, suffix="club"
    )
    job = watch(team, created, screen)
    screen.claim(
        f"A second job tuned the tuned model into {job.fine_tuned_model}",
        job.status == "succeeded",
        job.error,
    )
    parent = extras(job)["parent_model"]
    screen.claim("It names the first model as its parent", parent == first.fine_tuned_model, parent)
    return job


def exceed_budget(team: Team, examples: FileObject, screen: Screen) -> None:
    """Ask for a job that is too dear for what is left."""
    try:
        team.sdk.fine_tuning.jobs.create(
            model=BASE,
            training_file=examples.id,
            method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 12}}},
        )
    except RateLimitError as refusal:
        body = refusal.body if isinstance(refusal.body, dict) else {}
        message = str(body.get("message"))
        screen.claim("A third job is refused by the budget", refusal.code == "budget_exceeded", body)
        screen.quote("The service says", message)
        screen.claim("The refusal shows the numbers", message.count("$") >= 3, message)
        again = refusal.response.headers.get("x-should-retry")
        screen.claim("and tells the SDK not to try again", again == "false", again)
    else:
        raise StoryBroken("A job of more than the budget was accepted.")


def watch(team: Team, job: FineTuningJob, screen: Screen) -> FineTuningJob:
    """Draw the job's events as they stream in, until it has ended.

    Raises `StoryBroken` when it does not within two minutes, or told of no step.
    """
    with screen.progress() as bars:
        bar = bars.add_task(job.id, total=None, loss="–", valid="–")
        for event in _events(team, job.id):
            _draw(event, bars, bar)
        told = bars.tasks[bar].completed
    job = team.sdk.fine_tuning.jobs.retrieve(job.id)
    if job.status not in _ENDED or not told:
        raise StoryBroken(f"The events of {job.id} ended after {told} steps; it is {job.status}: {job.error}")
    return job


def extras(job: FineTuningJob) -> dict[str, str]:
    """The fields beside OpenAI's, which the SDK keeps."""
    found: dict[str, str] = (job.model_extra or {})["tunehouse"]
    return found


def _events(team: Team, job_id: str) -> Iterator[dict[str, Any]]:
    """The job's server-sent events, from the first to the one that ends it."""
    deadline = time.monotonic() + _LONGEST_S
    path = f"/v1/fine_tuning/jobs/{job_id}/events"
    with team.http.stream("GET", path, params={"stream": "true"}) as response:
        for line in response.iter_lines():
            field, _, value = line.partition(": ")
            if field == "data" and value == "[DONE]":
                return
            if field == "data":
                yield json.loads(value)
            if time.monotonic() > deadline:
                raise StoryBroken(f"{job_id} has not ended within {_LONGEST_S:.0f} s.")


def _draw(event: dict[str, Any], bars: Progress, bar: TaskID) -> None:
    if event["type"] != "metrics":
        bars.console.print(Text(f"    {event['message']}", "dim"))
        return
    data = event["data"]
    validated = data.get("valid_loss")
    bars.update(
        bar,
        completed=data["step"],
        total=data["total_steps"],
        loss=f"{data['train_loss']:.3f}",
        valid="–" if validated is None else f"{validated:.3f}",
    )


def _show_checkpoints(team: Team, job: FineTuningJob, screen: Screen) -> None:
    found = list(team.sdk.fine_tuning.jobs.checkpoints.list(job.id))
    screen.table(
        ["checkpoint", "step", "loss", "validation"],
        [
            [
                one.fine_tuned_model_checkpoint,
                str(one.step_number),
                f"{one.metrics.train_loss or 0:.3f}",
                f"{one.metrics.full_valid_loss or 0:.3f}",
            ]
            for one in found
        ],
        numbers=3,
    )
    names = [one.fine_tuned_model_checkpoint for one in found]
    screen.claim(f"It left {len(names)} checkpoints", len(names) == 3, names)
    screen.claim("The last of them is the model itself", names[0] == job.fine_tuned_model, names)


def _check_results(team: Team, job: FineTuningJob, screen: Screen) -> None:
    if not job.result_files:
        raise StoryBroken(f"{job.id} has no result file.")
    rows = team.sdk.files.content(job.result_files[0]).read().decode().splitlines()
    is_table = rows[0].startswith("step,train_loss") and len(rows) > 1
    screen.claim(f"Its result file has the metrics of {len(rows) - 1} steps", is_table, rows[:2])
