"""Chapters 3 and 4: a job, a second job on its model, and a third that the budget refuses."""

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
from service.cli.demo.people import DemoTeam, answer
from service.cli.demo.screen import DemoFailed, Screen, usd

BASE = "sandbox-mini"
_ENDED = ("succeeded", "failed", "cancelled")
_LONGEST_S = 120.0


def tune_base(team: DemoTeam, examples: FileObject, screen: Screen) -> FineTuningJob:
    """Estimate, start and watch the first job, then check its checkpoints and result file."""
    held_out = upload(team, "tea-shop-validation.jsonl")
    body = {"model": BASE, "training_file": examples.id, "validation_file": held_out.id, "suffix": "support"}
    estimate = answer(team.http.post("/v1/fine_tuning/estimates", json=body))
    screen.say(
        f"Estimate: {estimate['n_epochs']} epochs, {estimate['trained_tokens']} tokens, "
        f"{usd(estimate['cost_usd'])} of the remaining {usd(estimate['budget']['remaining_usd'])}"
    )
    job = watch(
        team,
        team.sdk.fine_tuning.jobs.create(
            model=BASE, training_file=examples.id, validation_file=held_out.id, suffix="support"
        ),
        screen,
    )
    screen.claim(f"The job succeeded: {job.fine_tuned_model}", job.status == "succeeded", job.error)
    cost = Decimal(extras(job)["cost_usd"])
    screen.claim(f"Its cost equals the estimate: {usd(cost)}", cost == Decimal(estimate["cost_usd"]), cost)
    _show_checkpoints(team, job, screen)
    _check_results(team, job, screen)
    return job


def tune_tuned(team: DemoTeam, first: FineTuningJob, screen: Screen) -> FineTuningJob:
    """Tune the tuned model on more data."""
    more = upload(team, "tea-club.jsonl")
    created = team.sdk.fine_tuning.jobs.create(
        model=str(first.fine_tuned_model), training_file=more.id, suffix="club"
    )
    job = watch(team, created, screen)
    screen.claim(
        f"A second job tuned that model further: {job.fine_tuned_model}",
        job.status == "succeeded",
        job.error,
    )
    parent = extras(job)["parent_model"]
    screen.claim("Its parent is the first model", parent == first.fine_tuned_model, parent)
    return job


def exceed_budget(team: DemoTeam, examples: FileObject, screen: Screen) -> None:
    """Request a job that costs more than the rest of the budget."""
    try:
        team.sdk.fine_tuning.jobs.create(
            model=BASE,
            training_file=examples.id,
            method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 12}}},
        )
    except RateLimitError as refusal:
        body = refusal.body if isinstance(refusal.body, dict) else {}
        message = str(body.get("message"))
        screen.claim("A third job is refused: it exceeds the budget", refusal.code == "budget_exceeded", body)
        screen.quote("The service answers", message)
        screen.claim("The refusal contains the figures", message.count("$") >= 3, message)
        again = refusal.response.headers.get("x-should-retry")
        screen.claim("and tells the SDK not to retry", again == "false", again)
    else:
        raise DemoFailed("A job that exceeds the budget was accepted.")


def watch(team: DemoTeam, job: FineTuningJob, screen: Screen) -> FineTuningJob:
    """Show the job's events as they arrive, until it ends.

    Raises `DemoFailed` when it takes longer than two minutes, or sent no event about a step.
    """
    with screen.progress() as bars:
        bar = bars.add_task(job.id, total=None, loss="–", valid="–")
        for event in _events(team, job.id):
            _draw(event, bars, bar)
        steps = bars.tasks[bar].completed
    job = team.sdk.fine_tuning.jobs.retrieve(job.id)
    if job.status not in _ENDED or not steps:
        raise DemoFailed(f"The events of {job.id} ended after {steps} steps; it is {job.status}: {job.error}")
    return job


def extras(job: FineTuningJob) -> dict[str, str]:
    """Tunehouse's own fields, which the SDK preserves."""
    found: dict[str, str] = (job.model_extra or {})["tunehouse"]
    return found


def _events(team: DemoTeam, job_id: str) -> Iterator[dict[str, Any]]:
    """The job's server-sent events, from the first to the last."""
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
                raise DemoFailed(f"{job_id} has not ended within {_LONGEST_S:.0f} s.")


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


def _show_checkpoints(team: DemoTeam, job: FineTuningJob, screen: Screen) -> None:
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
    screen.claim(f"It has {len(names)} checkpoints", len(names) == 3, names)
    screen.claim("The last checkpoint is the model itself", names[0] == job.fine_tuned_model, names)


def _check_results(team: DemoTeam, job: FineTuningJob, screen: Screen) -> None:
    if not job.result_files:
        raise DemoFailed(f"{job.id} has no result file.")
    rows = team.sdk.files.content(job.result_files[0]).read().decode().splitlines()
    is_table = rows[0].startswith("step,train_loss") and len(rows) > 1
    screen.claim(f"Its result file has the metrics of {len(rows) - 1} steps", is_table, rows[:2])
