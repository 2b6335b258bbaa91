"""Every error Tunehouse answers with, as one tree.

    TunehouseError                 500  server_error
    ├── InvalidRequest             400  invalid_request_error
    │   └── PriceUnknown           400  price_unknown
    ├── Unauthenticated            401  invalid_api_key
    ├── Forbidden                  403  insufficient_permissions
    │   ├── QuotaExceeded          403  quota_exceeded
    │   └── TrainingNotAvailable   403  training_not_available
    ├── NotFound                   404  not_found
    ├── MethodNotAllowed           405  method_not_allowed
    ├── RequestTimeout             408  request_timeout
    ├── Conflict                   409  conflict
    ├── TooLarge                   413  request_too_large
    ├── UnsupportedEncoding        415  unsupported_content_encoding
    ├── RangeNotSatisfiable        416  range_not_satisfiable
    ├── HeadersTooLarge            431  headers_too_large
    ├── RateLimited                429  rate_limit_exceeded
    ├── BudgetExceeded             429  budget_exceeded
    ├── UpstreamFailed             502  upstream_error
    │   └── ProviderRefused        the provider's status, type and code
    └── Unavailable                503  service_unavailable

The class docstring is the default message. `service.app.errors` turns each into
`{"error": {"message", "type", "param", "code"}}`; foreign exceptions are mapped to one of these
at the boundary that meets them.
"""

from collections.abc import Sequence
from math import ceil
from typing import ClassVar


class TunehouseError(Exception):
    """Something went wrong on our side; the request id helps us find it."""

    status: int = 500
    type: str = "server_error"
    code: ClassVar[str | None] = None
    # None leaves the decision to the client; the openai SDK re-sends 408, 409, 429 and 5xx otherwise.
    should_retry: ClassVar[bool | None] = None

    def __init__(
        self,
        message: str | None = None,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.param = param
        self.error_code = code or self.code
        self.retry_after_s = retry_after_s
        super().__init__(self.message)

    def as_wire(self) -> dict[str, str | None]:
        """The `error` object of the wire."""
        return {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.error_code,
        }

    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        headers: dict[str, str] = {}
        if self.should_retry is not None:
            headers["x-should-retry"] = str(self.should_retry).lower()
        if self.retry_after_s is not None:
            headers["retry-after"] = str(ceil(self.retry_after_s))
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return headers


class InvalidRequest(TunehouseError):
    """The request is not valid."""

    status = 400
    type = "invalid_request_error"


class PriceUnknown(InvalidRequest):
    """No price is known for this use; an admin can add one with POST /v1/prices."""

    code = "price_unknown"


class Unauthenticated(TunehouseError):
    """Send a valid key as 'Authorization: Bearer th-…'."""

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class Forbidden(TunehouseError):
    """This key may not do that."""

    status = 403
    type = "invalid_request_error"
    code = "insufficient_permissions"


class QuotaExceeded(Forbidden):
    """The team's quota does not allow another one."""

    code = "quota_exceeded"


class TrainingNotAvailable(Forbidden):
    """The provider takes no new fine-tuning jobs."""

    code = "training_not_available"


class NotFound(TunehouseError):
    """There is no such thing, or it is not yours."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"


class MethodNotAllowed(TunehouseError):
    """This path does not take that method."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class RequestTimeout(TunehouseError):
    """The request took too long to arrive."""

    status = 408
    type = "invalid_request_error"
    code = "request_timeout"


class Conflict(TunehouseError):
    """The thing is not in a state that allows this."""

    status = 409
    type = "invalid_request_error"
    code = "conflict"
    should_retry = False


class TooLarge(TunehouseError):
    """The request body is larger than this route takes."""

    status = 413
    type = "invalid_request_error"
    code = "request_too_large"


class UnsupportedEncoding(TunehouseError):
    """The body's Content-Encoding is not supported here."""

    status = 415
    type = "invalid_request_error"
    code = "unsupported_content_encoding"

    def __init__(self, message: str, *, accepted: Sequence[str]) -> None:
        super().__init__(message, param="content-encoding")
        self.accepted = accepted

    def headers(self) -> dict[str, str]:
        """With the encodings that a request may have (RFC 7694)."""
        return super().headers() | {"accept-encoding": ", ".join(self.accepted)}


class RangeNotSatisfiable(TunehouseError):
    """The requested range lies outside the content."""

    status = 416
    type = "invalid_request_error"
    code = "range_not_satisfiable"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"The range lies outside the {size_bytes} bytes of the content.", param="range")
        self.size_bytes = size_bytes

    def headers(self) -> dict[str, str]:
        """With the size, for a better range."""
        return super().headers() | {"content-range": f"bytes */{self.size_bytes}"}


class HeadersTooLarge(TunehouseError):
    """The request's headers are larger than this server takes."""

    status = 431
    type = "invalid_request_error"
    code = "headers_too_large"


class RateLimited(TunehouseError):
    """Too many requests in too short a time."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class BudgetExceeded(TunehouseError):
    """The budget does not cover this."""

    status = 429
    type = "insufficient_quota"
    code = "budget_exceeded"
    should_retry = False


class UpstreamFailed(TunehouseError):
    """The provider failed to answer."""

    status = 502
    type = "server_error"
    code = "upstream_error"


class ProviderRefused(UpstreamFailed):
    """The provider refused the request."""

    def __init__(
        self,
        message: str | None,
        *,
        status: int,
        type: str,
        code: str | None,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, param=param, retry_after_s=retry_after_s)
        self.status = status
        self.type = type
        self.error_code = code


class Unavailable(TunehouseError):
    """Tunehouse cannot serve this right now."""

    status = 503
    type = "server_error"
    code = "service_unavailable"
