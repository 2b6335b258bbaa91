"""Connections to webhook receivers: only to allowed addresses, and only until a deadline.

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

from service.core.http.outbound import BoundedStream
from service.webhooks.addresses import Address, Network, may_call

Resolve = Callable[[str, int], list[Address]]

# getaddrinfo knows no timeout: names that hang fill these threads, not the worker's.
_resolvers = ThreadPoolExecutor(8, thread_name_prefix="resolve")


class AddressRefused(Exception):
    """The host has no address that webhooks may be sent to."""


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
        return self.left_s()

    def left_s(self) -> float:
        """Seconds until then. Raises `httpcore2.TimeoutException` when none are left."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise httpcore2.TimeoutException("out of time")
        return left


class GuardedBackend(httpcore2.NetworkBackend):
    """Resolves, checks and connects; everything it opens ends at the deadline."""

    def __init__(
        self, allowed: Sequence[Network], deadline: Deadline, *, public: bool, resolve: Resolve = resolve
    ) -> None:
        """`public` lets public addresses pass; without it only the `allowed` networks do."""
        self._allowed = allowed
        self._public = public
        self._deadline = deadline
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
        for address in self._checked_addresses(host, port):
            try:
                stream = self._plain.connect_tcp(
                    str(address), port, self._deadline.left_s(), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as unreachable:
                failure = unreachable
            else:
                return BoundedStream(stream, self._deadline.time_left)
        raise failure or NameUnknown(host)

    def _checked_addresses(self, host: str, port: int) -> list[Address]:
        try:
            found = _resolvers.submit(self._resolve, host, port).result(self._deadline.left_s())
        except NotInTime as hanging:
            raise httpcore2.ConnectTimeout("the name was not resolved in time") from hanging
        except (OSError, UnicodeError) as unknown:
            raise NameUnknown(host) from unknown
        passed = [address for address in found if may_call(address, self._allowed, public=self._public)]
        if found and not passed:
            raise AddressRefused(host)
        return passed
