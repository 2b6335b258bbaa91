"""Answers in JSON: the trained answer if it is of the schema, else a value made up for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trainer.engines.answers import UNSUPPORTED, AnswerRefusedError, AnswerShape
from trainer.engines.examples import text_of
from trainer.engines.sandbox.impossible import ImpossibleError
from trainer.engines.sandbox.invent import conforms, invent

_ANY = {"type": "object"}
_JSON = json.JSONDecoder()


def write_shape(shape: AnswerShape, trained: str, messages: Sequence[Mapping[str, Any]]) -> str:
    """JSON of the shape; raises `AnswerRefusedError` for a schema that no value can be made up for.

    Where any object will do, it is one of the schema that the messages describe, if they do: clients that use
    JSON mode write their schema into the prompt.
    """
    schema = shape.schema
    if schema == _ANY:
        schema = _described(messages) or _ANY | {"properties": {"answer": {"type": "string"}}}
    try:
        if _is_of(schema, trained):
            return trained
        return msgspec.json.encode(invent(schema, "answer")).decode()
    except ImpossibleError as error:
        message = f"The sandbox cannot answer this schema: {error}."
        raise AnswerRefusedError(message, UNSUPPORTED, shape.param) from error


def write_described(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """JSON of the schema that the messages describe; None if there is none that it can make up a value for.

    Some clients describe the wanted answer in the prompt alone, without a `response_format`.
    """
    try:
        schema = _described(messages)
        return msgspec.json.encode(invent(schema, "answer")).decode() if schema else None
    except ImpossibleError:
        return None


def _described(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The last JSON Schema of an object that stands in a message."""
    found = None
    for message in messages:
        text = text_of(message.get("content"))
        at = text.find("{")
        while at >= 0:
            try:
                value, end = _JSON.raw_decode(text, at)
            except (ValueError, RecursionError):
                value, end = None, at + 1
            if isinstance(value, dict) and value.get("type") == "object" and "properties" in value:
                found = value
            at = text.find("{", end)
    return found


def _is_of(schema: Mapping[str, Any], text: str) -> bool:
    try:
        return conforms(schema, msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError):
        return False
