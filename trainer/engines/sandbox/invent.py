"""Makes up a value for a JSON Schema, and lets an independent validator confirm it.

The sandbox has no model that could write JSON, but programs that ask for it must get some. A schema that it
finds no value for is refused: an answer that is not of its schema is never sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from trainer.engines.sandbox.impossible import ImpossibleError
from trainer.engines.sandbox.numbers import write_number
from trainer.engines.sandbox.texts import write_string

_FULL_DEPTH = 4
_DEEPEST = 40
_MOST_VALUES = 5_000
_OF_KEYWORD = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
    "multipleOf": "number",
}

Schema = Mapping[str, Any]


def invent(schema: Schema, name: str = "") -> Any:
    """A value that the validator accepts for the schema; raises `ImpossibleError` if there is none."""
    judge = _validator(schema)
    value = _Inventor(schema).value(schema, name, 0)
    if not judge.is_valid(value):
        raise ImpossibleError("it has keywords that the sandbox cannot satisfy")
    return value


def conforms(schema: Schema, value: Any) -> bool:
    """Whether a value is of the schema; raises `ImpossibleError` for what is not a schema."""
    return _validator(schema).is_valid(value)


def _validator(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """A validator of draft 2020-12 with formats, whatever `$schema` says; it fetches no other documents."""
    own = {key: inner for key, inner in schema.items() if key != "$schema"}
    try:
        return jsonschema_rs.Draft202012Validator(own, validate_formats=True, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, RecursionError) as bad:
        raise ImpossibleError(f"it is not a usable JSON Schema: {str(bad).splitlines()[0][:200]}") from None


class _Inventor:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._made = 0

    def value(self, schema: Any, name: str, depth: int, number: int = 0) -> Any:
        """A value of one schema; `number` tells equal siblings apart."""
        self._made += 1
        if depth > _DEEPEST or self._made > _MOST_VALUES:
            raise ImpossibleError("it is nested without end")
        if schema is False:
            raise ImpossibleError("it allows no value in one place")
        if schema is True or not schema:
            return write_string({}, name, number)
        schema = self._flat(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._option(schema, number)
        for either in ("anyOf", "oneOf"):
            if either in schema:
                return self._branch(schema, either, name, depth, number)
        return self._typed(schema, name, depth, number)

    def _typed(self, schema: Schema, name: str, depth: int, number: int) -> Any:
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth, number)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "string":
            return write_string(schema, name, number)
        if kind in ("integer", "number"):
            return write_number(schema, number, whole=kind == "integer")
        if kind == "boolean":
            return number % 2 == 0
        if kind == "null":
            return None
        raise ImpossibleError(f"the type {kind!r} does not exist")

    def _flat(self, schema: Schema) -> Schema:
        """The schema with its reference and its `allOf` merged in."""
        seen: set[str] = set()
        while "$ref" in schema:
            target = str(schema["$ref"])
            if target in seen:
                raise ImpossibleError(f"the reference {target!r} leads to itself")
            seen.add(target)
            rest = {key: inner for key, inner in schema.items() if key != "$ref"}
            schema = _merged(self._resolve(target), rest)
        for part in schema.get("allOf", ()):
            schema = _merged({k: v for k, v in schema.items() if k != "allOf"}, self._flat(part))
        return schema

    def _resolve(self, target: str) -> Schema:
        if not target.startswith("#"):
            raise ImpossibleError(f"the reference {target!r} leads to another document")
        found: Any = self._root
        for step in filter(None, target[1:].split("/")):
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            raise ImpossibleError(f"the reference {target!r} leads nowhere")
        return found

    def _option(self, schema: Schema, number: int) -> Any:
        own = {key: inner for key, inner in schema.items() if "$" not in key and key != "definitions"}
        options = [option for option in schema["enum"] if conforms(own, option)]
        if not options:
            raise ImpossibleError("an 'enum' in it has no value of its own type")
        return options[number % len(options)]

    def _branch(self, schema: Schema, either: str, name: str, depth: int, number: int) -> Any:
        rest = {key: inner for key, inner in schema.items() if key != either}
        branches = [_merged(rest, self._flat(branch)) for branch in schema[either]]
        if depth > _FULL_DEPTH:  # the way out of a schema that refers to itself
            branches.sort(key=lambda branch: _kind(branch) in ("object", "array"))
        reason = ImpossibleError(f"its '{either}' is empty")
        for branch in branches:
            try:
                return self.value(branch, name, depth + 1, number)
            except ImpossibleError as error:
                reason = error
        raise reason

    def _object(self, schema: Schema, depth: int, number: int) -> dict[str, Any]:
        known = schema.get("properties", {})
        required = schema.get("required", ())
        others = schema.get("additionalProperties", True)
        names = [*known] if depth <= _FULL_DEPTH else [name for name in known if name in required]
        made: dict[str, Any] = {}
        for name in dict.fromkeys([*names, *required]):
            try:
                made[name] = self.value(known.get(name, others), name, depth + 1, number)
            except ImpossibleError:
                if name in required:
                    raise
        while len(made) < int(schema.get("minProperties", 0)):
            made[f"key_{len(made) + 1}"] = self.value(others, "text", depth + 1, len(made))
        return made

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        heads, rest = schema.get("prefixItems", ()), schema.get("items", True)
        least = int(schema.get("minItems", 0))
        size = max(least, len(heads), 1 if depth <= _FULL_DEPTH and rest is not False else 0)
        size = min(size, int(schema.get("maxItems", size)))
        made: list[Any] = []
        for index in range(size):
            inner = heads[index] if index < len(heads) else rest
            try:
                made.append(self.value(inner, name, depth + 1, index))
            except ImpossibleError:
                if index < least:
                    raise
                break
        return made


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = next((_OF_KEYWORD[key] for key in schema if key in _OF_KEYWORD), "string")
    return str(kind)


def _merged(first: Schema, second: Schema) -> Schema:
    """Both schemas in one; where both have a keyword that cannot be joined, the second's counts."""
    joined = {**first, **second}
    if "properties" in first and "properties" in second:
        joined["properties"] = {**first["properties"], **second["properties"]}
    if "required" in first and "required" in second:
        joined["required"] = [*first["required"], *second["required"]]
    return joined
