"""A request's `metadata`, which become tags of its charges."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from service.core.http.wire import Metadata

# The gateway's own tags of a charge.
ENDPOINT, OUTCOME, COUNTED_BY = "endpoint", "outcome", "counted_by"
_OURS = (ENDPOINT, OUTCOME, COUNTED_BY)
_RESERVED = "tunehouse"

_metadata = TypeAdapter(Metadata)


def tags_of(value: Any) -> dict[str, str]:
    """Return the tags. Raises ValueError with what is wrong, as the end of a sentence."""
    if value is None:
        return {}
    try:
        tags: dict[str, str] = _metadata.validate_python(value, strict=True)
    except ValidationError as wrong:
        raise ValueError(
            "must be an object of at most 16 texts, with names of at most 64 characters and values of at "
            f"most 512: {wrong.errors()[0]['msg']}"
        ) from None
    for name in tags:
        if name in _OURS or name.startswith(_RESERVED):
            raise ValueError(
                f"must not have the name {name!r}: {', '.join(map(repr, _OURS))} and names that begin with "
                f"{_RESERVED!r} are Tunehouse's own tags. Choose another name"
            )
    return tags
