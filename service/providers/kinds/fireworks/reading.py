"""Fireworks' JSON in our words, as bounded as `service.providers.mapping`."""

import re
from collections.abc import Mapping
from typing import Any

from service.core.clock import now
from service.providers import mapping
from service.providers.answers import Garbage
from service.providers.kinds.rest_provider import count_of, moment_of
from service.providers.port import ProviderEvent, ProviderJob
from service.providers.scrub import Clean

_NAME = re.compile(r"accounts/[\w-]{1,63}/\w{1,63}/[\w.-]{1,127}")
_PREFIX = "JOB_STATE_"
_STATES = {
    "CREATING": "validating_files",
    "VALIDATING": "validating_files",
    "CREATING_INPUT_DATASET": "validating_files",
    "PENDING": "queued",
    "RE_QUEUEING": "queued",
    "IDLE": "queued",
    "RUNNING": "running",
    "WRITING_RESULTS": "running",
    "CANCELLING": "running",
    "PAUSED": "paused",
    "COMPLETED": "succeeded",
    "EARLY_STOPPED": "succeeded",
    "FAILED": "failed",
    "EXPIRED": "failed",
    "CANCELLED": "cancelled",
}
_HYPERPARAMETERS = {"epochs": "n_epochs", "batchSizeSamples": "batch_size", "learningRate": "learning_rate"}


def name_of(raw: Mapping[str, Any]) -> str:
    """The full name of a resource. Raises `Garbage` without one."""
    name = raw.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Garbage("The provider's answer lacks a usable 'name'.")
    return name


def items_of(answer: Mapping[str, Any], collection: str) -> list[dict[str, Any]]:
    """The resources of a list, which is left out when it is empty. Raises `Garbage` for anything else."""
    listed = answer.get(collection, [])
    if not isinstance(listed, list):
        raise Garbage("The provider's answer holds no list.")
    return [item for item in listed if isinstance(item, dict)]


def job_of(raw: Mapping[str, Any], clean: Clean, asked: str | None = None) -> ProviderJob:
    """A supervised fine-tuning job. Raises `Garbage` without name or state, and for another than `asked`."""
    name, state = name_of(raw), raw.get("state")
    if not isinstance(state, str):
        raise Garbage("The provider's answer lacks 'state'.")
    if asked is not None and name != asked:
        raise Garbage("The provider answered with another job than the one asked for.")
    status = _STATES.get(state.removeprefix(_PREFIX), clean(state)[:100])
    model = raw.get("outputModel")
    has_model = status == "succeeded" and isinstance(model, str) and _NAME.fullmatch(model)
    return ProviderJob(
        id=name,
        status=status,
        model=str(raw.get("baseModel") or raw.get("warmStartFrom") or "")[:255],
        created_at=moment_of(raw.get("createTime")) or now(),
        stamp=mapping.stamp_of(raw.get("displayName")),
        finished_at=moment_of(raw.get("completedTime")),
        fine_tuned_model=str(model) if has_model else None,
        trained_tokens=count_of(_progress(raw).get("inputTokens")),
        hyperparameters={
            ours: value
            for theirs, ours in _HYPERPARAMETERS.items()
            if isinstance(value := raw.get(theirs), int | float) and not isinstance(value, bool)
        },
        error=_error(raw, clean) if status == "failed" else None,
    )


def event_of(raw: Mapping[str, Any], clean: Clean) -> ProviderEvent:
    """An event for the state that a job is in; the same state and epoch make the same event."""
    state, progress = clean(str(raw.get("state")))[:100], _progress(raw)
    epoch, percent = count_of(progress.get("epoch")), count_of(progress.get("percent"))
    words = state.removeprefix(_PREFIX).replace("_", " ").lower()
    message = f"The provider reports: {words}" + (f", epoch {epoch}" if epoch else "")
    said = status_message(raw, clean)
    return ProviderEvent(
        id=f"{state}:{epoch or 0}",
        created_at=now(),
        level="error" if state.endswith(("FAILED", "EXPIRED")) else "info",
        message=f"{message}: {said}" if said else f"{message}.",
        type="message",
        data={} if percent is None else {"percent": percent},
    )


def status_message(raw: Mapping[str, Any], clean: Clean) -> str | None:
    """What the resource's `status` says, if anything."""
    status = raw.get("status")
    message = status.get("message") if isinstance(status, dict) else None
    return clean(message) if isinstance(message, str) and message else None


def signed_url_of(answer: Mapping[str, Any], filename: str) -> str:
    """Where to send a file. Raises `Garbage` when the answer does not say."""
    urls = answer.get("filenameToSignedUrls")
    url = urls.get(filename) if isinstance(urls, dict) else None
    if not isinstance(url, str):
        raise Garbage("The provider's answer holds no address for the file.")
    return url


def _progress(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    progress = raw.get("jobProgress")
    return progress if isinstance(progress, dict) else {}


def _error(raw: Mapping[str, Any], clean: Clean) -> dict[str, str | None]:
    status = raw.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    text = clean(code)[:100] if isinstance(code, str) else None
    return {"code": text, "message": status_message(raw, clean), "param": None}
