"""The form that carries a file: its description for OpenAPI, its file name, and its errors on the wire."""

from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from service.dataset.form import FormError, PartTooLarge
from service.errors import InvalidRequest, TooLarge, TunehouseError

MAX_FILENAME_CHARS = 255


def plain_name(sent: str) -> str:
    """A file's name without its folders. Raises `ValueError` for one that cannot be kept."""
    name = PurePosixPath(PureWindowsPath(sent).name).name
    if not name or len(name) > MAX_FILENAME_CHARS or not name.isprintable():
        raise ValueError(f"needs a printable name of at most {MAX_FILENAME_CHARS} characters")
    return name


def described(required: list[str], properties: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What OpenAPI says of a route that reads such a form by itself; a property each field."""
    schema = {"type": "object", "required": required, "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def filename_of(sent: str | None, field: str) -> str:
    """The file part's name without its folders. Raises `InvalidRequest` for one that cannot be kept."""
    try:
        return plain_name(sent or field)
    except ValueError as bad:
        raise InvalidRequest(f"The file {bad}.", param=field) from bad


def on_the_wire(bad: FormError) -> TunehouseError:
    """A malformed form as the error that the caller gets."""
    if isinstance(bad, PartTooLarge):
        return TooLarge(bad.message, param=bad.param)
    return InvalidRequest(bad.message, param=bad.param, code=None if bad.param else "invalid_form")
