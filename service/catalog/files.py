"""Load the catalogue's data files: one per kind of provider, and the operator's own file."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any, get_args

from service.catalog.stand_ins import stand_ins
from service.settings import settings
from service.settings.providers import ProviderKind

_LISTS = ("models", "prices")
KINDS: tuple[ProviderKind, ...] = get_args(ProviderKind)


@cache
def load(provider_kind: str) -> dict[str, Any]:
    """Load one kind's data file, with the operator's `models` and `prices` for that kind added.

    The trainer's also has the bases that the sandbox stands in for. Raises FileNotFoundError for an unknown
    kind, or if `catalog_file` does not exist, and ValueError for a stand-in of an unknown model.
    """
    ours, theirs = shipped(provider_kind), _own().get(provider_kind, {})
    simulated = stand_ins(shipped("openai"), settings().stand_in_names) if provider_kind == "trainer" else {}
    parts = (ours, simulated, theirs)
    return ours | {name: [one for part in parts for one in part.get(name, [])] for name in _LISTS}


def shipped(provider_kind: str) -> dict[str, Any]:
    """Load one kind's data file as it ships."""
    text = resources.files("service.catalog").joinpath("data", f"{provider_kind}.toml").read_text("utf-8")
    return tomllib.loads(text)


def _own() -> dict[str, Any]:
    path = settings().catalog_file
    return tomllib.loads(path.read_text("utf-8")) if path else {}
