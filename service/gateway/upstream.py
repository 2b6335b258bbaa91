"""Calls to one provider: connections, timeouts, a bound on concurrent requests, a circuit breaker."""

import asyncio
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import aiohttp
import structlog

from service.core.metrics import measures
from service.errors import Unavailable, UpstreamFailed
from service.gateway import counts
from service.gateway.circuit import Circuit, CircuitState
from service.gateway.connections import open_session
from service.providers.bounds import AnswerRefused, check_encoding
from service.providers.port import Endpoint
from service.providers.registry import endpoint_of, provider_settings
from service.providers.scrub import make_clean
from service.settings import ProviderSettings
from service.settings import settings as service_settings

log = structlog.get_logger(__name__)

_CONNECT_TIMEOUT_S = 5.0
_PAUSES_S = (0.05, 0.25)
_FULL_RETRY_AFTER_S = 1.0
_OF_HOLD = 0.9  # so that an answer is settled before its hold expires
_LOOK_AGAIN_AFTER_S = 2.0  # at the provider's settings, whose secrets may be replaced while we run

# These fail before the request is on the wire.
_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
# No byte of an answer came. Other failures may follow a part of one, and are not retried.
_TRY_AGAIN = (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, ConnectionResetError)


class NeverSent(UpstreamFailed):
    """The request did not reach the provider, and so costs nothing."""


class TimedOut(UpstreamFailed):
    """The provider did not answer in time."""

    status = 504
    code = "upstream_timeout"


class Upstream:
    """One provider, as this process sees it."""

    def __init__(
        self, settings: ProviderSettings, endpoint: Endpoint, session: aiohttp.ClientSession
    ) -> None:
        self.name = settings.name
        self.extra_free_fields = settings.extra_free_fields
        self.settings = settings
        self.clean = make_clean((settings.serving_key,), settings.serving_url)
        self.circuit = Circuit()
        self._session = session
        self._base_url = endpoint.base_url
        self._headers = dict(endpoint.headers) | {
            "Content-Type": "application/json",
            # The body is read and rewritten here; a compressed answer is refused.
            "Accept-Encoding": "identity",
        }
        self._proxy = _proxy_for(endpoint.base_url)
        self._timeout = aiohttp.ClientTimeout(
            # Money is held for this long: an answer that goes on beyond it could not be charged.
            total=_OF_HOLD * service_settings().inference_hold_s,
            sock_connect=_CONNECT_TIMEOUT_S,
            sock_read=settings.inference_timeout_s,
        )
        self._most = settings.max_concurrency
        self._under_way = 0
        self._gauge = counts.under_way(self.name)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Reserve room for one request.

        Raises `Unavailable` when there is none, rather than let the caller wait.
        """
        self._check_room()
        self._under_way += 1
        self._gauge.inc()
        try:
            yield
        finally:
            self._under_way -= 1
            self._gauge.dec()

    def _check_room(self) -> None:
        if self._under_way >= self._most:
            raise Unavailable(
                f"The provider '{self.name}' already handles {self._most} requests of this process.",
                param="model",
                code="provider_busy",
                retry_after_s=_FULL_RETRY_AFTER_S,
            )
        away_s = self.circuit.retry_after_s(time.monotonic())
        if away_s:
            raise Unavailable(
                f"The provider '{self.name}' is failing; requests to it are paused.",
                param="model",
                code="provider_failing",
                retry_after_s=away_s,
            )

    @asynccontextmanager
    async def post(self, path: str, body: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; the block reads the answer, and leaving it early drops the connection.

        Raises `UpstreamFailed` when no answer came, one broke off, or one breaks a bound.
        """
        try:
            async with await self._send(path, body) as response:
                check_encoding(response.headers)
                if response.status >= 500:
                    self._note_failure()
                else:
                    self._note_success()
                yield response
        except _NEVER_SENT as unreachable:
            self._note_failure()
            raise NeverSent(
                f"The provider '{self.name}' cannot be reached ({type(unreachable).__name__})."
            ) from unreachable
        except TimeoutError as silence:
            self._note_failure()
            raise TimedOut from silence
        except AnswerRefused as refused:
            self._note_failure()
            raise UpstreamFailed(str(refused), code="malformed_answer") from refused
        except (aiohttp.ClientError, OSError) as broken:
            self._note_failure()
            raise UpstreamFailed(
                f"The connection to the provider '{self.name}' failed ({type(broken).__name__})."
            ) from broken

    async def _send(self, path: str, body: bytes) -> aiohttp.ClientResponse:
        for pause_s in _PAUSES_S:
            try:
                return await self._post(path, body)
            except _TRY_AGAIN:
                await asyncio.sleep(pause_s)
        return await self._post(path, body)

    async def _post(self, path: str, body: bytes) -> aiohttp.ClientResponse:
        started, outcome = time.perf_counter(), "cancelled"
        try:
            response = await self._session.post(
                self._base_url + path,
                data=body,
                headers=self._headers,
                timeout=self._timeout,
                proxy=self._proxy,
                allow_redirects=False,
            )
            outcome = str(response.status)
        except (aiohttp.ClientError, OSError) as failure:
            outcome = type(failure).__name__
            raise
        finally:
            measures.provider_called(self.name, outcome, time.perf_counter() - started)
        return response

    def _note_success(self) -> None:
        was_open = self.circuit.is_open
        self.circuit.succeed()
        if was_open:
            counts.circuit(self.name, is_open=False)

    def _note_failure(self) -> None:
        was_open = self.circuit.is_open
        self.circuit.fail(time.monotonic())
        if self.circuit.is_open and not was_open:
            log.warning("circuit_opened", provider=self.name)
            counts.circuit(self.name, is_open=True)


class Upstreams:
    """The providers called so far, over one connection pool."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._known: dict[str, Upstream] = {}
        self._looked_at: dict[str, float] = {}

    def start(self) -> None:
        """Open the pool; only within the event loop that will use it."""
        self._session = open_session()  # how many run at once is bounded per provider

    async def stop(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def circuits(self) -> dict[str, CircuitState]:
        """Return the circuits of the providers called so far."""
        now = time.monotonic()
        return {name: upstream.circuit.state(now) for name, upstream in list(self._known.items())}

    def find(self, name: str) -> Upstream:
        """Return the provider of that name. Raises `NotConfigured`."""
        known, now = self._known.get(name), time.monotonic()
        if known is not None and now < self._looked_at[name] + _LOOK_AGAIN_AFTER_S:
            return known
        self._looked_at[name] = now
        settings = provider_settings(name)
        if known is None or known.settings != settings:
            assert self._session is not None, "start() comes first"  # noqa: S101 - a caller's mistake
            fresh = Upstream(settings, endpoint_of(settings), self._session)
            fresh.circuit = known.circuit if known else fresh.circuit
            known = self._known[name] = fresh
        return known


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a URL; asked once, for it costs more than a request."""
    parts = urlsplit(url)
    if parts.hostname is None or urllib.request.proxy_bypass(parts.hostname):
        return None
    return urllib.request.getproxies().get(parts.scheme)
