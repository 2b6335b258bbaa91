"""Which URLs an endpoint may have. The addresses behind a name are checked at every attempt."""

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from service.core.http.addresses import Network, literal, may_call

MAX_LENGTH = 2048


def check(url: str, allowed: Sequence[Network]) -> str | None:
    """What is wrong with `url` as a webhook endpoint, in words for its owner; None when nothing is."""
    if len(url) > MAX_LENGTH:
        return f"must have at most {MAX_LENGTH} characters"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "must be printable ASCII without spaces; write other letters percent-encoded or as punycode"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as malformed:
        return f"is not a URL: {malformed}"
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "must look like https://host/path"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user name or password; use the signature to know our calls"
    if parts.fragment or port == 0:
        return "must not have a fragment or port 0"
    return _check_host(parts, allowed)


def _check_host(parts: SplitResult, allowed: Sequence[Network]) -> str | None:
    encrypted = parts.scheme == "https"
    address = literal(parts.hostname or "")
    if address is None:
        # Where the name leads is looked up at each attempt; plain http must then lead into `allowed`.
        return None if encrypted or allowed else "must begin with https://"
    if may_call(address, allowed, public=encrypted):
        return None
    if may_call(address, allowed):
        return "must begin with https://"
    return "names an address that webhooks may not be sent to"
