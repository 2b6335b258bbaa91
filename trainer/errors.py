"""Errors of the wire: one class, one envelope, and the refusals that several routes share.

`{"error": {"message", "type", "param", "code"}}` is the only error body this server ever sends.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response


class ApiError(Exception):
    """A refusal with its HTTP status and the four fields of OpenAI's error object."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.kind = kind
        self.headers = dict(headers or {})

    def body(self) -> dict[str, dict[str, str | None]]:
        """The error in OpenAI's envelope."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        """The error as a JSON response."""
        content = msgspec.json.encode(self.body())
        return Response(content, self.status, headers=self.headers, media_type="application/json")


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A 400; OpenAI uses it where FastAPI would say 422."""
    return ApiError(400, message, param=param, code=code)


def not_found(what: str, ident: str, param: str = "id") -> ApiError:
    """A 404 for an object that does not exist."""
    return ApiError(404, f"No such {what} object: {ident}", param=param)


def no_such_model(model: str) -> ApiError:
    """A 404 for a model that does not exist."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(404, message, code="model_not_found")


def too_slow(timeout_s: float) -> ApiError:
    """A 408 for a body that stops or trickles."""
    return ApiError(408, f"The body did not arrive within {timeout_s:g} s.", code="request_timeout")


def too_large(limit_bytes: int) -> ApiError:
    """A 413 that names the limit in bytes."""
    return ApiError(413, f"The request body is larger than the {limit_bytes} bytes allowed here.")
