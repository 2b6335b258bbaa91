"""Error messages for invalid fields, from the field's OpenAPI schema.

Pydantic reports one problem for each branch of a union, and only the bound that was exceeded. A caller needs
the field's name on the wire, and all values that the field accepts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from service.errors import InvalidRequest

Schema = Mapping[str, Any]

# Problems that a description of the allowed values does not explain; pydantic's own words do.
_EXPLAINED_BY_PYDANTIC = ("value_error", "assertion_error", "extra_forbidden", "missing")
_WORDS = {"extra_forbidden": "is not a field of this request", "missing": "is required"}
_TYPES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
    "boolean": "true or false",
    "null": "null",
}


def describe(errors: Sequence[Any], operation: Schema, components: Schema) -> InvalidRequest:
    """Describe the first of pydantic's `errors` about a request to `operation`, an OpenAPI operation."""
    # A wrong value is more helpful to report than a missing field.
    first = next((error for error in errors if error["type"] != "missing"), errors[0])
    if first["type"] == "json_invalid":
        detail = first.get("ctx", {}).get("error", "")
        return InvalidRequest(f"The body is not valid JSON: {detail}.", code="invalid_json")
    place, param, schema = _locate(first["loc"], operation, components)
    others = {_locate(error["loc"], operation, components)[1] for error in errors} - {param}
    named = f"'{param}' in the {place}" if param else f"The {place}"
    problem = _problem(first, schema, components)
    more = f" ({len(others)} more fields have problems.)" if others else ""
    return InvalidRequest(f"{named} {problem}.{more}", param=param or place, code="invalid_value")


def allowed(schema: Schema, components: Schema) -> str:
    """Describe all values that `schema` accepts, such as "'auto' or an integer from 1 to 50"."""
    schema = _resolved(schema, components)
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return _either([allowed(branch, components) for branch in branches])
    if "const" in schema:
        return _quoted(schema["const"])
    if "enum" in schema:
        return _either([_quoted(value) for value in schema["enum"]])
    words = _TYPES.get(schema.get("type", ""), "another value")
    return words + _bounds(schema)


def _problem(error: Mapping[str, Any], schema: Schema | None, components: Schema) -> str:
    kind = error["type"]
    if kind in _WORDS:
        return _WORDS[kind]
    text = str(error["msg"]).removeprefix("Value error, ")
    if kind in _EXPLAINED_BY_PYDANTIC:
        return text if text.startswith("must ") else f"is refused: {text}"
    if schema is None:
        return f"is not valid: {text}"
    return f"must be {allowed(schema, components)}"


def _locate(loc: Sequence[Any], operation: Schema, components: Schema) -> tuple[str, str, Schema | None]:
    """Return the part of the request, the field's path on the wire, and its schema if OpenAPI has one."""
    place, *parts = [*loc] or ["body"]
    if place != "body":
        found = [one for one in operation.get("parameters", ()) if parts and one["name"] == parts[0]]
        return str(place), ".".join(map(str, parts[:1])), found[0]["schema"] if found else None
    contents = operation.get("requestBody", {}).get("content", {}).values()
    schema: Schema | None = next((content["schema"] for content in contents), None)
    path: list[str] = []
    for part in parts:
        found_in = _inside(schema, part, components)
        if found_in is not _LABEL:
            path.append(str(part))
            schema = found_in
    return "body", ".".join(path), schema


# Pydantic names the branch of a union in an error's location; no field on the wire has that name.
_LABEL: Schema = {"x-label": True}


def _inside(schema: Schema | None, part: str | int, components: Schema) -> Schema | None:
    """Return the schema of the member `part`: None if unknown, `_LABEL` if the value has no members."""
    if schema is None:
        return None
    schema = _resolved(schema, components)
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        found = [_inside(branch, part, components) for branch in branches]
        known = [one for one in found if one is not None and one is not _LABEL]
        return known[0] if known else _LABEL
    if schema.get("type") == "array" and isinstance(part, int):
        items: Schema = schema.get("items", {})
        return items
    if schema.get("type") == "object":
        member: Schema | None = schema.get("properties", {}).get(part)
        others = schema.get("additionalProperties")
        return member if member is not None or not isinstance(others, dict) else others
    return _LABEL


def _resolved(schema: Schema, components: Schema) -> Schema:
    while "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    whole = schema.get("allOf", ())
    return _resolved(whole[0], components) if len(whole) == 1 else schema


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
