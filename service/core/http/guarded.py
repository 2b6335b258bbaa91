"""Connections to addresses that others chose: only to allowed ones, and only until a deadline.

The name is resolved here, each address is checked, and the connection goes to the address that passed: no
second look-up can answer differently. TLS and the Host header still see the name.
"""

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from ipaddress import ip_address

import httpcore2

from service.core.http.addresses import Address, Network, may_call
from service.core.http.outbound import BoundedStream, TimeLeft

Resolve = Callable[[str, int], list[Address]]

# getaddrinfo knows no timeout: names that hang fill these threads, not the worker's.
_resolvers = ThreadPoolExecutor(8, thread_name_prefix="resolve")


class AddressRefused(Exception):
    """The host has no address that may be called."""


def resolve(host: str, port: int) -> list[Address]:
    """The addresses of `host`, as the system orders them. Raises `OSError` for an unknown name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


class NameUnknown(httpcore2.ConnectError):
    """The host's name has no address."""


class Deadline:
    """A moment on the monotonic clock that every wait of one call shares."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def time_left(self, timeout: float | None, too_late: type[httpcore2.TimeoutException]) -> float | None:
        """See `TimeLeft`: the deadline alone counts, whatever `timeout` a wait has."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise too_late("out of time")
        return left


class GuardedBackend(httpcore2.NetworkBackend):
    """Resolves, checks and connects; each wait keeps to `time_left`, and so do those of its streams."""

    def __init__(
        self, allowed: Sequence[Network], time_left: TimeLeft, *, public: bool, resolve: Resolve = resolve
    ) -> None:
        """`public` lets public addresses pass; without it only the `allowed` networks do."""
        self._allowed = allowed
        self._public = public
        self._time_left = time_left
        self._resolve = resolve
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first checked address that answers.

        Raises `AddressRefused`, and httpcore2's connection errors and timeouts.
        """
        failure: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for address in self._checked_addresses(host, port, timeout):
            try:
                left = self._time_left(timeout, httpcore2.ConnectTimeout)
                stream = self._plain.connect_tcp(str(address), port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as unreachable:
                failure = unreachable
            else:
                return BoundedStream(stream, self._time_left)
        raise failure or NameUnknown(host)

    def _checked_addresses(self, host: str, port: int, timeout: float | None) -> list[Address]:
        left = self._time_left(timeout, httpcore2.ConnectTimeout)
        try:
            found = _resolvers.submit(self._resolve, host, port).result(left)
        except NotInTime as hanging:
            raise httpcore2.ConnectTimeout("the name was not resolved in time") from hanging
        except (OSError, UnicodeError) as unknown:
            raise NameUnknown(host) from unknown
        passed = [address for address in found if may_call(address, self._allowed, public=self._public)]
        if found and not passed:
            raise AddressRefused(host)
        return passed
