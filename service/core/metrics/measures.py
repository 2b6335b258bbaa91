"""What every process counts: requests, calls to providers, steps of work, webhooks, database connections.

None has a label for teams, which would make too many series; the worker's page of the installation has sums
by team (`worker/metrics`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from time import perf_counter

from prometheus_client import Counter, Gauge, Histogram

_WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

_REQUESTS = Counter("tunehouse_http_requests", "Requests that were answered.", ["route", "method", "status"])
_REQUEST_SECONDS = Histogram(
    "tunehouse_http_request_seconds",
    "Time until an answer has ended.",
    ["route"],
    buckets=_WAITS,
)
_CALLS = Counter(
    "tunehouse_provider_calls",
    "Calls to providers; outcome is the HTTP status, or the name of the failure.",
    ["provider", "outcome"],
)
_CALL_SECONDS = Histogram(
    "tunehouse_provider_call_seconds", "Time until a provider began to answer.", ["provider"], buckets=_WAITS
)
_STEPS = Counter(
    "tunehouse_work_steps",
    "Steps that ended: done, failed (and retried), or lost to another worker.",
    ["kind", "outcome"],
)
_STEP_SECONDS = Histogram("tunehouse_work_step_seconds", "How long steps took.", ["kind"], buckets=_WAITS)
_TAKEN_OVER = Counter(
    "tunehouse_work_leases_expired",
    "Leases that ended without their step, and were taken over.",
    ["kind"],
)
_WEBHOOKS = Counter("tunehouse_webhook_attempts", "Calls to webhook endpoints.", ["outcome"])
_CONNECTIONS = Gauge(
    "tunehouse_database_connections_in_use",
    "Database connections that are in use.",
    multiprocess_mode="livesum",
)
_CONNECTIONS_MAX = Gauge(
    "tunehouse_database_connections_max",
    "Most database connections that the processes may use.",
    multiprocess_mode="livesum",
)
_BUILD = Gauge(
    "tunehouse_build_info", "The version, and the schema's revision that it needs.", ["version", "revision"],
    multiprocess_mode="livemax",
)  # fmt: skip

# Finding the labels takes longer than counting.
_requests = cache(_REQUESTS.labels)
_request_seconds = cache(_REQUEST_SECONDS.labels)


def request_answered(route: str, method: str, status: int, seconds: float) -> None:
    """Count a request; `route` is the path's template, never the path itself."""
    _requests(route, method, str(status)).inc()
    _request_seconds(route).observe(seconds)


def provider_called(provider: str, outcome: int | str, seconds: float) -> None:
    """Count a call to a provider."""
    _CALLS.labels(provider, str(outcome)).inc()
    _CALL_SECONDS.labels(provider).observe(seconds)


@contextmanager
def step(kind: str) -> Iterator[None]:
    """Measure a step of work."""
    started = perf_counter()
    try:
        yield
    finally:
        _STEP_SECONDS.labels(kind).observe(perf_counter() - started)


def step_ended(kind: str, outcome: str) -> None:
    """Count a step: `done`, `failed` or `lost`."""
    _STEPS.labels(kind, outcome).inc()


def lease_taken_over(kind: str) -> None:
    """Count a lease that had ended without its step."""
    _TAKEN_OVER.labels(kind).inc()


def webhook_attempted(*, succeeded: bool) -> None:
    """Count a call to a webhook endpoint."""
    _WEBHOOKS.labels("delivered" if succeeded else "failed").inc()


def connections_may_be(count: int) -> None:
    """Note the size of a pool of database connections."""
    _CONNECTIONS_MAX.inc(count)


def connection_used(*_: object) -> None:
    """Count a connection as in use."""
    _CONNECTIONS.inc()


def connection_returned(*_: object) -> None:
    """Count a connection as free again."""
    _CONNECTIONS.dec()


def runs(version: str, revision: str) -> None:
    """Say which version runs in this process."""
    _BUILD.labels(version, revision).set(1)
