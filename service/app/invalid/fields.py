"""One error message for all invalid fields of a request, from their OpenAPI schemas.

Pydantic reports one problem for each branch of a union, and only the bound that was exceeded. A caller needs
the field's name on the wire, and all values that the field accepts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.app.invalid.near import nearest
from service.app.invalid.ranges import Schema, allowed, resolved
from service.errors import InvalidRequest

# Problems that a description of the allowed values does not explain; pydantic's own words do.
_RULES_OF_OURS = ("value_error", "assertion_error")
_EXPLAINED_BY_PYDANTIC = (*_RULES_OF_OURS, "extra_forbidden", "missing")
_WORDS = {"extra_forbidden": "is not a field of this request", "missing": "is required"}
_MOST_TOLD = 10
_MOST_READ = 200  # of pydantic's errors: a small body can have a hundred thousand
_FORM = re.compile(r"[\w.\[\]]+=")


def describe(
    errors: Sequence[Any], operation: Schema, components: Schema, sent: object = None
) -> InvalidRequest:
    """Describe pydantic's `errors` about a request to an OpenAPI operation, with the body `sent`.

    `param` is the first wrong value; missing fields come last, as they often follow from a misspelt name.
    """
    found: dict[str, str] = {}
    has_more = len(errors) > _MOST_READ
    for error in sorted(errors, key=lambda error: error["type"] == "missing")[:_MOST_READ]:
        if error["type"] == "json_invalid":
            return _not_json(error, sent)
        place, param, schema = _locate(error["loc"], operation, components)
        # Of a union, every branch has an error; they are one problem, and `schema` is the whole union's.
        if (param or place) in found:
            continue
        if len(found) == _MOST_TOLD:
            has_more = True
            break
        found[param or place] = _finding(error, place, param, schema, operation, components)
    more = ["More fields have problems."] if has_more else []
    return InvalidRequest(" ".join([*found.values(), *more]), param=next(iter(found)), code="invalid_value")


def _finding(
    error: Mapping[str, Any],
    place: str,
    param: str,
    schema: Schema | None,
    operation: Schema,
    components: Schema,
) -> str:
    """Return the sentences about one field."""
    body = _body(operation)
    if place == "body" and not param and body is not None and error["type"] not in _RULES_OF_OURS:
        fields = ", ".join(resolved(body, components).get("properties", {}))
        what = "is missing" if error["type"] == "missing" else _problem(error, schema, components)
        return f"The body {what}. Send a JSON object with the fields {fields}."
    named = f"'{param}' in the {place}" if param else f"The {place}"
    told = f"{named} {_problem(error, schema, components)}."
    if error["type"] != "extra_forbidden" or body is None:
        return told
    name = param.rpartition(".")[2]
    by_name: dict[str, str] = {}
    for path in sorted(_paths(body, components), key=lambda path: path.count(".")):
        by_name.setdefault(path.rpartition(".")[2], path)
    near = nearest(name, by_name)
    return f"{told} Did you mean '{by_name[near]}'?" if near else told


def _not_json(error: Mapping[str, Any], sent: object) -> InvalidRequest:
    where = f" at character {error['loc'][1]}" if len(error["loc"]) > 1 else ""
    text = sent.strip() if isinstance(sent, str) else ""
    hint = ""
    if _FORM.match(text):
        hint = " It looks like a form; send a JSON object instead."
    elif text.startswith("{'"):
        hint = " Write names and texts in double quotes."
    detail = error.get("ctx", {}).get("error", "")
    return InvalidRequest(f"The body is not valid JSON: {detail}{where}.{hint}", code="invalid_json")


def _paths(schema: Schema, components: Schema, levels: int = 4) -> Iterator[str]:
    """Yield the path of every field of an object, and of the objects in it."""
    schema = resolved(schema, components)
    for branch in schema.get("anyOf") or schema.get("oneOf") or ():
        yield from _paths(branch, components, levels)
    for name, member in schema.get("properties", {}).items():
        yield name
        if levels:
            yield from (f"{name}.{path}" for path in _paths(member, components, levels - 1))


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
    schema = _body(operation)
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
    schema = resolved(schema, components)
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


def _body(operation: Schema) -> Schema | None:
    """Return the schema of the operation's body, if it has one."""
    contents = operation.get("requestBody", {}).get("content", {}).values()
    return next((content["schema"] for content in contents), None)
