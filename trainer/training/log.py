"""Appends to a job's event log."""

from __future__ import annotations

from collections.abc import Mapping

from trainer.core import Core
from trainer.ids import new_id
from trainer.storage.records import EventRecord, JobRecord


def log_event(
    core: Core,
    job: JobRecord,
    at: float,
    message: str,
    *,
    level: str = "info",
    metrics: Mapping[str, float] | None = None,
) -> None:
    """Write one event, of type `metrics` when there are numbers."""
    event = EventRecord(
        id=new_id("ftevent-"),
        created_at=int(at),
        level=level,
        message=message,
        type="metrics" if metrics else "message",
        data=dict(metrics or {}),
    )
    core.store.events.put(event, owner=job.id)
