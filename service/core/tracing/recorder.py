"""Record spans with OpenTelemetry's own packages, and send them by OTLP. `service.core.tracing` loads it."""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.propagate import set_global_textmap
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, StatusCode, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes
from sqlalchemy import Engine

from service.settings.version import VERSION

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_PROBES = "healthz,readyz,metrics"
_HEADER = "traceparent"
_ADDRESSES = ("http.url", "http.target", "url.full")


class Recorder:
    """Traces one process: requests and steps of work, and the statements and calls that they make."""

    def __init__(self, process: str, url: str, share: float) -> None:
        resource = Resource.create({"service.name": f"tunehouse-{process}", "service.version": VERSION})
        provider = TracerProvider(resource=resource, sampler=ParentBased(_Causes(share)))
        provider.add_span_processor(_WithoutQueries())
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
        trace.set_tracer_provider(provider)
        # Only the trace's identity goes to providers and receivers, never baggage.
        self._context = TraceContextTextMapPropagator()
        set_global_textmap(self._context)
        HTTPX2ClientInstrumentor().instrument()  # calls to providers
        AioHttpClientInstrumentor().instrument()  # the gateway's
        self._tracer = trace.get_tracer("tunehouse", VERSION)

    def traced(self, app: "ASGIApp") -> "ASGIApp":
        # It sets a request's address again once the span has started.
        return OpenTelemetryMiddleware(
            app,
            excluded_urls=_PROBES,
            exclude_spans=["receive", "send"],
            server_request_hook=_cut_queries,
        )

    def name_request(self, method: str, route: str) -> None:
        span = trace.get_current_span()
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)

    def watch(self, engine: Engine) -> None:
        # It takes one engine: the primary's, which is the first.
        if not SQLAlchemyInstrumentor().is_instrumented_by_opentelemetry:
            SQLAlchemyInstrumentor().instrument(engine=engine)

    def traceparent(self) -> str | None:
        headers: dict[str, str] = {}
        self._context.inject(headers)
        return headers.get(_HEADER)

    @contextmanager
    def step(self, kind: str, subject_id: str, cause: str | None) -> Iterator[None]:
        context = self._context.extract({_HEADER: cause} if cause else {}, context=Context())
        facts = {"tunehouse.work.kind": kind, "tunehouse.work.subject": subject_id}
        with self._span(f"step {kind}", SpanKind.CONSUMER, facts, context):
            yield

    @contextmanager
    def call(self, name: str, headers: MutableMapping[str, str], facts: Mapping[str, str]) -> Iterator[None]:
        with self._span(name, SpanKind.CLIENT, facts):
            self._context.inject(headers)
            yield

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, facts: Mapping[str, str], context: Context | None = None
    ) -> Iterator[None]:
        # The message of an exception can quote what was sent: only that there was one is recorded.
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=kind,
            attributes=dict(facts),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception:
                span.set_status(StatusCode.ERROR)
                raise


class _WithoutQueries(SpanProcessor):
    """Cuts queries off the addresses of calls and requests."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        _cut_queries(span)


def _cut_queries(span: trace.Span, *_: object) -> None:
    """Keep queries out of spans: they have the tokens of sign-in links, and the signatures of uploads."""
    found = (span.attributes if isinstance(span, ReadableSpan) else None) or {}
    for name in _ADDRESSES:
        if name in found:
            span.set_attribute(name, str(found[name]).partition("?")[0])
    if "url.query" in found:
        span.set_attribute("url.query", "")


class _Causes(Sampler):
    """Begins traces with requests and steps alone: the statements of sweeps and heartbeats have no cause."""

    def __init__(self, share: float) -> None:
        self._share = TraceIdRatioBased(share)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if kind not in (SpanKind.SERVER, SpanKind.CONSUMER):
            return SamplingResult(Decision.DROP)
        return self._share.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        return f"requests and steps, {self._share.get_description()}"
