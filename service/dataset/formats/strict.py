"""OpenAI's rules for schemas with `strict: true`, which a provider refuses when they are broken.

Source: OpenAI, Structured Outputs guide, supported schemas. Every object has `additionalProperties: false`
and lists all its properties as required; the root is an object.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from service.dataset.problems import Flaw

_FORBIDDEN = ("allOf", "dependentRequired", "dependentSchemas", "else", "if", "not", "oneOf", "then")
_NAMED = ("properties", "$defs", "definitions")
_LISTED = ("anyOf", "prefixItems")
_MAX_PROPERTIES = 5_000
_MAX_LEVELS = 10


def strict_flaw(schema: Mapping[str, Any], path: str, code: str) -> Flaw | None:
    """Return the first rule that a valid JSON Schema breaks; `path` is where it stands."""
    if schema.get("type") != "object" or "anyOf" in schema:
        return Flaw(
            path, code, "must be an object at its top level, without 'anyOf', because 'strict' is true"
        )
    properties = 0
    for level, here, inner in _schemas(schema, path, 0):
        wrong = _wrong(inner)
        if wrong:
            return Flaw(here, code, f"{wrong}, because 'strict' is true")
        properties += len(inner.get("properties", ()))
        if properties > _MAX_PROPERTIES or level > _MAX_LEVELS:
            limit = f"more than {_MAX_PROPERTIES} properties or {_MAX_LEVELS} levels"
            return Flaw(path, code, f"has {limit}, which 'strict' does not allow")
    return None


def _wrong(schema: Mapping[str, Any]) -> str | None:
    for keyword in _FORBIDDEN:
        if keyword in schema:
            return f"must not use {keyword!r}"
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            return "must have 'additionalProperties': false"
        required = frozenset(schema.get("required", ()))
        missing = next((name for name in schema.get("properties", ()) if name not in required), None)
        if missing is not None:
            return f"must list {missing[:80]!r} in 'required' (let its type include 'null' if it is optional)"
    return None


def _schemas(schema: Any, path: str, level: int) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Yield a schema and those inside it, with the number of objects and arrays around each."""
    if not isinstance(schema, Mapping):
        return
    yield level, path, schema
    for keyword in _NAMED:
        inner_level = level + 1 if keyword == "properties" else 0
        for name, inner in schema.get(keyword, {}).items():
            yield from _schemas(inner, f"{path}.{keyword}.{name}", inner_level)
    for keyword in _LISTED:
        for number, inner in enumerate(schema.get(keyword, ())):
            yield from _schemas(inner, f"{path}.{keyword}[{number}]", level)
    yield from _schemas(schema.get("items"), f"{path}.items", level + 1)
