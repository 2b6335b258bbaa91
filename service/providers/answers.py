"""Read a provider's JSON answer without trusting it."""

import json
import math
from typing import Any

from service.providers.bounds import MAX_DEPTH, OBJECT, AnswerRefused, Bound

_LARGEST_INTEGER = 2**63 - 1
_INTEGER_DIGITS = 19


class Garbage(ValueError):
    """The provider answered with something other than what was asked for."""


def read_object(content: bytes, bound: Bound = OBJECT) -> dict[str, Any]:
    """The JSON object in `content`, made storable. Raises `Garbage`.

    Postgres stores neither NUL characters, lone surrogates nor NaN; a provider may send all of them. Numbers
    that are not finite, and integers beyond 64 bits, are read as null. An object that names a key twice is
    refused: two readers would read two things in it.
    """
    try:
        bound.check(content)
        value = json.loads(
            content.decode("utf-8-sig", "replace"),
            parse_constant=lambda _: None,
            parse_float=_finite,
            parse_int=_integer,
            object_pairs_hook=_unique,
        )
        if not isinstance(value, dict):
            raise Garbage("The provider's answer is not a JSON object.")
        found: dict[str, Any] = _storable(value, MAX_DEPTH)
    except Garbage:
        raise
    except AnswerRefused as refused:
        raise Garbage(str(refused)) from None
    except (ValueError, RecursionError) as unreadable:
        raise Garbage("The provider's answer is not JSON.") from unreadable
    return found


def read_items(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects in a list answer, without items of other types. Raises `Garbage` when it is not a list."""
    data = answer.get("data")
    if not isinstance(data, list):
        raise Garbage("The provider's answer holds no list.")
    return [item for item in data if isinstance(item, dict)]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Garbage("The provider's answer names a key twice in one object.")
    return found


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _integer(digits: str) -> int | None:
    if len(digits) > _INTEGER_DIGITS + 1:
        return None
    number = int(digits)
    return number if abs(number) <= _LARGEST_INTEGER else None


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, list | dict) and depth == 0:
        raise Garbage(f"The provider's answer is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, list):
        return [_storable(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {_storable(key, depth): _storable(item, depth - 1) for key, item in value.items()}
    return value
