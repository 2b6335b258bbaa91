"""A provider's JSON objects in our words: lenient about nulls, unknown fields and unknown statuses.

Everything is bounded: ids and names are short printable ASCII, words and messages are cut and scrubbed, and
maps keep their first 32 entries.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from service.core.clock import known_unix, now
from service.core.ids import has_form_of
from service.providers.answers import Garbage
from service.providers.port import (
    LineCounts,
    ProviderCheckpoint,
    ProviderEvent,
    ProviderFile,
    ProviderJob,
    ProviderModel,
)
from service.providers.scrub import Clean, clean_strings

_LARGEST = 2**53  # beyond it a float is no longer an exact count; no token, step or second comes near
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[\x21-\x7e]{1,255}")
_MAX_PROBLEM = 300  # characters of what is wrong with a training line
_WORD_CHARS = 100  # of a status, a code, a parameter, the name of a metric
_MAX_ENTRIES = 32  # of metrics and hyperparameters
_MAX_RESULT_FILES = 10  # OpenAI makes one
_MAX_EVENT_DATA_CHARS = 16_384

_LEVELS = {"info": "info", "warn": "warn", "warning": "warn", "error": "error"}


def job_of(
    raw: Mapping[str, Any],
    clean: Clean,
    status_names: Mapping[str, str],
    asked: str | None = None,
    stamp_key: str = "tunehouse_job",
) -> ProviderJob:
    """A `fine_tuning.job`. Raises `Garbage` without an id or a status, and for another job than `asked`."""
    status = _word(raw.get("status"), clean)
    if status is None:
        raise Garbage("The provider's answer lacks 'status'.")
    if asked is not None and raw.get("id") != asked:
        raise Garbage("The provider answered with another job than the one asked for.")
    return ProviderJob(
        id=_required(raw, "id"),
        status=status_names.get(status, status),
        model=_id(raw.get("model")) or "",
        created_at=_moment(raw.get("created_at")) or now(),
        stamp=_id(_mapping(raw.get("metadata")).get(stamp_key)),
        finished_at=_moment(raw.get("finished_at")),
        estimated_finish=_moment(raw.get("estimated_finish")),
        fine_tuned_model=_id(raw.get("fine_tuned_model")),
        trained_tokens=_count(raw.get("trained_tokens")),
        training_seconds=_number(_mapping(raw.get("usage_metrics")).get("training_seconds")),
        result_file_ids=result_file_ids(raw)[:_MAX_RESULT_FILES],
        hyperparameters=_hyperparameters(raw, clean),
        seed=_count(raw.get("seed")),
        error=_error(raw.get("error"), clean),
        base_identity=_base_identity(raw.get("base_identity"), clean),
    )


def event_of(raw: Mapping[str, Any], clean: Clean) -> ProviderEvent:
    """A `fine_tuning.job.event`. Raises `Garbage` without an id."""
    return ProviderEvent(
        id=_required(raw, "id"),
        created_at=_moment(raw.get("created_at")) or now(),
        level=_LEVELS.get(_text(raw.get("level")) or "", "info"),
        message=clean(_text(raw.get("message")) or ""),
        type=_word(raw.get("type"), clean) or "message",
        data=_event_data(raw.get("data"), clean),
    )


def checkpoint_of(raw: Mapping[str, Any]) -> ProviderCheckpoint:
    """A `fine_tuning.job.checkpoint`. Raises `Garbage` without an id or a model."""
    metrics = {
        name: number
        for name, value in _mapping(raw.get("metrics")).items()
        if len(name) <= _WORD_CHARS and (number := _number(value)) is not None
    }
    step = _count(raw.get("step_number"))
    return ProviderCheckpoint(
        id=_required(raw, "id"),
        created_at=_moment(raw.get("created_at")) or now(),
        model=_required(raw, "fine_tuned_model_checkpoint"),
        step=step if step is not None else int(metrics.get("step", 0)),
        metrics=dict(list(metrics.items())[:_MAX_ENTRIES]),
    )


def file_id_of(raw: Mapping[str, Any]) -> str:
    """The id of a `file`. Raises `Garbage` without one."""
    return _required(raw, "id")


def stamp_of(value: object) -> str | None:
    """Our job's id, where a provider job carries it in a field that also holds other texts; else None."""
    return value if isinstance(value, str) and has_form_of("ftjob-", value) else None


