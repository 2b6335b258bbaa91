"""Every error Tunehouse answers with, as one tree.

    TunehouseError                 500  server_error
    ├── InvalidRequest             400  invalid_request_error
    │   ├── PriceUnknown           400  price_unknown
    │   └── NotStorable            400  invalid_value
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

from collections.abc import Mapping, Sequence
from math import ceil
from types import MappingProxyType
from typing import ClassVar


class TunehouseError(Exception):
    """Internal error. Report the x-request-id of this response to your administrator."""

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
        """Return the `error` object of the response body."""
        return {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.error_code,
        }

    def headers(self) -> dict[str, str]:
        """Return the response headers that this error sets."""
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


class NotStorable(InvalidRequest):
    """A value in this request is too large for the database, or has a character that it cannot store."""

    code = "invalid_value"


class Unauthenticated(TunehouseError):
    """Send a valid key as 'Authorization: Bearer th-…'."""

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class Forbidden(TunehouseError):
    """This key does not have permission for this request."""

    status = 403
    type = "invalid_request_error"
    code = "insufficient_permissions"


class QuotaExceeded(Forbidden):
    """This request would exceed a quota of the team. Ask an admin for a higher quota."""

    code = "quota_exceeded"


class TrainingNotAvailable(Forbidden):
    """The provider accepts no new fine-tuning jobs."""

    code = "training_not_available"


class NotFound(TunehouseError):
    """The object does not exist, or does not belong to your team."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"


class MethodNotAllowed(TunehouseError):
    """This path does not support this method."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class RequestTimeout(TunehouseError):
    """The request took too long to arrive."""

    status = 408
    type = "invalid_request_error"
    code = "request_timeout"


class Conflict(TunehouseError):
    """The object's state does not allow this request."""

    status = 409
    type = "invalid_request_error"
    code = "conflict"
    should_retry = False


class TooLarge(TunehouseError):
    """The request body is larger than this route accepts."""

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
        """Add the encodings that this route accepts (RFC 7694)."""
        return super().headers() | {"accept-encoding": ", ".join(self.accepted)}


class RangeNotSatisfiable(TunehouseError):
    """The requested range is outside the content."""

    status = 416
    type = "invalid_request_error"
    code = "range_not_satisfiable"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"The requested range is outside the content's {size_bytes} bytes.", param="range")
        self.size_bytes = size_bytes

    def headers(self) -> dict[str, str]:
        """Add the size, so that the client can choose a valid range."""
        return super().headers() | {"content-range": f"bytes */{self.size_bytes}"}


class HeadersTooLarge(TunehouseError):
    """The request's headers are larger than this server accepts."""

    status = 431
    type = "invalid_request_error"
    code = "headers_too_large"


class RateLimited(TunehouseError):
    """Too many requests. Wait a moment, then try again."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    limits: Mapping[str, str] = MappingProxyType({})

    def headers(self) -> dict[str, str]:
        """Add where the caller's rate limits stand, as `x-ratelimit-*`."""
        return super().headers() | dict(self.limits)


class BudgetExceeded(TunehouseError):
    """The budget cannot cover this request. Ask an admin to raise it."""

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
    """Tunehouse cannot serve this request right now. Try again."""

    status = 503
    type = "server_error"
    code = "service_unavailable"


class ProviderRemoved(Unavailable):
    """The provider of this job or model is not configured at present. Ask an administrator to add it."""

    code = "provider_not_configured"
    should_retry = False


class StorageUnavailable(Unavailable):
    """The place where datasets are stored cannot be reached, or is full."""

    def __init__(self) -> None:
        super().__init__("Storage is unavailable. Send the request again later.", param="storage")
