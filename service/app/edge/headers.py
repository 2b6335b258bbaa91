"""Check the headers and the target of every request, before its route sees them."""

import re
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.types import Scope

from service.errors import InvalidRequest

Headers = dict[bytes, bytes]

# Headers that must not be repeated: a proxy in front may have checked the value that we do not use.
_SINGLE = frozenset(
    b"authorization content-encoding content-length content-type expect host idempotency-key if-none-match "
    b"if-range last-event-id openai-organization openai-project range x-client-request-id x-forwarded-proto "
    b"x-stainless-retry-count".split()
)
_BAD_ESCAPE = re.compile(rb"%(?![0-9a-fA-F]{2})")


def read_headers(scope: Scope) -> Headers:
    """Map lower-case names to values. Raises `InvalidRequest` for a repeated or unsupported header."""
    found: Headers = {}
    for name, value in scope["headers"]:
        if name in found and name in _SINGLE:
            shown = name.decode("latin-1")
            raise InvalidRequest(
                f"The header {shown} occurs more than once. Send it once.",
                param=shown,
                code="duplicate_header",
            )
        found[name] = value
    if found.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        raise InvalidRequest(
            "The only supported Transfer-Encoding is chunked.",
            param="transfer-encoding",
            code="invalid_header",
        )
    return found


def check_target(scope: Scope) -> None:
    """Refuse a path or query that is not percent-encoded UTF-8, or that contains a NUL."""
    if b"%" in scope["raw_path"]:
        _check(scope["raw_path"], "path")
    query: bytes = scope["query_string"]
    if b"%" in query:
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1"):
            _check_text(value.encode("latin-1"), name)
        if _BAD_ESCAPE.search(query):
            raise InvalidRequest(
                "The query has a '%' that does not start an escape; write it as '%25'.", code="invalid_value"
            )


def has_body(headers: Headers) -> bool:
    """Whether the request has a body."""
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def _check(escaped: bytes, param: str) -> None:
    if _BAD_ESCAPE.search(escaped):
        raise InvalidRequest(
            f"The {param} has a '%' that does not start an escape; write it as '%25'.",
            param=param,
            code="invalid_value",
        )
    _check_text(unquote_to_bytes(escaped), param)


def _check_text(data: bytes, param: str) -> None:
    if b"\x00" in data:
        raise InvalidRequest(
            f"'{param}' must not contain the NUL character.", param=param, code="invalid_value"
        )
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        raise InvalidRequest(f"'{param}' is not valid UTF-8.", param=param, code="invalid_value") from wrong
