"""Bedrock's JSON in our words, as bounded as `service.providers.mapping`."""

import re
from collections.abc import Mapping
from typing import Any

from service.core.clock import now
from service.providers import mapping
from service.providers.answers import Garbage
from service.providers.kinds.rest_provider import moment_of
from service.providers.port import ProviderDeployment, ProviderEvent, ProviderJob
from service.providers.scrub import Clean

_ARN = re.compile(r"arn:aws[\w-]*:bedrock:[\w-]+:\d{12}:[\w.:/+-]{1,400}")
_STATUSES = {
    "InProgress": "running",
    "Completed": "succeeded",
    "Failed": "failed",
    "Stopping": "running",
    "Stopped": "cancelled",
}
_STEPS = ("validationDetails", "dataProcessingDetails", "trainingDetails")


def arn_of(raw: Mapping[str, Any], name: str) -> str:
    """The ARN under a name. Raises `Garbage` without one."""
    arn = raw.get(name)
    if not isinstance(arn, str) or not _ARN.fullmatch(arn):
        raise Garbage(f"The provider's answer lacks a usable '{name}'.")
    return arn


def items_of(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list. Raises `Garbage` when it is not one."""
    listed = answer.get(name, [])
    if not isinstance(listed, list):
        raise Garbage("The provider's answer holds no list.")
    return [one for one in listed if isinstance(one, dict)]


def job_of(raw: Mapping[str, Any], clean: Clean, asked: str | None = None) -> ProviderJob:
    """A customization job or its summary. Raises `Garbage` without ARN or status, and for another job."""
    arn, status = arn_of(raw, "jobArn"), raw.get("status")
    if not isinstance(status, str):
        raise Garbage("The provider's answer lacks 'status'.")
    if asked is not None and arn != asked:
        raise Garbage("The provider answered with another job than the one asked for.")
    ours = _STATUSES.get(status, clean(status)[:100])
    if ours == "running" and status == "InProgress" and not _began(raw):
        ours = "validating_files"
    failure = raw.get("failureMessage")
    message = clean(failure) if isinstance(failure, str) else None
    return ProviderJob(
        id=arn,
        status=ours,
        model=str(raw.get("baseModelArn") or "")[:255],
        created_at=moment_of(raw.get("creationTime")) or now(),
        stamp=mapping.stamp_of(raw.get("jobName")),
        finished_at=moment_of(raw.get("endTime")),
        fine_tuned_model=arn_of(raw, "outputModelArn")
        if ours == "succeeded" and "outputModelArn" in raw
        else None,
        hyperparameters=_hyperparameters(raw.get("hyperParameters")),
        error={"code": None, "message": message, "param": None} if ours == "failed" else None,
    )


def event_of(raw: Mapping[str, Any], clean: Clean) -> ProviderEvent:
    """An event for the state that a job is in; the same state makes the same event."""
    states = {name.removesuffix("Details"): _state(raw, name) for name in _STEPS}
    said = ", ".join(f"{name} {clean(state)}" for name, state in states.items() if state)
    status = clean(str(raw.get("status")))[:100]
    return ProviderEvent(
        id=f"{status}:{said}"[:200],
        created_at=now(),
        level="error" if status == "Failed" else "info",
        message=f"The provider reports: {status}" + (f" ({said})." if said else "."),
        type="message",
        data={},
    )


def deployment_of(raw: Mapping[str, Any], clean: Clean) -> ProviderDeployment:
    """A custom model's deployment; requests name it by its ARN. Raises `Garbage` without one."""
    arn, status = arn_of(raw, "customModelDeploymentArn"), raw.get("status")
    failure = raw.get("failureMessage")
    if status == "Failed":
        problem = clean(failure) if isinstance(failure, str) else None
        return ProviderDeployment(arn, "failed", problem=problem)
    return ProviderDeployment(arn, "ready" if status == "Active" else "deploying", arn)


def _began(raw: Mapping[str, Any]) -> bool:
    return not isinstance(raw.get("statusDetails"), dict) or _state(raw, "trainingDetails") not in (
        None,
        "NotStarted",
    )


def _state(raw: Mapping[str, Any], name: str) -> str | None:
    details = raw.get("statusDetails")
    step = details.get(name) if isinstance(details, dict) else None
    state = step.get("status") if isinstance(step, dict) else None
    return state[:40] if isinstance(state, str) else None


def _hyperparameters(raw: object) -> dict[str, Any]:
    given = raw if isinstance(raw, dict) else {}
    epochs = given.get("epochCount")
    found: dict[str, Any] = {"n_epochs": int(epochs)} if isinstance(epochs, str) and epochs.isdigit() else {}
    return found | ({"learning_rate": str(given["learningRate"])[:20]} if "learningRate" in given else {})
