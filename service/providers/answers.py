"""Read a provider's JSON answer without trusting it."""

import json
import math
from typing import Any


class Garbage(ValueError):
    """The provider answered with something that is not what was asked for."""


def read_object(content: bytes) -> dict[str, Any]:
    """The JSON object in `content`, made storable. Raises `Garbage`.

    Postgres takes neither NUL characters, lone surrogates nor NaN; a provider may send all of them.
    """
    try:
        value = json.loads(
            content.decode("utf-8-sig", "replace"), parse_constant=lambda _: None, parse_float=_finite
        )
    except (ValueError, RecursionError) as unreadable:
        raise Garbage("The provider's answer is not JSON.") from unreadable
    if not isinstance(value, dict):
        raise Garbage("The provider's answer is not a JSON object.")
    # Only escapes can bring the bad characters in.
    return _storable(value) if b"\\u" in content else value


def read_items(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of a list answer, others left out. Raises `Garbage` when it is no list."""
    data = answer.get("data")
    if not isinstance(data, list):
        raise Garbage("The provider's answer holds no list.")
    return [item for item in data if isinstance(item, dict)]


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
