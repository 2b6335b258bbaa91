"""What the sandbox makes up is of its schema, by an independent validator; else it says that it cannot."""

import re
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.engines.sandbox.impossible import ImpossibleError
from trainer.engines.sandbox.invent import invent
from trainer.engines.sandbox.patterns import write_match

TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["next", "kids"],
            "additionalProperties": False,
        }
    },
}
BOUND = st.none() | st.integers(-50, 50)
NUMBERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={
        "minimum": st.integers(-50, 0),
        "maximum": st.integers(20, 50),
        "exclusiveMinimum": st.integers(-50, 0),
        "exclusiveMaximum": st.integers(20, 50),
        "multipleOf": st.sampled_from([1, 2, 3, 7]),
    },
)
STRINGS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={"minLength": st.integers(0, 9), "maxLength": st.integers(9, 30)},
) | st.sampled_from(
    [{"type": "string", "format": name} for name in ("date-time", "email", "uuid", "ipv4", "uri", "date")]
)
SIMPLE = (
    NUMBERS | STRINGS | st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"enum": [1, "a", None]}])
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.dictionaries(st.sampled_from("abcd"), inner, max_size=3).map(
        lambda found: {
            "type": "object",
            "properties": found,
            "required": list(found),
            "additionalProperties": False,
        }
    )
    arrays = st.builds(
        lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)
    )
    return objects | arrays | st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": some})


@given(st.recursive(SIMPLE, nested, max_leaves=8))
def test_a_schema_of_the_common_kinds_always_gets_a_value_of_it(schema: dict[str, Any]) -> None:
    assert jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(invent(schema))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (TREE, None),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "uniqueItems": True}, ["a", "b"]),
        ({"type": "integer", "multipleOf": 7, "exclusiveMinimum": 7}, 14),
        ({"type": "string", "pattern": r"^[A-Z]{2}-\d{3}(\.jpg|\.png)$"}, "AA-000.jpg"),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"const": 4}}}]}, {"a": 4}),
        ({"type": ["null", "string"], "maxLength": 3}, "x"),
    ],
)
def test_the_value_is_of_the_schema(schema: dict[str, Any], value: object) -> None:
    found = invent(schema, "x")
    assert value is None or found == value
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(found)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"$ref": "https://example.com/schema.json"},
        {"not": {}},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "number", "minimum": "a"},
        {"type": "string", "format": "phone-number"},
        {"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True},
    ],
)
def test_a_schema_without_a_known_value_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ImpossibleError):
        invent(schema)


@pytest.mark.parametrize(
    "pattern",
    [r"^\+?[1-9]\d{1,14}$", r"[^@\s]+@[^@]+\.com", r"(?:ab|c)?d*", r"[\w-]{3,}", r"\x41\u0042", r"[]a]",
     "a{0}b", r"(?P<x>z)+?"],
)  # fmt: skip
def test_a_text_is_written_for_a_pattern(pattern: str) -> None:
    assert re.search(pattern.replace("(?P<x>", "("), write_match(pattern))


@given(st.text(alphabet="ab(|)[]{1,2}?*+\\d^$.", max_size=12))
def test_any_pattern_is_written_for_or_refused(pattern: str) -> None:
    try:
        text = write_match(pattern)
    except ImpossibleError:
        return
    assert len(text) < 20_000
