"""The dated data files of the catalogue, one per kind of provider. Read once."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

KINDS = ("openai", "azure", "trainer")


@cache
def load(provider_kind: str) -> dict[str, Any]:
    """The content of one kind's file: `models` and `prices`. Raises FileNotFoundError for another kind."""
    text = resources.files("service.catalog").joinpath("data", f"{provider_kind}.toml").read_text("utf-8")
    return tomllib.loads(text)