def result_file_ids(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The usable ids in `result_files`."""
    return _ids(raw.get("result_files"))


def file_of(raw: Mapping[str, Any]) -> ProviderFile:
    """A `file`. Raises `Garbage` without an id."""
    return ProviderFile(
        id=_required(raw, "id"),
        filename=(_text(raw.get("filename")) or "")[:255],
        created_at=_moment(raw.get("created_at")) or now(),
    )


def model_of(raw: Mapping[str, Any]) -> ProviderModel:
    """A `model`. Raises `Garbage` without an id."""
    return ProviderModel(id=_required(raw, "id"), shutdown_date=_id(raw.get("shutdown_date")))


def counts_of(raw: Mapping[str, Any], lines: int, clean: Clean) -> LineCounts:
    """A `token_counts` of so many lines. Raises `Garbage` when it is none."""
    tokens = [count for value in _list(raw.get("data")) if (count := _count(value)) is not None]
    if len(tokens) != lines:
        raise Garbage("The provider's answer does not count every line.")
    problems: dict[int, str] = {}
    for item in _list(raw.get("problems")):
        problem = _mapping(item)
        line, message = _count(problem.get("line")), _text(problem.get("message"))
        if line and line <= lines and message:
            problems[line] = clean(message)[:_MAX_PROBLEM]
    return LineCounts(tokens, _count(raw.get("truncated")) or 0, problems)


def _base_identity(value: object, clean: Clean) -> Mapping[str, str | None] | None:
    found = _mapping(value)
    sha256 = found.get("sha256")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        return None
    return {"sha256": sha256} | {name: _word(found.get(name), clean) for name in ("revision", "licence")}


def _required(raw: Mapping[str, Any], field: str) -> str:
    value = raw.get(field)
    if not isinstance(value, str) or not value:
        raise Garbage(f"The provider's answer lacks {field!r}.")
    if not _ID.fullmatch(value):
        raise Garbage(f"The provider's answer has a {field!r} that is too long or not printable ASCII.")
    return value


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _ids(value: Any) -> tuple[str, ...]:
    return tuple(found for item in _list(value) if (found := _id(item)) is not None)


def _word(value: Any, clean: Clean) -> str | None:
    return clean(value)[:_WORD_CHARS] if isinstance(value, str) and value else None


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
    return None if seconds is None else known_unix(seconds)


def _hyperparameters(raw: Mapping[str, Any], clean: Clean) -> dict[str, Any]:
    """Both places that hold them, a resolved number before "auto"; OpenAI resolves one of them first."""
    method = _mapping(raw.get("method"))
    inner = _mapping(_mapping(method.get(_text(method.get("type")) or "")).get("hyperparameters"))
    resolved: dict[str, Any] = {}
    for given in (_mapping(raw.get("hyperparameters")), inner):
        for name, value in list(given.items())[:_MAX_ENTRIES]:
            known = _word(value, clean) if isinstance(value, str) else value
            if not isinstance(known, str | int | float) or len(name) > _WORD_CHARS:
                continue
            if known != "auto" or name not in resolved:
                resolved[name] = known
    return resolved


def _event_data(value: Any, clean: Clean) -> Mapping[str, Any]:
    """An event's data, or nothing where it is too large to be metrics."""
    data = _mapping(value)
    return clean_strings(data, clean) if len(json.dumps(data)) <= _MAX_EVENT_DATA_CHARS else {}


def _error(raw: Any, clean: Clean) -> dict[str, str | None] | None:
    """OpenAI sends an object of nulls, or an empty one, while there is no error."""
    if isinstance(raw, str) and raw:
        raw = {"message": raw}
    said = _mapping(raw)
    code, param, message = (
        _word(said.get("code"), clean),
        _word(said.get("param"), clean),
        said.get("message"),
    )
    message = clean(message) if isinstance(message, str) and message else None
    if code is None and message is None:
        return None
    return {"code": code, "message": message, "param": param}
