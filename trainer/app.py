"""The ASGI application: the wire under `/v1`, `/control` if enabled, and `/healthz`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp

from trainer.errors import ApiError, bad_request
from trainer.inference.chat.routes import create_chat
from trainer.inference.completions.routes import create_completion
from trainer.inference.responses.routes import create_response
from trainer.routes import control, files, jobs, models, tokens, uploads
from trainer.state import TrainerState
from trainer.storage.table import UnknownCursorError
from trainer.web.http import answer
from trainer.web.middleware import Gate

PREFIXES = {"openai": ["/v1"], "azure": ["/v1", "/openai/v1", "/openai"]}
# Azure's SDK asks by deployment in the path, and repeats the model in the body.
ANSWER_PREFIXES = {"openai": [], "azure": ["/openai/deployments/{deployment}"]}


def build_app(state: TrainerState) -> ASGIApp:
    """Build the application around a state that has been built but not started."""
    app = FastAPI(title="Tunehouse trainer", openapi_url=None, redirect_slashes=False)
    app.state.trainer = state
    dialect = state.core.dialect.name
    for prefix in PREFIXES[dialect]:
        for resource in (files, uploads, jobs, models, tokens):
            app.include_router(resource.router, prefix=prefix)
    for prefix in PREFIXES[dialect] + ANSWER_PREFIXES[dialect]:
        # Plain routes: FastAPI's parameter handling would cost more than the answer itself.
        app.add_route(f"{prefix}/chat/completions", create_chat, methods=["POST"])
        app.add_route(f"{prefix}/completions", create_completion, methods=["POST"])
        app.add_route(f"{prefix}/responses", create_response, methods=["POST"])
    if state.core.settings.control:
        app.include_router(control.router)
    app.add_route("/healthz", _health, methods=["GET"])
    app.add_exception_handler(ApiError, _show_api_error)
    app.add_exception_handler(HTTPException, _show_http_error)
    app.add_exception_handler(UnknownCursorError, _show_cursor_error)
    app.add_exception_handler(ClientDisconnect, _show_disconnect)
    app.add_exception_handler(Exception, _show_crash)
    return Gate(app, state)


async def _health(request: Request) -> Response:
    return answer({"status": "ok"})


async def _show_api_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return error.response()


async def _show_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        message = f"Invalid URL ({request.method} {request.url.path})"
        return ApiError(404, message, code="unknown_url").response()
    if error.status_code == 405:
        message = f"Not allowed to {request.method} on {request.url.path}"
        return ApiError(405, message, code="method_not_supported", headers=error.headers).response()
    return ApiError(error.status_code, str(error.detail), headers=error.headers).response()


async def _show_cursor_error(request: Request, error: Exception) -> Response:
    return bad_request(f"There is nothing here with the id '{error}' to continue after.", "after").response()


async def _show_disconnect(request: Request, error: Exception) -> Response:
    return bad_request("The request ended before its body did.").response()


async def _show_crash(request: Request, error: Exception) -> Response:
    message = "The server had an error while processing your request."
    return ApiError(500, message, kind="server_error").response()
