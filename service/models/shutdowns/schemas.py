"""Shutdowns on the wire."""

from datetime import date
from typing import Literal

from service.core.http.wire import WireOut
from service.models.shutdowns.queries import Affected, Shutdown


class ShutdownOut(WireOut):
    """A base model's shutdown, and what the team loses in it."""

    object: Literal["shutdown"] = "shutdown"
    model: str
    """The base."""
    provider: str
    shutdown_date: str
    """The day (ISO 8601) on which the provider stops serving it."""
    days_left: int
    """Days from today; negative if it is over."""
    training_ends: str | None
    """The day (ISO 8601) from which it cannot be tuned; null if that is the shutdown itself."""
    models: list[str]
    """The team's models that shut down with it, up to 1,000."""
    model_count: int
    """How many they are in all."""
    aliases: list[str]
    """The team's aliases that point at one of them."""


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
