"""Which values a schema accepts, in words."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_TYPES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
    "boolean": "true or false",
    "null": "null",
}


_FORMATS = {
    "date": "a date such as 2026-11-25",
    "date-time": "a time such as 2026-11-25T08:00:00Z",
}


def allowed(schema: Schema, components: Schema) -> str:
    """Describe all values that `schema` accepts, such as "'auto' or an integer from 1 to 50"."""
    schema = resolved(schema, components)
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return _either([allowed(branch, components) for branch in branches])
    if "const" in schema:
        return _quoted(schema["const"])
    if "enum" in schema:
        return _either([_quoted(value) for value in schema["enum"]])
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    words = _TYPES.get(schema.get("type", ""), "another value")
    return words + _bounds(schema)


def resolved(schema: Schema, components: Schema) -> Schema:
    """Return the schema itself for a reference to it."""
    while "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    whole = schema.get("allOf", ())
    return resolved(whole[0], components) if len(whole) == 1 else schema


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {_number(low)} to {_number(high)}"
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    words = [
        f"{word} {_number(bound)}"
        for word, bound in (("at least", low), ("above", above), ("at most", high), ("below", below))
        if bound is not None
    ]
    for unit, least, most in (
        ("characters", schema.get("minLength"), schema.get("maxLength")),
        ("items", schema.get("minItems"), schema.get("maxItems")),
        ("members", schema.get("minProperties"), schema.get("maxProperties")),
    ):
        if least and most:
            words.append(f"{least} to {most} {unit}")
        elif least or most:
            words.append(f"at {'least' if least else 'most'} {least or most} {unit}")
    if "pattern" in schema:
        words.append(f"a form that matches {schema['pattern']}")
    if not words:
        return ""
    return f"{' ' if words[0].startswith(('above', 'below')) else ' of '}{' and '.join(words)}"


def _number(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


def _quoted(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value).lower()


def _either(words: list[str]) -> str:
    *first, last = dict.fromkeys(words)
    return f"{', '.join(first)} or {last}" if first else last
