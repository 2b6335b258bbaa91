"""Errors as pages."""

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import Scope

from service.app.errors import database_away
from service.errors import InvalidRequest, NotFound, NotStorable, ProviderRemoved, TunehouseError
from service.pages.render import Refilled, leave, render
from service.providers.errors import NotConfigured

_HEADINGS = {
    400: "This cannot be done",
    401: "Sign in first",
    403: "You may not do this",
    404: "Not found",
    405: "Not found",
    409: "This cannot be done now",
    413: "Too large",
    429: "Not within the limits",
    502: "The provider failed",
    503: "Not available at the moment",
}


def error_page(scope: Scope, error: TunehouseError) -> Response:
    """Return the page for an error."""
    heading = _HEADINGS.get(error.status, "Something went wrong")
    response = render(Request(scope), "error.html", status=error.status, heading=heading, error=error)
    for name, value in error.headers().items():
        if name != "www-authenticate":
            response.headers[name] = value
    return response


def install(app: FastAPI) -> None:
    """Register the handlers on `app`."""

    @app.exception_handler(TunehouseError)
    def on_ours(request: Request, error: TunehouseError) -> Response:
        if error.error_code == "team_required":
            return leave(request, "/teams/choose", "Choose a team first.")
        return error_page(request.scope, error)

    @app.exception_handler(Refilled)
    def on_refilled(_: Request, refilled: Refilled) -> Response:
        return refilled.response

    @app.exception_handler(RequestValidationError)
    def on_invalid(request: Request, _: RequestValidationError) -> Response:
        return error_page(request.scope, InvalidRequest("The address of this page has an invalid value."))

    @app.exception_handler(HTTPException)
    def on_http(request: Request, _: HTTPException) -> Response:
        return error_page(request.scope, NotFound(f"There is no page {request.url.path}."))

    @app.exception_handler(Exception)
    def on_bug(request: Request, _: Exception) -> Response:
        return error_page(request.scope, TunehouseError())

    @app.exception_handler(NotConfigured)
    def on_provider_removed(request: Request, _: NotConfigured) -> Response:
        return error_page(request.scope, ProviderRemoved())

    @app.exception_handler(DataError)
    def on_unstorable(request: Request, _: DataError) -> Response:
        return error_page(request.scope, NotStorable())

    @app.exception_handler(PoolTimeout)
    @app.exception_handler(OperationalError)
    def on_database_away(request: Request, error: OperationalError | PoolTimeout) -> Response:
        return error_page(request.scope, database_away(error))
