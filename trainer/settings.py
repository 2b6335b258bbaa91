"""The trainer's settings: base models, data directory, engine, and secrets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 1024 * 1024
METHODS = ("supervised", "dpo", "reinforcement")
SANDBOX_BASES = "sandbox-mini,sandbox-large=supervised+dpo+reinforcement,sandbox-babbage=completion"
"""The bases that the service's catalogue lists for the sandbox; a test compares them."""


@dataclass(frozen=True)
class BaseIdentity:
    """What a base is: a hash of its weights, configuration and tokenizer, and where it is from, if known."""

    sha256: str
    revision: str | None = None
    licence: str | None = None


@dataclass(frozen=True, kw_only=True)
class OfferedBase:
    """A model on offer and the methods it can be tuned by."""

    name: str
    methods: tuple[str, ...] = ("supervised", "dpo")
    completes: bool = False
    """Whether it continues texts and is tuned on prompts and completions, instead of chats."""
    path: Path | None = None
    """The folder of its weights, if the engine has weights."""
    kind: str = ""
    """The kind of model: `causal` or `encoder`."""
    tuning: str = ""
    """The way of tuning: `lora` or `full`."""
    identity: BaseIdentity | None = None
    """Known once an engine with weights has read them."""


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """The settings of one trainer process; the two secrets come from the environment."""

    data_dir: Path
    bases: tuple[OfferedBase, ...]
    api_key: str
    engine: str = "sandbox"
    dialect: str = "openai"
    control: bool = False
    webhook_url: str | None = None
    webhook_secret: str | None = None
    step_ms: int = 50
    concurrency: int = 8
    device: str = "auto"
    launch: str = ""
    cached_models: int = 2
    snapshot_s: float = 60.0
    stall_s: float = 1800.0
    file_limit_bytes: int = 512 * MEBIBYTE
    upload_limit_bytes: int = 8192 * MEBIBYTE
    part_limit_bytes: int = 64 * MEBIBYTE
    body_limit_bytes: int = 32 * MEBIBYTE
    body_timeout_s: float = 30.0
    """For a JSON body as a whole, and for each pause in a file."""


def parse_bases(text: str) -> tuple[OfferedBase, ...]:
    """Read `NAME[=METHOD+METHOD],NAME…`; raises ValueError with a message for the user.

    The word `completion` in place of the methods makes a base that is tuned on prompts and completions.
    """
    bases = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, methods = item.partition("=")
        if not name or ":" in name:
            raise ValueError(f"{item!r} does not name a base model")
        listed = tuple(filter(None, methods.split("+")))
        if listed == ("completion",):
            bases.append(OfferedBase(name=name, methods=("supervised",), completes=True))
            continue
        if unknown := [method for method in listed if method not in METHODS]:
            known = f"{', '.join(METHODS)}, or completion alone"
            raise ValueError(f"{unknown[0]!r} is not a tuning method; use {known}")
        bases.append(OfferedBase(name=name, methods=listed) if listed else OfferedBase(name=name))
    if not bases:
        raise ValueError("name at least one base model")
    return tuple(bases)
