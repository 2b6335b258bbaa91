"""Together's JSON in our words, as bounded as `service.providers.mapping`, and our jobs in Together's."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from service.core.clock import now
from service.providers import mapping
from service.providers.answers import Garbage
from service.providers.kinds.rest_provider import count_of, moment_of
from service.providers.port import ProviderCheckpoint, ProviderEvent, ProviderJob, ProviderJobSpec
from service.providers.scrub import Clean

_STATUSES = {
    "pending": "validating_files",
    "queued": "queued",
    "running": "running",
    "compressing": "running",
    "uploading": "running",
    "cancel_requested": "running",
    "cancelled": "cancelled",
    "error": "failed",
    "user_error": "failed",
    "completed": "succeeded",
}
_NANO = Decimal(1_000_000_000)
_HYPERPARAMETERS = ("n_epochs", "batch_size", "learning_rate")
# What the SDK sends with every create; the API has no defaults for them.
_FIXED = {
    "validation_file": "",
    "packing": True,
    "warmup_ratio": 0.0,
    "max_grad_norm": 1.0,
    "weight_decay": 0.0,
    "n_evals": 0,
    "early_stopping_enabled": False,
    "lr_scheduler": {
        "lr_scheduler_type": "cosine",
        "lr_scheduler_args": {"min_lr_ratio": 0.0, "num_cycles": 0.5},
    },
}
_LORA = {
    "type": "Lora",
    "lora_r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.0,
    "lora_trainable_modules": "all-linear",
}


def id_of(raw: Mapping[str, Any]) -> str:
    """The id of an object. Raises `Garbage` without one."""
    return mapping.file_id_of(raw)


def body_of(spec: ProviderJobSpec, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """A job as a create takes it; `hyperparameters` are in Together's terms."""
    sent = dict(hyperparameters)
    beta = sent.pop("dpo_beta", None)
    sft = {"method": "sft", "train_on_inputs": False}
    dpo = {"method": "dpo"} | ({} if beta is None else {"dpo_beta": beta})
    start = {"from_checkpoint": spec.model} if spec.model.startswith("ft-") else {"model": spec.model}
    return {
        **_FIXED,
        **start,
        "training_file": spec.training_file_id,
        "learning_rate": 1e-05,
        **sent,
        "n_checkpoints": sent["n_epochs"],
        "suffix": spec.stamp,
        "training_type": _LORA,
        "training_method": dpo if spec.method["type"] == "dpo" else sft,
        **({} if spec.seed is None else {"random_seed": spec.seed}),
    }


def job_of(raw: Mapping[str, Any], clean: Clean, asked: str | None = None) -> ProviderJob:
    """A fine-tune. Raises `Garbage` without an id or status, and for another job than `asked`."""
    found, status = id_of(raw), raw.get("status")
    if not isinstance(status, str):
        raise Garbage("The provider's answer lacks 'status'.")
    if asked is not None and found != asked:
        raise Garbage("The provider answered with another job than the one asked for.")
    ours = _STATUSES.get(status, clean(status)[:100])
    ended = ours in ("succeeded", "failed", "cancelled")
    return ProviderJob(
        id=found,
        status=ours,
        model=str(raw.get("model") or "")[:255],
        created_at=moment_of(raw.get("created_at")) or now(),
        stamp=mapping.stamp_of(raw.get("suffix")),
        finished_at=moment_of(raw.get("updated_at")) if ended else None,
        estimated_finish=_estimated_finish(raw),
        fine_tuned_model=found if ours == "succeeded" else None,
        trained_tokens=_trained(raw, ours),
        hyperparameters={name: raw[name] for name in _HYPERPARAMETERS if _is_plain(raw.get(name))},
        error=_error(raw, clean) if ours == "failed" else None,
        billed_usd=_billed(raw),
    )


def event_of(raw: Mapping[str, Any], clean: Clean) -> ProviderEvent:
    """An event. It has no id of its own: moment, type, step and message stand for one."""
    parts = [str(raw.get(name)) for name in ("created_at", "type", "step", "message")]
    level = str(raw.get("level", "info")).removeprefix("legacy_")
    step = count_of(raw.get("step"))
    return ProviderEvent(
        id=hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32],
        created_at=moment_of(raw.get("created_at")) or now(),
        level={"warning": "warn", "error": "error"}.get(level, "info"),
        message=clean(str(raw.get("message") or parts[1])),
        type="message",
        data={} if step is None else {"step": step},
    )


def checkpoints_of(job_id: str, listed: Sequence[Mapping[str, Any]]) -> list[ProviderCheckpoint]:
    """The checkpoints, one for each step, oldest first."""
    found: dict[int, ProviderCheckpoint] = {}
    for raw in listed:
        step = count_of(raw.get("step"))
        if step is not None:
            model = f"{job_id}:{step}"
            created = moment_of(raw.get("created_at")) or now()
            found.setdefault(step, ProviderCheckpoint(model, created, model, step, {}))
    return [found[step] for step in sorted(found)]


def object_id_of(listed: Sequence[Mapping[str, Any]], step: int) -> str:
    """The id in the registry of the checkpoint after a step. Raises `Garbage` without one."""
    found = next((one for one in listed if count_of(one.get("step")) == step), {})
    return id_of({"id": found.get("object_id")})


def _trained(raw: Mapping[str, Any], status: str) -> int | None:
    """The tokens of the dataset times the epochs; of a cancelled job, the part of its steps that ran."""
    tokens, epochs = count_of(raw.get("token_count")), count_of(raw.get("n_epochs"))
    if tokens is None or epochs is None:
        return None
    if status == "succeeded":
        return tokens * epochs
    listed = raw.get("events")
    events = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    steps = [count_of(one.get("step")) or 0 for one in events]
    total = max((count_of(one.get("total_steps")) or 0 for one in events), default=0)
    return tokens * epochs * min(max(steps, default=0), total) // total if total else 0


def _billed(raw: Mapping[str, Any]) -> Decimal | None:
    price = count_of(raw.get("total_price"))
    return None if price is None else price / _NANO


def _estimated_finish(raw: Mapping[str, Any]) -> Any:
    progress = raw.get("progress")
    progress = progress if isinstance(progress, dict) else {}
    seconds = count_of(progress.get("seconds_remaining"))
    known = progress.get("estimate_available") is True and seconds is not None and seconds < 10**8
    return now() + timedelta(seconds=seconds or 0) if known else None


def _error(raw: Mapping[str, Any], clean: Clean) -> dict[str, str | None]:
    events = raw.get("events")
    said = [
        one.get("message")
        for one in (events if isinstance(events, list) else [])
        if isinstance(one, dict) and one.get("type") == "job_error"
    ]
    message = clean(str(said[-1])) if said else None
    return {"code": clean(str(raw.get("status")))[:100], "message": message, "param": None}


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
