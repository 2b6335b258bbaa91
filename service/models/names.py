"""The names of tuned models."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from service.core.clock import unix
from service.core.ids import random_text

_SNAPSHOT_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")


class ModelName(NamedTuple):
    """The parts of `ft:{base}:{team slug}:{suffix}:{8 characters}`."""

    base: str
    slug: str
    suffix: str
    hash: str

    def __str__(self) -> str:
        return f"ft:{self.base}:{self.slug}:{self.suffix}:{self.hash}"


def new_name(base: str, slug: str, suffix: str | None) -> str:
    """A new model's name. Without a suffix, that part is empty."""
    return str(ModelName(base, slug, suffix or "", random_text(8)))


def checkpoint_name(base: str, slug: str, suffix: str | None, step: int) -> str:
    """A new checkpoint's name: like a model's, with its own random part, followed by the step."""
    return f"{new_name(base, slug, suffix)}:ckpt-step-{step}"


def snapshot_time(base_id: str) -> int:
    """The date at the end of a base model's id, in unix seconds; 0 without one."""
    found = _SNAPSHOT_DATE.search(base_id)
    return unix(datetime.fromisoformat(found.group()).replace(tzinfo=UTC)) if found else 0
