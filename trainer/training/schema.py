"""The body of `POST /fine_tuning/jobs`, with OpenAI's limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Auto = Literal["auto"]
_Rate = Annotated[float, Meta(gt=0)]


class RequestedHyperparameters(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """The hyperparameters of all methods; whether the job's method has them is checked later."""

    batch_size: Auto | Annotated[int, Meta(ge=1, le=256)] | None = None
    learning_rate_multiplier: Auto | _Rate | None = None
    n_epochs: Auto | Annotated[int, Meta(ge=1, le=50)] | None = None
    beta: Auto | Annotated[float, Meta(gt=0, le=2)] | None = None
    reasoning_effort: Literal["default", "low", "medium", "high"] | None = None
    compute_multiplier: Auto | Annotated[float, Meta(gt=0.00001, le=10)] | None = None
    eval_interval: Auto | Annotated[int, Meta(ge=1)] | None = None
    eval_samples: Auto | Annotated[int, Meta(ge=1)] | None = None


class MethodOptions(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """The settings under the method's name."""

    hyperparameters: RequestedHyperparameters | None = None
    grader: dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None


class RequestedMethod(msgspec.Struct, forbid_unknown_fields=True):
    """The method of a job, with its settings."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: MethodOptions | None = None
    dpo: MethodOptions | None = None
    reinforcement: MethodOptions | None = None


class RequestedIntegration(msgspec.Struct):
    """Weights and Biases, accepted and echoed; nothing is sent there."""

    type: Literal["wandb"]
    wandb: dict[str, Any]


class RequestedJob(msgspec.Struct, forbid_unknown_fields=True, rename={"training_type": "trainingType"}):
    """The body that creates a job."""

    model: Annotated[str, Meta(min_length=1)]
    training_file: Annotated[str, Meta(min_length=1)]
    validation_file: str | None = None
    suffix: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2147483647)] | None = None
    metadata: (
        Annotated[
            dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
            Meta(max_length=16),
        ]
        | None
    ) = None
    integrations: Annotated[list[RequestedIntegration], Meta(max_length=5)] | None = None
    hyperparameters: RequestedHyperparameters | None = None
    method: RequestedMethod | None = None
    training_type: str | None = None


_COMMON = {"batch_size", "learning_rate_multiplier", "n_epochs"}
HYPERPARAMETERS_OF = {
    "supervised": _COMMON,
    "dpo": _COMMON | {"beta"},
    "reinforcement": _COMMON | {"reasoning_effort", "compute_multiplier", "eval_interval", "eval_samples"},
}
