"""Load the catalogue's data files: one per kind of provider, and the operator's own file."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any, get_args

from service.settings import settings
from service.settings.providers import ProviderKind

KINDS: tuple[ProviderKind, ...] = get_args(ProviderKind)


@cache
def load(provider_kind: str) -> dict[str, Any]:
    """Load one kind's data file, with the operator's `models` and `prices` for that kind added.

    Raises FileNotFoundError for an unknown kind, or if `catalog_file` does not exist.
    """
    text = resources.files("service.catalog").joinpath("data", f"{provider_kind}.toml").read_text("utf-8")
    shipped, own = tomllib.loads(text), _own().get(provider_kind, {})
    return shipped | {name: shipped.get(name, []) + own.get(name, []) for name in ("models", "prices")}


def _own() -> dict[str, Any]:
    path = settings().catalog_file
    return tomllib.loads(path.read_text("utf-8")) if path else {}
