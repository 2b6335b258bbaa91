"""A request body: the fields that matter here are read, every other value stays the bytes it came in.

The top-level object is taken apart and put together again. A name that occurs twice, or is written with
escapes, reaches the provider once and as we understood it, so a body cannot name one model to us and another
to the provider.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from service.errors import InvalidRequest

Fields = dict[str, Raw]
Probe = TypeVar("Probe", bound=Struct)

# How often the provider's own tools may be called in a request that sets no `max_tool_calls`.
DEFAULT_TOOL_CALLS = 10

_fields = msgspec.json.Decoder(Fields)


class Asked(Struct, frozen=True):
    """A request for model output.

    `answers` is how many will be generated and charged, `max_output_tokens` the limit of each (None: the
    model's), `size_bytes` the length of the body, `prompts` how many texts are to be continued, `echoes` how
    often the answer repeats each of them. `tags` are the caller's, for the request's charges.
    """

    fields: Fields
    model: str
    stream: bool
    wants_usage: bool
    answers: int
    max_output_tokens: int | None
    size_bytes: int
    max_tool_calls: int | None = None
    prompts: int = 1
    echoes: int = 0
    tags: Mapping[str, str] = {}


def read_fields(body: bytes) -> Fields:
    """Return the body's top-level fields. Raises `InvalidRequest` unless it is a JSON object."""
    try:
        return _fields.decode(body)
    except msgspec.ValidationError as wrong:
        raise InvalidRequest(f"The body must be a JSON object: {wrong}.", code="invalid_value") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as malformed:
        raise InvalidRequest(f"The body is not valid JSON: {malformed}.", code="invalid_json") from None


def read_probe(body: bytes, decoder: msgspec.json.Decoder[Probe]) -> Probe:
    """Return the typed fields of a body. Raises `InvalidRequest` that names the field."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as wrong:
        problem, _, path = str(wrong).partition(" - at `$.")
        param = path.rstrip("`") or None
        if param is None and "missing required field" in problem:
            param = problem.split("`")[1]
        where = f"'{param}' in the body" if param else "The body"
        raise InvalidRequest(f"{where}: {problem}.", param=param, code="invalid_value") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as malformed:
        raise InvalidRequest(f"The body is not valid JSON: {malformed}.", code="invalid_json") from None


def raw(value: Any) -> Raw:
    """Return a value of ours to put among the fields."""
    return Raw(msgspec.json.encode(value))


def write(fields: Fields, **changed: Raw) -> bytes:
    """Return a body of these fields with some of them changed or added."""
    return msgspec.json.encode(fields | changed)
