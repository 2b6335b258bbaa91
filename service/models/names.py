"""The names of tuned models."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from service.core.clock import unix
from service.core.ids import derived_text

_SNAPSHOT_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")


class ModelName(NamedTuple):
    """The parts of `ft:{base}:{team slug}:{suffix}:{8 characters}`."""

    base: str
    slug: str
    suffix: str
    hash: str

    def __str__(self) -> str:
        return f"ft:{self.base}:{self.slug}:{self.suffix}:{self.hash}"


def new_name(base: str, slug: str, suffix: str | None, *origin: str) -> str:
    """A new model's name. Without a suffix, that part is empty.

    The last part follows from the `origin`, a job and its model at the provider, so that a model that is
    registered again after a backup was restored gets the name that code already uses.
    """
    return str(ModelName(base, slug, suffix or "", derived_text(8, *origin)))


def checkpoint_name(base: str, slug: str, suffix: str | None, step: int, *origin: str) -> str:
    """A new checkpoint's name: like a model's, with a last part of its own, followed by the step."""
    return f"{new_name(base, slug, suffix, *origin)}:ckpt-step-{step}"


def snapshot_time(base_id: str) -> int:
    """The date at the end of a base model's id, in unix seconds; 0 without one."""
    found = _SNAPSHOT_DATE.search(base_id)
    return unix(datetime.fromisoformat(found.group()).replace(tzinfo=UTC)) if found else 0
