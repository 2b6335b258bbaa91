"""`tunehouse jobs`: list jobs, and watch one until it ends."""

from datetime import datetime
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from typer import Argument, Option

from service.cli.entry import app, fail
from service.cli.team.service_of import ApiKey, AsJson, BaseUrl, print_json, screen, service_of
from service.client import JobEventInfo, JobInfo, Tunehouse

jobs = typer.Typer(help="Your team's fine-tuning jobs.", no_args_is_help=True)
app.add_typer(jobs, name="jobs")


@jobs.command(name="list")
def list_jobs(
    limit: Annotated[int, Option(min=1, max=100, help="How many jobs, the newest first.")] = 20,
    json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """List your team's jobs."""
    with service_of(base_url, api_key) as tunehouse:
        found = tunehouse.jobs(limit)
    if json:
        for job in found:
            print_json(job)
        return
    whole = [Column(name, no_wrap=True) for name in ("job", "created", "status")]
    folded = [Column(name, overflow="fold") for name in ("model", "tuned model", "cost")]
    table = Table(*whole, *folded, box=None, pad_edge=False)
    for job in found:
        created = f"{datetime.fromtimestamp(job.created_at).astimezone():%Y-%m-%d %H:%M}"
        cost = f"${job.tunehouse.cost_usd}"
        table.add_row(job.id, created, _status(job), job.model, job.fine_tuned_model or "", cost)
    screen.print(table if found else "There are no jobs yet.")


@jobs.command()
def watch(
    job_id: Annotated[str, Argument(metavar="ID", help="The job's id, ftjob-…")],
    json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Show a job's events and progress until it ends. Exits with status 1 unless the job succeeds."""
    with service_of(base_url, api_key) as tunehouse:
        if json:
            for event in tunehouse.watch(job_id):
                print_json(event)
        else:
            _show(tunehouse, job_id)
        job = tunehouse.job(job_id)
    if job.status != "succeeded":
        fail(f"{job.id} {job.status}" + (f": {job.error.message}" if job.error.message else ""))
    if not json:
        screen.print(f"{job.fine_tuned_model} is ready; the training cost ${job.tunehouse.cost_usd}")


def _show(tunehouse: Tunehouse, job_id: str) -> None:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task(_status(tunehouse.job(job_id)), total=None)
        for event in tunehouse.watch(job_id):
            if event.type == "metrics":
                steps = _number(event, "total_steps")
                progress.update(
                    task, description=_losses(event), completed=_number(event, "step"), total=steps
                )
            else:
                progress.console.print(f"{_time(event)}  {event.message}")


def _number(event: JobEventInfo, name: str) -> float | None:
    value = event.data.get(name)
    return value if isinstance(value, int | float) else None


def _losses(event: JobEventInfo) -> str:
    loss = _number(event, "train_loss")
    return "training" if loss is None else f"loss {loss:.4f}"


def _time(event: JobEventInfo) -> str:
    return f"{datetime.fromtimestamp(event.created_at).astimezone():%H:%M:%S}"


def _status(job: JobInfo) -> str:
    place = job.tunehouse.queue_position
    return f"{job.status} ({place} in the queue)" if place else job.status
