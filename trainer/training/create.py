"""Creates jobs, or refuses them with OpenAI's errors."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from trainer.core import Core
from trainer.errors import ApiError, bad_request
from trainer.ids import new_id
from trainer.storage.records import JobRecord
from trainer.training.log import log_event
from trainer.training.schema import HYPERPARAMETERS_OF, MethodOptions, RequestedJob
from trainer.web.lookup import is_shut_down

WIND_DOWN = (
    "OpenAI is winding down the fine-tuning platform and your organization is no longer able to create new"
    " fine-tuning training jobs. Learn more https://developers.openai.com/api/docs/deprecations"
    "#update-to-openais-self-serve-fine-tuning"
)
DAY_S = 86_400


def create_job(core: Core, request: RequestedJob) -> JobRecord:
    """Write a job in `validating_files` with its first two events; raises `ApiError`."""
    if core.control.state.limits.wind_down:
        raise ApiError(403, WIND_DOWN, code="training_not_available")
    method = _resolve_method(request)
    base = _resolve_base(core, request.model, method["type"])
    for param in ("training_file", "validation_file"):
        _check_file(core, param, getattr(request, param))
    if method["type"] == "reinforcement" and not request.validation_file:
        raise bad_request("A validation file is required for reinforcement fine-tuning.", "validation_file")
    with core.store.transaction() as connection:
        _check_daily_limit(core, base)
        now = core.clock.now()
        job = JobRecord(
            id=new_id("ftjob-"),
            model=request.model,
            base=base,
            training_file=request.training_file,
            validation_file=request.validation_file,
            created_at=int(now),
            seed=secrets.randbelow(2**31) if request.seed is None else request.seed,
            method=method,
            suffix=request.suffix,
            metadata=request.metadata,
            integrations=msgspec.to_builtins(request.integrations or []),
            due_at=now + core.engine.pace_s,
        )
        core.store.jobs.put(job)
        connection.executemany(
            "INSERT INTO labels(job_id, key, value) VALUES(?,?,?)",
            [(job.id, key, value) for key, value in (job.metadata or {}).items()],
        )
        notice = f" ({core.engine.notice})" if core.engine.notice else ""
        log_event(core, job, now, f"Created fine-tuning job: {job.id}{notice}")
        files = f"training file: {job.training_file}"
        if job.validation_file:
            files += f" and validation file: {job.validation_file}"
        log_event(core, job, now, f"Validating {files}")
    return job


def _resolve_method(request: RequestedJob) -> dict[str, Any]:
    kind = request.method.type if request.method else "supervised"
    options: MethodOptions | None = getattr(request.method, kind, None)
    given = (options.hyperparameters if options else None) or (
        request.hyperparameters if kind == "supervised" else None
    )
    values: dict[str, Any] = msgspec.to_builtins(given) if given else {}
    for name in values:
        if name not in HYPERPARAMETERS_OF[kind]:
            raise bad_request(
                f"'{name}' is not a hyperparameter of {kind}.", f"method.{kind}.hyperparameters.{name}"
            )
    inner: dict[str, Any] = {
        "hyperparameters": dict.fromkeys(sorted(HYPERPARAMETERS_OF[kind]), "auto") | values
    }
    if kind == "reinforcement":
        if options is None or not options.grader:
            raise bad_request("Reinforcement fine-tuning needs a grader.", "method.reinforcement.grader")
        inner["grader"] = options.grader
        if options.response_format:
            inner["response_format"] = options.response_format
    return {"type": kind, kind: inner}


def _resolve_base(core: Core, model: str, method: str) -> str:
    tuned = core.store.models.get(model)
    name = tuned.base if tuned else model
    base = core.base(name)
    if base is None or is_shut_down(core, model, name):
        message = f"Model {model} is not available for fine-tuning or does not exist."
        raise bad_request(message, "model", "model_not_available")
    if method not in base.methods:
        raise bad_request(
            f"Model {model} does not support the {method} method of fine-tuning.", "method.type"
        )
    return name


def _check_file(core: Core, param: str, file_id: str | None) -> None:
    if file_id is None:
        return
    file = core.files.find(file_id)
    if file is None:
        raise bad_request(f"invalid {param}: {file_id}", param)
    if file.purpose != "fine-tune":
        raise bad_request(f"File '{file_id}' has purpose '{file.purpose}', but 'fine-tune' is needed.", param)


def _check_daily_limit(core: Core, base: str) -> None:
    limits = core.control.state.limits.jobs_per_day
    limit = limits.get(base, limits.get("*"))
    if limit is None:
        return
    since = core.clock.now() - DAY_S
    recent = [job for job in core.store.jobs.all() if job.base == base and job.created_at > since]
    if len(recent) >= limit:
        message = (
            "This fine-tune request has been rate-limited. Your organization has reached the maximum of"
            f" {limit} fine-tuning requests per day for the model '{base}'."
        )
        raise ApiError(429, message, code="daily_rate_limit_exceeded")
