"""Where OpenAI and Azure OpenAI differ on the same wire; the rest of the server asks here."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One provider's habits."""

    name: str
    organization: str | None
    checkpoint_prefix: str
    status_names: dict[str, str]
    """What our status is called on the wire, where it is called otherwise."""
    requires_bom: bool
    encode_results: Callable[[str], bytes]
    result_columns: tuple[str, ...]


OPENAI = Dialect(
    name="openai",
    organization="org-sandbox",
    checkpoint_prefix="ftckpt_",
    status_names={},
    requires_bom=False,
    encode_results=lambda text: base64.b64encode(text.encode()),
    result_columns=("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"),
)

AZURE = Dialect(
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
)

DIALECTS = {dialect.name: dialect for dialect in (OPENAI, AZURE)}
