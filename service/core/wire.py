"""Bases and types that the wire schemas of all features share."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _storable(text: str) -> str:
    """Postgres cannot hold NUL in text; refusing it here names the field."""
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Name = Annotated[Text, Field(min_length=1, max_length=200)]

# OpenAI's bounds: 16 pairs, keys of 64 and values of 512 characters.
Metadata = Annotated[
    dict[Annotated[Text, Field(max_length=64)], Annotated[Text, Field(max_length=512)]], Field(max_length=16)
]


class WireIn(BaseModel):
    """A request body: unknown fields are refused by name rather than ignored."""

    model_config = ConfigDict(extra="forbid")


class WireOut(BaseModel):
    """A response body, built from a row's attributes or by hand."""

    model_config = ConfigDict(from_attributes=True)
