"""The differences between OpenAI's and Azure OpenAI's APIs, in one place."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from trainer.ids import new_id

ORGANIZATION_SLUG = "sandbox"


@dataclass(frozen=True, kw_only=True)
class ProviderDialect:
    """How one provider's API behaves where the two differ."""

    name: str
    organization: str | None
    checkpoint_prefix: str
    status_names: dict[str, str]
    """The provider's names of statuses that differ from ours."""
    requires_bom: bool
    encode_results: Callable[[str], bytes]
    result_columns: tuple[str, ...]
    name_model: Callable[[str, str | None, int | None], str]
    """A new model's name from its base, its job's suffix, and the step, None for a job's last."""
    serves_deployments: bool
    """Whether models can only be called by the names of their deployments."""


def _openai_name(base: str, suffix: str | None, step: int | None) -> str:
    name = f"ft:{base}:{ORGANIZATION_SLUG}:{suffix or ''}:{new_id('', 8)}"
    return name if step is None else f"{name}:ckpt-step-{step}"


def _azure_name(base: str, suffix: str | None, step: int | None) -> str:
    """A model name without suffix or step, so that a checkpoint's name looks like any other."""
    return f"{base}.ft-{secrets.token_hex(16)}"


OPENAI = ProviderDialect(
    name="openai",
    organization="org-sandbox",
    checkpoint_prefix="ftckpt_",
    status_names={},
    requires_bom=False,
    encode_results=lambda text: base64.b64encode(text.encode()),
    result_columns=("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"),
    name_model=_openai_name,
    serves_deployments=False,
)

AZURE = ProviderDialect(
    name="azure",
    organization=None,
    checkpoint_prefix="ftchkpt-",
    status_names={"validating_files": "pending", "queued": "pending"},
    requires_bom=True,
    encode_results=str.encode,
    result_columns=(
        "step",
        "train_loss",
        "train_mean_token_accuracy",
        "valid_loss",
        "validation_mean_token_accuracy",
        "full_valid_loss",
        "full_valid_mean_token_accuracy",
    ),
    name_model=_azure_name,
    serves_deployments=True,
)

DIALECTS = {dialect.name: dialect for dialect in (OPENAI, AZURE)}
