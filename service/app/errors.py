"""Exception handlers: every failure becomes `{"error": {"message", "type", "param", "code"}}`."""

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from service.app.invalid.fields import describe
from service.app.invalid.paths import hint
from service.errors import (
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    NotStorable,
    ProviderRemoved,
    TunehouseError,
    Unavailable,
)
from service.providers.errors import NotConfigured

log = structlog.get_logger(__name__)

DATABASE_AWAY = (OperationalError, PoolTimeout)
_RETRY_SOON_S = 1.0


def answer(error: TunehouseError) -> JSONResponse:
    """Return the response for `error`."""
    return JSONResponse({"error": error.as_wire()}, error.status, error.headers())


def database_away(failure: OperationalError | PoolTimeout) -> Unavailable:
    """Return the error for a database that does not answer or has no free connection, and log it."""
    if isinstance(failure, PoolTimeout):
        log.warning("database_pool_exhausted")
        return Unavailable("All database connections are busy. Try again.", retry_after_s=_RETRY_SOON_S)
    log.error("database_unavailable", reason=str(failure.orig))
    return Unavailable("The database is unavailable. Try again.", retry_after_s=_RETRY_SOON_S)


def _methods(request: Request) -> set[str]:
    """Return every method that some route supports at this path."""
    found = {
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        for route in request.app.routes
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    }
    return found | {"HEAD"} if "GET" in found else found


def _unreadable(cause: Exception) -> InvalidRequest:
    """Return the error for a body that the JSON parser gave up on."""
    if isinstance(cause, RecursionError):
        problem = "it is nested too deeply"
    elif isinstance(cause, UnicodeDecodeError):
        problem = f"byte {cause.start} is not UTF-8"
    else:
        problem = "an integer in it has too many digits"
    return InvalidRequest(f"The body is not valid JSON: {problem}.", code="invalid_json")


def install(app: FastAPI) -> None:
    """Register the handlers on `app`."""

    @app.exception_handler(TunehouseError)
    def on_ours(_: Request, error: TunehouseError) -> JSONResponse:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        api = request.app.openapi()
        routes = api["paths"].get(request.scope["route"].path_format, {})
        operation = routes.get(request.method.lower(), {})
        return answer(describe(error.errors(), operation, api["components"]["schemas"], error.body))

    @app.exception_handler(HTTPException)
    def on_http(request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, TunehouseError):  # FastAPI wraps errors raised while it reads a body
            return answer(error.__cause__)
        if error.status_code == HTTPStatus.NOT_FOUND:
            path = request.url.path
            told = hint(path, request.app.openapi()["paths"])
            return answer(NotFound(f"Unknown request URL: {request.method} {path}.{told}"))
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(sorted(_methods(request)))
            wrong = MethodNotAllowed(
                f"{request.url.path} does not support {request.method}. Supported methods: {allowed}."
            )
            response = answer(wrong)
            response.headers["allow"] = allowed
            return response
        if isinstance(error.__cause__, UnicodeDecodeError | RecursionError | ValueError):
            return answer(_unreadable(error.__cause__))
        return answer(InvalidRequest(str(error.detail)))

    @app.exception_handler(NotConfigured)
    def on_provider_removed(_: Request, error: NotConfigured) -> JSONResponse:
        return answer(ProviderRemoved())

    @app.exception_handler(DataError)
    def on_unstorable(_: Request, error: DataError) -> JSONResponse:
        # Values that the schemas let through, such as a number too large for its column.
        return answer(NotStorable())

    @app.exception_handler(UnicodeEncodeError)
    def on_half_a_character(_: Request, error: UnicodeEncodeError) -> JSONResponse:
        return answer(
            InvalidRequest(
                "Text in this request contains half of a surrogate pair. Send valid Unicode.",
                code="invalid_value",
            )
        )

    @app.exception_handler(PoolTimeout)
    @app.exception_handler(OperationalError)
    def on_database_away(_: Request, error: OperationalError | PoolTimeout) -> JSONResponse:
        return answer(database_away(error))
