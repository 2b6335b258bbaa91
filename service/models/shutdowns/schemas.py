"""Shutdowns on the wire."""

from datetime import date
from typing import Literal

from service.core.http.wire import WireOut
from service.models.shutdowns.queries import Affected, Shutdown


class ShutdownOut(WireOut):
    """A base model's shutdown, and what the team loses in it.

    `days_left` counts from today. `models` names up to 1,000; `model_count` counts all.
    """

    object: Literal["shutdown"] = "shutdown"
    model: str
    provider: str
    shutdown_date: str
    days_left: int
    training_ends: str | None
    models: list[str]
    model_count: int
    aliases: list[str]


class ShutdownsOut(WireOut):
    """All known shutdowns, the nearest first."""

    object: Literal["list"] = "list"
    data: list[ShutdownOut]
    has_more: Literal[False] = False


def shutdown_out(
    shutdown: Shutdown, losses: Affected, training_ends: date | None, today: date
) -> ShutdownOut:
    """The wire form of a shutdown."""
    return ShutdownOut(
        model=shutdown.base_model,
        provider=shutdown.provider,
        shutdown_date=shutdown.day.isoformat(),
        days_left=(shutdown.day - today).days,
        training_ends=training_ends.isoformat() if training_ends else None,
        models=losses.models,
        model_count=losses.model_count,
        aliases=losses.aliases,
    )
