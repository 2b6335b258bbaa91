"""The multipart form of an upload: its OpenAPI description, its file name, and its errors."""

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from service.core.readable import is_readable
from service.errors import InvalidRequest, TooLarge, TunehouseError

if TYPE_CHECKING:
    from service.dataset.form import FormError

MAX_FILENAME_CHARS = 255


def plain_name(sent: str) -> str:
    """Return a file name without its folders. Raises `ValueError` if it is not readable or too long."""
    name = PurePosixPath(PureWindowsPath(sent).name).name
    if not name or len(name) > MAX_FILENAME_CHARS or not is_readable(name):
        raise ValueError(f"needs a printable name of at most {MAX_FILENAME_CHARS} characters")
    return name


def described(required: list[str], properties: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the OpenAPI description of a route that parses its form itself; one property per field."""
    schema = {"type": "object", "required": required, "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def filename_of(sent: str | None, field: str) -> str:
    """Return the file part's name without its folders. Raises `InvalidRequest` if it is not valid."""
    try:
        return plain_name(sent or field)
    except ValueError as bad:
        raise InvalidRequest(f"The file {bad}.", param=field) from bad


def on_the_wire(bad: "FormError") -> TunehouseError:
    """Return the API error for a malformed form."""
    from service.dataset.form import PartTooLarge

    if isinstance(bad, PartTooLarge):
        return TooLarge(bad.message, param=bad.param)
    return InvalidRequest(bad.message, param=bad.param, code=None if bad.param else "invalid_form")
