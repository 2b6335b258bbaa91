"""The gateway: admits inference requests, runs their exchanges, and reports failures.

    caller ─► model and prices ─► sent before? ─► rate limits ─► provider has room ─► money held ─► exchange

It is plain ASGI, because FastAPI's request and response handling would cost more than the rest of it.
"""

import time
from datetime import timedelta

import msgspec
import structlog
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.types import Receive, Scope, Send

from service.core.http.in_flight import InFlight
from service.core.ids import new_id
from service.errors import InvalidRequest, NotStorable, TunehouseError, Unavailable
from service.gateway import counts
from service.gateway.attendance import Attendance
from service.gateway.body import Asked
from service.gateway.callers import Callers
from service.gateway.circuit import CircuitState
from service.gateway.dialects.base import Dialect
from service.gateway.exchange import Exchange, Held
from service.gateway.fields.examine import Demand, examine
from service.gateway.limits import window as limits
from service.gateway.limits.window import Limits
from service.gateway.metering import amounts, belief
from service.gateway.metering.amounts import Terms
from service.gateway.metering.meter import Meter
from service.gateway.payer import Payer
from service.gateway.reply import STANDS_IN, Reply
from service.gateway.resends.attempt import Attempt, CallerLeft
from service.gateway.resends.marks import Mark
from service.gateway.targets import Targets
from service.gateway.upstream import Upstreams
from service.providers.kinds.capabilities import capabilities_of
from service.settings import Settings

log = structlog.get_logger(__name__)

_RETRY_SOON_S = 1.0
PAYER = "payer"  # the key in a request's state under which the pages name who pays


class Gateway:
    """One per process, within one event loop."""

    def __init__(self, settings: Settings, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._default_tokens = settings.inference_default_output_tokens
        self._callers = Callers(settings.inference_cache_s)
        self._targets = Targets(settings.inference_cache_s)
        self._limits = Limits(settings)
        self._meter = Meter(settings.inference_hold_s)
        self._longest = timedelta(seconds=settings.inference_hold_s)
        self._upstreams = Upstreams()
        self._attendance = Attendance()

    def start(self) -> None:
        """Connect to the database and open the connection pool."""
        self._meter.start()
        self._upstreams.start()

    async def cut(self) -> None:
        """Cut the requests in progress, and return once they are settled."""
        await self._attendance.stop()

    async def stop(self) -> None:
        """Cut and settle what is still in progress, and close all connections."""
        await self.cut()
        await self._meter.stop()
        await self._upstreams.stop()
        await self._limits.close()

    def circuits(self) -> dict[str, CircuitState]:
        """The circuits of the providers that this process has called."""
        return self._upstreams.circuits()

    async def serve(self, dialect: Dialect, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        reply = Reply(send, time.perf_counter())
        try:
            await self._serve(dialect, scope, receive, reply)
        except TunehouseError as error:
            await _send_error(reply, dialect, error)
        except DataError:
            await _send_error(reply, dialect, NotStorable())
        except (OperationalError, PoolTimeout) as away:
            log.error("database_unavailable", reason=type(away).__name__)
            away_error = Unavailable("The database is not available.", retry_after_s=_RETRY_SOON_S)
            await _send_error(reply, dialect, away_error)
        except CallerLeft:
            log.info("caller_left")
        finally:
            counts.answered(dialect.path.removeprefix("/"), reply.status, reply.ours_s)

    async def _serve(self, dialect: Dialect, scope: Scope, receive: Receive, reply: Reply) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        caller: Payer = scope["state"].get(PAYER) or await self._callers.find(
            _text(headers.get(b"authorization")), _text(headers.get(b"openai-project"))
        )
        with self._in_flight.entered(caller.counted_as, caller.most_in_flight):
            await self._serve_admitted(caller, headers, dialect, receive, reply)

    async def _serve_admitted(
        self, caller: Payer, headers: dict[bytes, bytes], dialect: Dialect, receive: Receive, reply: Reply
    ) -> None:
        body = await _read(receive)
        asked = dialect.ask(body)
        priced = await self._targets.find(caller.team_id, asked.model)
        structlog.contextvars.bind_contextvars(
            key_id=caller.key_id, team_id=caller.team_id, model=priced.target.model_id
        )
        if priced.target.base.stands_in:
            reply.headers.append(STANDS_IN)
        upstream = self._upstreams.find(priced.target.provider)
        demand = examine(asked.fields, dialect.table, upstream.extra_free_fields, upstream.name)
        terms = amounts.terms(asked, demand, priced)
        dialect.pin(demand.fields, demand.meters, capabilities_of(priced.target.base.provider_kind))
        asked = msgspec.structs.replace(asked, fields=demand.fields, tags=demand.tags)
        held = self._held(asked, demand, terms)
        mark, subject_id = Mark(headers, dialect.path, body), new_id(dialect.id_prefix)
        attempt = Attempt(caller, mark, subject_id, stream=asked.stream, longest=self._longest)
        earlier = await attempt.earlier_answer(receive, lambda: self._attendance.has_stopped)
        if earlier is not None:
            await reply.whole(earlier, headers=[(b"idempotent-replayed", b"true")])
            await attempt.delivered()
            return
        exchange = Exchange(
            dialect, asked, caller, terms, held, upstream, self._meter, reply, subject_id, attempt
        )
        try:
            await self._run(exchange, attempt, receive)
        finally:
            await attempt.end(exchange.answer, is_charged=exchange.is_charged)

    async def _run(self, exchange: Exchange, attempt: Attempt, receive: Receive) -> None:
        expected = exchange.held.input_tokens + exchange.held.output_tokens
        taken = await self._limits.take(exchange.caller, expected)
        exchange.reply.headers += limits.headers(taken)
        try:
            with exchange.upstream.slot():
                await exchange.hold()
                await self._attendance.run(exchange, receive, attempt.caller_left)
        finally:
            self._limits.correct(taken, exchange.tokens_used - expected)

    def _held(self, asked: Asked, demand: Demand, terms: Terms) -> Held:
        context = terms.priced.target.base.context_tokens
        reads = amounts.input_estimate(asked, context)
        writes = amounts.output_estimate(asked, context, self._default_tokens)
        return Held(reads, writes, belief.bounds(asked, demand, terms))


async def _read(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    if message["type"] == "http.disconnect":
        raise InvalidRequest("The connection was closed before the body was complete.")
    return b"".join(parts) if len(parts) > 1 else body


def _text(header: bytes | None) -> str | None:
    return header.decode("latin-1") if header is not None else None


async def _send_error(reply: Reply, dialect: Dialect, error: TunehouseError) -> None:
    if reply.has_begun:
        await reply.end(dialect.error_event(error))
    else:
        await reply.refuse(error)
