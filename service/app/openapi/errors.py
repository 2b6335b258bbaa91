"""Which errors each operation may answer with, as OpenAPI responses made from the error tree."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, Field

from service import errors
from service.errors import TunehouseError

Operation = Mapping[str, Any]

Kinds = set[type[TunehouseError]]

_ANY: Kinds = {errors.InvalidRequest, errors.HeadersTooLarge, TunehouseError, errors.Unavailable}
_WITH_KEY: Kinds = {errors.Unauthenticated, errors.NotFound, errors.RateLimited}
_WITH_SCOPE: Kinds = {errors.Forbidden}
_WITH_BODY: Kinds = {errors.RequestTimeout, errors.TooLarge, errors.UnsupportedEncoding}
_OF_WRITES: Kinds = {errors.Conflict, errors.BudgetExceeded}
_OF_RANGES: Kinds = {errors.RangeNotSatisfiable}
_OF_INFERENCE: Kinds = {errors.BudgetExceeded, errors.UpstreamFailed}
_ALL = _ANY | _WITH_KEY | _WITH_SCOPE | _WITH_BODY | _OF_WRITES | _OF_RANGES | _OF_INFERENCE
_REF = "#/components/responses/"


class ErrorDetail(BaseModel):
    """What is wrong, where, and what to do."""

    message: str = Field(description="What is wrong, what is allowed, and what to do.")
    type: str = Field(description="The group of errors, as OpenAI names it.")
    param: str | None = Field(description="The field, parameter or header that the error is about.")
    code: str | None = Field(description="The kind of error, for programs. See the guide on errors.")


class Error(BaseModel):
    """The body of every response with a status of 400 or more."""

    error: ErrorDetail = Field(description="The error.")


def error_responses(operation: Operation, method: str, *, is_inference: bool) -> dict[str, Any]:
    """Return the error responses of an operation, by status, as references to `error_components`."""
    found = set(_ANY)
    if operation["security"]:
        found |= _WITH_KEY
    if any(scopes for one in operation["security"] for scopes in one.values()):
        found |= _WITH_SCOPE
    if any(one["in"] == "path" for one in operation.get("parameters", ())):
        found.add(errors.NotFound)
    if method != "get":
        found |= _WITH_BODY
        if operation["security"] and not is_inference:
            found |= _OF_WRITES
    if _takes_ranges(operation):
        found |= _OF_RANGES
    if is_inference:
        found |= _OF_INFERENCE
    statuses = sorted({error.status for error in found})
    return {str(status): {"$ref": f"{_REF}{_component(status)}"} for status in statuses}


def error_components() -> dict[str, Any]:
    """Return one OpenAPI response per status, described by the docstrings of its errors."""
    return {_component(status): _response(status) for status in sorted({error.status for error in _ALL})}


def _response(status: int) -> dict[str, Any]:
    kinds = sorted((error for error in _ALL if error.status == status), key=lambda error: error.__name__)
    described = " ".join(f"{(kind.__doc__ or '').strip()}" for kind in kinds)
    return {
        "description": described,
        "headers": dict(_headers(status)),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _headers(status: int) -> Iterator[tuple[str, Any]]:
    yield "x-request-id", _header("Identifies the request in the logs.", "string")
    if status in (429, 503):
        yield "retry-after", _header("Seconds to wait before the next attempt, if waiting helps.", "integer")
    if status in (409, 429):
        yield "x-should-retry", _header("`false` if sending the request again cannot help.", "string")
    if status == 429:
        for unit in ("requests", "tokens"):
            yield f"x-ratelimit-limit-{unit}", _header(f"The limit of {unit} per minute.", "integer")
            yield f"x-ratelimit-remaining-{unit}", _header(f"The {unit} that are left.", "integer")
            yield f"x-ratelimit-reset-{unit}", _header("When the limit is free again, as 1.5s.", "string")
    if status == 401:
        yield "www-authenticate", _header("The scheme of keys: `Bearer`.", "string")


def _header(description: str, kind: Literal["string", "integer"]) -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


def _takes_ranges(operation: Operation) -> bool:
    return any(one["in"] == "header" and one["name"] == "range" for one in operation.get("parameters", ()))


def _component(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")
