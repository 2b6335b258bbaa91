"""A job's curves: charts, and tables of their points."""

from collections.abc import Sequence

from markupsafe import Markup

from service.jobs.metrics.routes import Curve, MetricsOut
from service.jobs.schemas import CheckpointOut, JobEventOut
from service.pages import charts
from service.pages.listing import Column, Field, Listing
from service.pages.words import count

_WIDTH, _HEIGHT = 700, 270
_TRAIN, _VALID = ("train_loss",), ("full_valid_loss", "valid_loss")


def chart(
    metrics: MetricsOut, checkpoints: Sequence[CheckpointOut], events: Sequence[JobEventOut]
) -> Markup | None:
    """Draw the losses; None as long as there are none."""
    train = _points(metrics, _TRAIN)
    if not train:
        return None
    totals = (event.data.get("total_steps") for event in events)
    total = next((float(one) for one in totals if isinstance(one, int | float)), None)
    marks = [(float(one.step_number), _short(one)) for one in reversed(checkpoints)]
    return charts.loss(train, _points(metrics, _VALID), marks, total, _WIDTH, _HEIGHT)


def accuracy(metrics: MetricsOut) -> list[tuple[str, str, Markup]]:
    """Return the other curves: a name, the last value, and a small picture."""
    found = []
    for curve in metrics.curves:
        if "loss" not in curve.name and len(curve.points) > 1:
            values = [value for _, value in _thinned(curve)]
            words = f"{curve.name} from {values[0]:.3f} to {values[-1]:.3f}"
            found.append(
                (curve.name.replace("_", " "), f"{curve.last.value:.3f}", charts.spark(values, words))
            )
    return found


def points(metrics: MetricsOut) -> Listing:
    """Every point of every curve, for the CSV."""
    names = [curve.name for curve in metrics.curves]
    values = {curve.name: {point.step: point.value for point in curve.points} for curve in metrics.curves}
    steps = sorted({step for curve in values.values() for step in curve})
    return Listing(
        "curves",
        "Curves",
        (Column("Step", True), *(Column(name, True) for name in names)),
        [(Field(str(step)), *(Field(_number(values[name].get(step))) for name in names)) for step in steps],
    )


def checkpoints(found: Sequence[CheckpointOut]) -> Listing:
    """The checkpoints, the one with the lowest validation loss marked."""
    losses = {one.id: _loss(one) for one in found}
    known = {id_: loss for id_, loss in losses.items() if loss is not None}
    best = min(known, key=lambda id_: known[id_]) if len(known) > 1 else None
    return Listing(
        "checkpoints",
        "Checkpoints",
        (Column("Checkpoint"), Column("Step", True), Column("Validation loss", True)),
        [
            (
                Field(
                    one.fine_tuned_model_checkpoint,
                    href=f"/models/{one.fine_tuned_model_checkpoint}",
                    sub="lowest validation loss" if one.id == best else "",
                ),
                Field(count(one.step_number)),
                Field(_number(losses[one.id])),
            )
            for one in found
        ],
        empty="None yet. The provider keeps one after each epoch.",
    )


def _points(metrics: MetricsOut, names: Sequence[str]) -> list[tuple[float, float]]:
    curves = {curve.name: curve for curve in metrics.curves}
    curve = next((curves[name] for name in names if name in curves), None)
    return [] if curve is None else [(float(point.step), point.value) for point in curve.points]


def _thinned(curve: Curve) -> list[tuple[float, float]]:
    every = max(1, len(curve.points) // 60)
    return [(float(point.step), point.value) for point in curve.points[::every]]


def _loss(one: CheckpointOut) -> float | None:
    return next((one.metrics[name] for name in (*_VALID, "train_loss") if name in one.metrics), None)


def _short(one: CheckpointOut) -> str:
    return f"step {one.step_number}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
