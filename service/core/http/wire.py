"""Base classes and types for the wire schemas of all features."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.core.readable import is_readable


def _storable(text: str) -> str:
    """Refuse NUL and lone surrogates, which Postgres cannot store, so that the error names the field."""
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must be valid Unicode; it contains half of a surrogate pair")
    return text


def _readable(name: str) -> str:
    if not is_readable(name):
        raise ValueError("must have visible characters, and no control or formatting characters")
    return name


def _storable_json(value: dict[str, Any]) -> dict[str, Any]:
    _check_json(value, _MOST_NESTED)
    return value


def _check_json(value: Any, levels_left: int) -> None:
    if levels_left < 0:
        raise ValueError(f"must not be nested more than {_MOST_NESTED} levels deep")
    if isinstance(value, str):
        _storable(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _storable(key)
            _check_json(inner, levels_left - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_json(inner, levels_left - 1)


_MOST_NESTED = 32

Text = Annotated[str, AfterValidator(_storable)]
# Of a team, a key, an endpoint: what people read, and must not mistake for another.
Name = Annotated[Text, Field(min_length=1, max_length=200), AfterValidator(_readable)]

# A JSON object that is kept or passed on unchanged.
JsonObject = Annotated[dict[str, Any], AfterValidator(_storable_json)]

# OpenAI's limits: 16 pairs, keys of 64 characters, values of 512.
Metadata = Annotated[
    dict[Annotated[Text, Field(max_length=64)], Annotated[Text, Field(max_length=512)]], Field(max_length=16)
]


class WireIn(BaseModel):
    """A request body. Unknown fields are refused by name, not ignored; docstrings of fields describe them."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class WireOut(BaseModel):
    """A response body, built from a row or field by field; docstrings of fields describe them."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)
