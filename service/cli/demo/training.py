"""Points 3 and 4: a job watched to its end, a second one upon its model, a third that the budget refuses."""

import time
from decimal import Decimal

from openai import RateLimitError
from openai.types import FileObject
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from rich.progress import Progress, TaskID

from service.cli.demo.datasets import upload
from service.cli.demo.people import Team, answer
from service.cli.demo.screen import Screen, StoryBroken, usd

BASE = "sandbox-mini"
_ENDED = ("succeeded", "failed", "cancelled")
_LONGEST_S = 120.0
_PACE_S = 0.1


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
    """Draw the job's events as they come, until it has ended.

    Raises `StoryBroken` when it does not within two minutes, or told of no step.
    """
    seen: set[str] = set()
    deadline = time.monotonic() + _LONGEST_S
    with screen.progress() as bars:
        bar = bars.add_task(job.id, total=None, loss="–", valid="–")
        while True:
            ended = job.status in _ENDED
            for event in _new_events(team, job.id, seen):
                _draw(event, bars, bar)
            if ended:
                break
            if time.monotonic() > deadline:
                raise StoryBroken(f"{job.id} has not ended within {_LONGEST_S:.0f} s; it is {job.status}.")
            time.sleep(_PACE_S)
            job = team.sdk.fine_tuning.jobs.retrieve(job.id)
        if not bars.tasks[bar].completed:
            raise StoryBroken(
                f"{job.id} ended as {job.status} without having told of a single step: {job.error}"
            )
    return job


def extras(job: FineTuningJob) -> dict[str, str]:
    """The fields beside OpenAI's, which the SDK keeps."""
    found: dict[str, str] = (job.model_extra or {})["tunehouse"]
    return found


def _new_events(team: Team, job_id: str, seen: set[str]) -> list[FineTuningJobEvent]:
    """What happened since the last look, oldest first."""
    fresh = []
    for event in team.sdk.fine_tuning.jobs.list_events(job_id, limit=100):
        if event.id in seen:
            break
        fresh.append(event)
    seen.update(event.id for event in fresh)
    return fresh[::-1]


def _draw(event: FineTuningJobEvent, bars: Progress, bar: TaskID) -> None:
    if event.type != "metrics" or not isinstance(event.data, dict):
        bars.console.print(f"    [dim]{event.message}[/dim]", highlight=False)
        return
    told = {"loss": f"{event.data['train_loss']:.3f}"}
    if event.data.get("valid_loss") is not None:
        told["valid"] = f"{event.data['valid_loss']:.3f}"
    bars.update(bar, completed=event.data["step"], total=event.data["total_steps"], **told)  # type: ignore[arg-type]


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
