"""The route for a job's training curves."""

from typing import Literal

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core.http.web import RequestSession, Route
from service.core.http.wire import WireOut
from service.events.tables import Event
from service.events.types import EventType
from service.files.queries import find_content, stream
from service.files.tables import File
from service.jobs.metrics import curves as metrics
from service.jobs.metrics.curves import Curves
from service.jobs.queries import get_job
from service.jobs.tables import Job
from service.teams.access import Reader

router = APIRouter(prefix="/v1/fine_tuning", tags=["fine-tuning"], route_class=Route)
_LATEST_EVENTS = 20_000


class Point(WireOut):
    """One measurement."""

    step: int
    """The training step, from 0."""
    value: float
    """The value at this step."""


class Curve(WireOut):
    """One metric by step."""

    name: str
    """The metric, such as `train_loss`, `valid_loss` or `train_accuracy`."""
    points: list[Point]
    """The measurements, by step."""
    last: Point
    """The latest measurement."""
    best: Point
    """The lowest value of a loss, or the highest of any other metric."""


class MetricsOut(WireOut):
    """A job's curves."""

    object: Literal["fine_tuning.job.metrics"] = "fine_tuning.job.metrics"
    job_id: str
    source: Literal["results", "events"]
    """Where they come from: the provider's result file, or the events of the log while the job runs."""
    curves: list[Curve]
    """The curves, by name."""


@router.get("/jobs/{job_id}/metrics")
def show_metrics(job_id: str, session: RequestSession, caller: Reader) -> MetricsOut:
    """Get the job's losses and accuracies by step: from its log while it runs, then from its result files."""
    job = get_job(session, caller.team, job_id)
    recorded = _from_events(session, job)
    results: Curves = {}
    for file_id in job.result_files:
        results = metrics.merged(results, _from_file(session, caller.team, file_id))
    curves = metrics.merged(results, recorded)
    shown = [_curve(name, points) for name, points in sorted(curves.items())]
    return MetricsOut(job_id=job.id, source="results" if results else "events", curves=shown)


def _from_events(session: Session, job: Job) -> Curves:
    recorded = (
        select(Event.data)
        .where(Event.subject_id == job.id, Event.type == EventType.JOB_METRICS.value)
        .order_by(Event.number.desc())
        .limit(_LATEST_EVENTS)
    )
    return metrics.curves_from_events(session.scalars(recorded).all()[::-1])


def _from_file(session: Session, team_id: str, file_id: str) -> Curves:
    file = session.get(File, file_id)
    if file is None or file.team_id != team_id or file.deleted_at is not None:
        return {}
    content = find_content(session, file)
    return metrics.curves_from_csv(b"".join(stream(content))) if content is not None else {}


def _curve(name: str, points: list[tuple[int, float]]) -> Curve:
    best = metrics.best(points, lowest="loss" in name)
    return Curve(
        name=name, points=[_point(one) for one in points], last=_point(points[-1]), best=_point(best)
    )


def _point(pair: tuple[int, float]) -> Point:
    return Point(step=pair[0], value=pair[1])
