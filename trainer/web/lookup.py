"""Finds models by name, and checks that they have not been shut down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainer.core import Core
from trainer.errors import ApiError, no_such_model

_NOT_DEPLOYED = (
    "The API deployment for this resource does not exist. If you created the deployment within the last 5"
    " minutes, please wait a moment and try again."
)


@dataclass(frozen=True)
class ServedModel:
    """A model that can answer; `folder` is None for a base."""

    name: str
    base: str
    folder: Path | None


def is_shut_down(core: Core, *models: str) -> bool:
    """Whether the shutdown date of any of the models has passed by the trainer's clock (UTC)."""
    date = core.control.shutdown_date(*models)
    if date is None:
        return False
    today = datetime.fromtimestamp(core.clock.now(), UTC).date().isoformat()
    return date <= today


def find_served(core: Core, name: str) -> ServedModel:
    """Find the model or, if the dialect has deployments, the deployment with this name.

    Bases are deployed under their own names. Raises a 404 `ApiError`.
    """
    if not core.dialect.serves_deployments or core.base(name):
        return find_target(core, name)
    model = core.control.state.deployments.get(name)
    if model is None:
        raise ApiError(404, _NOT_DEPLOYED, code="DeploymentNotFound")
    return find_target(core, model)


def find_target(core: Core, model: str) -> ServedModel:
    """The base, tuned model or checkpoint of that name; raises a 404 `ApiError`."""
    if core.base(model):
        target = ServedModel(model, model, None)
    else:
        tuned = core.store.models.get(model)
        if tuned is None:
            raise no_such_model(model)
        target = ServedModel(model, tuned.base, core.files.model_path(tuned.folder))
    if is_shut_down(core, target.name, target.base):
        raise no_such_model(model)
    return target


def check_chats(core: Core, served: ServedModel) -> None:
    """Raise OpenAI's 404 `ApiError` for a model that only continues texts."""
    base = core.base(served.base)
    if base and base.completes:
        message = (
            "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you"
            " mean to use v1/completions?"
        )
        raise ApiError(404, message, param="model")
