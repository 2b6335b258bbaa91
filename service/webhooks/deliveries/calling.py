"""Call one webhook receiver and report the outcome. Only this file opens connections to receivers."""

import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, urlsplit

import httpcore2

from service.core.http.addresses import Network
from service.core.http.guarded import AddressRefused, Deadline, GuardedBackend, NameUnknown, Resolve, resolve
from service.core.http.outbound import BoundedStream
from service.settings.version import VERSION

USER_AGENT = f"Tunehouse/{VERSION}"
READ_BYTES = 64 * 1024  # of an answer's body; the rest is not read
EXCERPT_BYTES = 1024  # of the body of a 2xx, kept for the endpoint's owner


@dataclass(frozen=True)
class Outcome:
    """The outcome of one attempt: a status, or the reason why there is none."""

    status: int | None
    error: str | None
    excerpt: str
    retry_after: str | None
    duration_ms: int

    @property
    def delivered(self) -> bool:
        """Whether the receiver accepted it: any 2xx. A redirect is a failure and is not followed."""
        return self.status is not None and 200 <= self.status < 300


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    timeout_s: float,
    allowed: Sequence[Network],
    resolve: Resolve = resolve,
) -> Outcome:
    """POST a signed JSON body; redirects are not followed, proxies from the environment not used.

    `timeout_s` bounds the whole call, from the look-up of the name to the last byte that is read.
    """
    started = time.monotonic()
    parts = urlsplit(url)
    # Unencrypted calls are for the networks the operator named, never across the internet.
    is_encrypted = parts.scheme == "https"
    time_left = Deadline(timeout_s).time_left
    backend = GuardedBackend(allowed, time_left, public=is_encrypted, resolve=resolve)
    status, error, excerpt, asked = None, None, b"", None
    try:
        with (
            httpcore2.ConnectionPool(ssl_context=tls(), network_backend=backend) as pool,
            pool.stream(
                "POST", _target(parts), headers=_wire_headers(parts, headers), content=body
            ) as answer,
        ):
            stream = answer.extensions.get("network_stream")
            if isinstance(stream, BoundedStream):
                stream.begin_body()
            status, asked, excerpt = answer.status, _header(answer, b"retry-after"), _read(answer)
    except AddressRefused:
        error = "the host has an address that webhooks may not be sent to"
    except httpcore2.TimeoutException:
        error = f"no answer within {timeout_s:g} s"
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as failure:
        error = _in_words(failure)
    if status is not None:  # an answer that has begun counts by its status, whatever became of its body
        error = None if 200 <= status < 300 else f"answered {status}"
    if error is not None:
        # Whatever answered may not be the team's receiver: what it says is not shown to them.
        excerpt = b""
    return Outcome(
        status=status,
        error=error,
        excerpt=excerpt.decode(errors="replace").replace("\x00", "\ufffd"),
        retry_after=asked,
        duration_ms=round((time.monotonic() - started) * 1000),
    )


@cache
def tls() -> ssl.SSLContext:
    """The certificates this process trusts: the system's, or those of `SSL_CERT_FILE`; loaded once."""
    return httpcore2.default_ssl_context()


def _target(parts: SplitResult) -> httpcore2.URL:
    # From its parts, because httpcore2's own parser drops what follows a ';' in the path.
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return httpcore2.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=path)


def _wire_headers(parts: SplitResult, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    ours = {
        "host": parts.netloc.lower(),
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "accept-encoding": "identity",
        "connection": "close",
    }
    return list((ours | dict(headers)).items())


def _header(response: httpcore2.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)


def _read(response: httpcore2.Response) -> bytes:
    """The excerpt of an answer; a timeout on the way keeps what came before it."""
    kept, seen = b"", 0
    try:
        for chunk in response.iter_stream():
            kept = (kept + chunk)[:EXCERPT_BYTES]
            seen += len(chunk)
            if seen >= READ_BYTES:
                break
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
        return kept
    return kept


def _in_words(failure: Exception) -> str:
    """A reason for the endpoint's owner; the exception's own text could reveal our network."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate was not accepted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "the TLS handshake failed"
        if isinstance(cause, ConnectionRefusedError):
            return "the connection was refused"
        cause = cause.__cause__ or cause.__context__
    if isinstance(failure, httpcore2.ProtocolError):
        return "the answer is not valid HTTP"
    if isinstance(failure, NameUnknown):
        return "the host's name could not be resolved"
    if isinstance(failure, httpcore2.ConnectError):
        return "the host could not be reached"
    return "the connection broke before the endpoint answered"
