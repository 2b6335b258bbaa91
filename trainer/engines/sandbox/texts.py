"""Strings for a schema: of a format, of a pattern, or a marked text of the wanted length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer.engines.sandbox.impossible import ImpossibleError
from trainer.engines.sandbox.patterns import write_match

MARK = "[sandbox] "

# The formats of JSON Schema 2020-12, all of them instances that their own rules accept.
_OF_FORMAT = {
    "date-time": "2025-01-01T00:00:00Z",
    "date": "2025-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "sandbox@example.com",
    "idn-email": "sandbox@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/sandbox",
    "uri-reference": "/sandbox",
    "uri-template": "https://example.com/{id}",
    "iri": "https://example.com/sandbox",
    "iri-reference": "/sandbox",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/sandbox",
    "relative-json-pointer": "0/sandbox",
    "regex": "^sandbox$",
    "byte": "c2FuZGJveA==",
    "binary": "sandbox",
    "password": "sandbox",
}
_LONGEST = 100_000


def write_string(schema: Mapping[str, Any], name: str, number: int) -> str:
    """A string of the schema; `name` is its property's, `number` sets equal siblings apart.

    Raises `ImpossibleError`.
    """
    if "pattern" in schema:
        return write_match(str(schema["pattern"]))
    if "format" in schema:
        found = _OF_FORMAT.get(str(schema["format"]))
        if found is None:
            raise ImpossibleError(f"the format {schema['format']!r} is unknown to the sandbox")
        return found
    text = f"{MARK}{name or 'text'}" + (f" {number + 1}" if number else "")
    shortest, longest = int(schema.get("minLength", 0)), int(schema.get("maxLength", _LONGEST))
    if shortest > _LONGEST:
        raise ImpossibleError(f"a text of {shortest} characters is longer than the sandbox writes")
    if len(text) > longest:
        text = (name or "text")[: max(0, longest - len(str(number)))] + (str(number) if number else "")
    return text.ljust(shortest, ".")[:longest]
