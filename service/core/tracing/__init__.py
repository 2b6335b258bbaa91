"""Traces by OpenTelemetry: off, and nothing of it loaded, unless `TUNEHOUSE_TRACES_URL` names a collector.

One trace follows a request over the steps of work that it causes to providers and webhooks. The row of a unit
of work carries the context, because the message that wakes a worker may be lost. Spans have names, times,
routes, ids and statuses, and never contents or keys.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from service.settings import settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from service.core.tracing.recorder import Recorder


class _State:
    """The recorder of this process, if it traces."""

    recorder: "Recorder | None" = None


_state = _State()


def start(process: str) -> None:
    """Begin to trace this process, an `api` or a `worker`, if the settings name a collector."""
    url = settings().traces_url
    if url is not None and _state.recorder is None:
        from service.core.tracing.recorder import Recorder

        _state.recorder = Recorder(process, url, settings().traces_share)


def traced(app: "ASGIApp") -> "ASGIApp":
    """Return the application with a span around each request; it continues the caller's trace."""
    return _state.recorder.traced(app) if _state.recorder else app


def name_request(method: str, route: str) -> None:
    """Name the span of the current request by its route, which is known only when it has been found."""
    if _state.recorder is not None:
        _state.recorder.name_request(method, route)


def watch(engine: Engine) -> None:
    """Give the statements of a database engine spans."""
    if _state.recorder is not None:
        _state.recorder.watch(engine)


def traceparent() -> str | None:
    """Return the current context as W3C's `traceparent`, for what continues it; None outside a trace."""
    return _state.recorder.traceparent() if _state.recorder else None


@contextmanager
def step(kind: str, subject_id: str, cause: str | None) -> Iterator[None]:
    """Record a step of work as part of the trace of its `cause`, a `traceparent`."""
    if _state.recorder is None:
        yield
    else:
        with _state.recorder.step(kind, subject_id, cause):
            yield


@contextmanager
def call(name: str, headers: MutableMapping[str, str], facts: Mapping[str, str]) -> Iterator[None]:
    """Record a call to the outside, and add the trace's context to its headers."""
    if _state.recorder is None:
        yield
    else:
        with _state.recorder.call(name, headers, facts):
            yield
