"""The tokens at which a model stops, in `generation_config.json`, where transformers and vLLM read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainer.engines.transformers.data.encode import Encoder

_FILE = "generation_config.json"


def read_ends(folder: Path) -> frozenset[int]:
    """The tokens that a model folder names; empty if it names none. Raises ValueError, OSError."""
    return as_ends(_read(folder).get("eos_token_id"))


def as_ends(value: object) -> frozenset[int]:
    """A configuration's `eos_token_id`, which is a number, a list of them, or null."""
    listed = value if isinstance(value, list) else [value]
    return frozenset(number for number in listed if isinstance(number, int))


def write_ends(folder: Path, base: Path, encoder: Encoder) -> None:
    """Make everything that ends an answer an end of the saved model, and the tokenizer's own end one that the
    model was trained to write: a base may end its texts with another token than its template's turns.
    """
    ends, end = sorted(encoder.ends), encoder.form.end
    settings = _read(base) | _read(folder) | {"eos_token_id": ends if len(ends) > 1 else ends[0]}
    (folder / _FILE).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", "utf-8")
    if end is not None:
        encoder.tokenizer.eos_token = encoder.tokenizer.convert_ids_to_tokens(end)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / _FILE
    found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    if not isinstance(found, dict):
        raise ValueError(f"{_FILE} is not an object")
    return found
