"""The wanted form of an answer: text, any JSON object, or JSON of a schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from service.dataset.formats.tools import schema_flaw
from trainer.engines.answers import AnswerShape
from trainer.errors import bad_request

ANY_OBJECT = {"type": "object"}
_NAME = re.compile("[A-Za-z0-9_-]{1,64}")
_KINDS = ("text", "json_object", "json_schema")


class _SchemaFormat(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


def read_format(value: Mapping[str, Any] | None, param: str, *, messages: object) -> AnswerShape | None:
    """The shape, None for text; raises a 400 `ApiError`.

    The schema stands under `json_schema` in chat completions and beside `type` in responses. For a
    `json_object`, the `messages` must ask for JSON, as at OpenAI.
    """
    if value is None:
        return None
    kind = value.get("type")
    if kind not in _KINDS:
        raise bad_request(f"Invalid '{param}.type': use {', '.join(_KINDS)}.", f"{param}.type")
    if kind == "json_schema":
        nested = "json_schema" in value
        rest = value["json_schema"] if nested else {k: v for k, v in value.items() if k != "type"}
        return _read_schema(rest, f"{param}.json_schema" if nested else param)
    if extra := next((key for key in value if key != "type"), None):
        raise bad_request(f"Unknown parameter: '{param}.{extra}'.", f"{param}.{extra}", "unknown_parameter")
    if kind == "text":
        return None
    if b"json" not in msgspec.json.encode(messages).lower():
        message = (
            f"'messages' must contain the word 'json' in some form, to use '{param}' of type 'json_object'."
        )
        raise bad_request(message, param)
    return AnswerShape(schema=ANY_OBJECT, param=param)


def _read_schema(given: object, param: str) -> AnswerShape:
    try:
        found = msgspec.convert(given, _SchemaFormat)
    except msgspec.ValidationError as error:
        raise bad_request(f"Invalid '{param}': {error}.", param) from error
    if not _NAME.fullmatch(found.name):
        message = f"Invalid '{param}.name': use 1 to 64 letters, digits, underscores and hyphens."
        raise bad_request(message, f"{param}.name")
    flaw = schema_flaw(_resolved(found.schema), f"{param}.schema", strict=bool(found.strict))
    if flaw:
        message = f"Invalid schema for {found.name!r}: '{flaw.path}' {flaw.message}."
        raise bad_request(message, flaw.path)
    return AnswerShape(schema=found.schema, param=f"{param}.schema")


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with a reference at its top level followed, as of a type that contains itself."""
    target = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    found = schema.get("$defs", {}).get(target) if isinstance(schema.get("$defs"), dict) else None
    return {**found, "$defs": schema["$defs"]} if isinstance(found, dict) else schema
