"""A provider's JSON objects in our words: lenient about nulls, unknown fields and unknown statuses."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from service.core.clock import from_unix, now
from service.providers.answers import Garbage
from service.providers.port import (
    STAMP_KEY,
    LineCounts,
    ProviderCheckpoint,
    ProviderEvent,
    ProviderFile,
    ProviderJob,
    ProviderModel,
)
from service.providers.scrub import Clean, clean_strings

_LARGEST = 2**53  # beyond it a float is no longer an exact count; no token, step or second comes near

_LEVELS = {"info": "info", "warn": "warn", "warning": "warn", "error": "error"}


def job_of(raw: Mapping[str, Any], clean: Clean, status_names: Mapping[str, str]) -> ProviderJob:
    """A `fine_tuning.job`. Raises `Garbage` without an id or a status."""
    status = _required(raw, "status")
    return ProviderJob(
        id=_required(raw, "id"),
        status=status_names.get(status, status),
        model=_text(raw.get("model")) or "",
        created_at=_moment(raw.get("created_at")) or now(),
        stamp=_text(_mapping(raw.get("metadata")).get(STAMP_KEY)),
        finished_at=_moment(raw.get("finished_at")),
        estimated_finish=_moment(raw.get("estimated_finish")),
        fine_tuned_model=_text(raw.get("fine_tuned_model")),
        trained_tokens=_count(raw.get("trained_tokens")),
        training_seconds=_number(_mapping(raw.get("usage_metrics")).get("training_seconds")),
        result_file_ids=tuple(item for item in _list(raw.get("result_files")) if _text(item)),
        hyperparameters=_hyperparameters(raw),
        seed=_count(raw.get("seed")),
        error=_error(raw.get("error"), clean),
    )


def event_of(raw: Mapping[str, Any], clean: Clean) -> ProviderEvent:
    """A `fine_tuning.job.event`. Raises `Garbage` without an id."""
    return ProviderEvent(
        id=_required(raw, "id"),
        created_at=_moment(raw.get("created_at")) or now(),
        level=_LEVELS.get(_text(raw.get("level")) or "", "info"),
        message=clean(_text(raw.get("message")) or ""),
        type=_text(raw.get("type")) or "message",
        data=clean_strings(_mapping(raw.get("data")), clean),
    )


def checkpoint_of(raw: Mapping[str, Any]) -> ProviderCheckpoint:
    """A `fine_tuning.job.checkpoint`. Raises `Garbage` without an id or a model."""
    metrics = {
        name: number
        for name, value in _mapping(raw.get("metrics")).items()
        if (number := _number(value)) is not None
    }
    step = _count(raw.get("step_number"))
    return ProviderCheckpoint(
        id=_required(raw, "id"),
        created_at=_moment(raw.get("created_at")) or now(),
        model=_required(raw, "fine_tuned_model_checkpoint"),
        step=step if step is not None else int(metrics.get("step", 0)),
        metrics=metrics,
    )


def file_id_of(raw: Mapping[str, Any]) -> str:
    """The id of a `file`. Raises `Garbage` without one."""
    return _required(raw, "id")


def file_of(raw: Mapping[str, Any]) -> ProviderFile:
    """A `file`. Raises `Garbage` without an id."""
    return ProviderFile(
        id=_required(raw, "id"),
        filename=_text(raw.get("filename")) or "",
        created_at=_moment(raw.get("created_at")) or now(),
    )


def model_of(raw: Mapping[str, Any]) -> ProviderModel:
    """A `model`. Raises `Garbage` without an id."""
    return ProviderModel(id=_required(raw, "id"), shutdown_date=_text(raw.get("shutdown_date")))


def counts_of(raw: Mapping[str, Any], lines: int) -> LineCounts:
    """A `token_counts` of so many lines. Raises `Garbage` when it is none."""
    tokens = [count for value in _list(raw.get("data")) if (count := _count(value)) is not None]
    if len(tokens) != lines:
        raise Garbage("The provider's answer does not count every line.")
    return LineCounts(tokens, _count(raw.get("truncated")) or 0)


def _required(raw: Mapping[str, Any], field: str) -> str:
    value = _text(raw.get(field))
    if value is None:
        raise Garbage(f"The provider's answer lacks {field!r}.")
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= _LARGEST else None


def _count(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 else None


def _moment(value: Any) -> datetime | None:
    """Azure sends 0 or -1 where OpenAI sends null."""
    seconds = _number(value)
    if seconds is None or seconds <= 0:
        return None
    try:
        return from_unix(seconds)
    except (OverflowError, ValueError, OSError):
        return None


def _hyperparameters(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Both places that hold them, a resolved number before "auto"; OpenAI resolves one of them first."""
    method = _mapping(raw.get("method"))
    inner = _mapping(_mapping(method.get(_text(method.get("type")) or "")).get("hyperparameters"))
    resolved: dict[str, Any] = {}
    for given in (_mapping(raw.get("hyperparameters")), inner):
        for name, value in given.items():
            if value is not None and (value != "auto" or name not in resolved):
                resolved[name] = value
    return resolved


def _error(raw: Any, clean: Clean) -> dict[str, str | None] | None:
    """OpenAI sends an object of nulls, or an empty one, while there is no error."""
    if isinstance(raw, str) and raw:
        raw = {"message": raw}
    code, message, param = (_text(_mapping(raw).get(field)) for field in ("code", "message", "param"))
    if code is None and message is None:
        return None
    return {"code": code, "message": clean(message) if message else None, "param": param}
