"""One request that was let in: sent to its provider, answered, and paid for before the answer is complete."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
import structlog
from aiohttp import ClientResponse

from service.catalog.price import PriceKind
from service.core import clock
from service.errors import TunehouseError, Unavailable, UpstreamFailed
from service.gateway import amounts, counts, refusals
from service.gateway import usage as usages
from service.gateway.amounts import Terms
from service.gateway.body import Asked
from service.gateway.connections import read_refusal, read_whole
from service.gateway.dialects.base import Dialect, Malformed, Naming
from service.gateway.meter import Meter
from service.gateway.payer import Payer
from service.gateway.refusals import Words
from service.gateway.reply import Reply
from service.gateway.streaming import pump
from service.gateway.upstream import Upstream
from service.gateway.usage import Usage

log = structlog.get_logger(__name__)

# Providers say 404 for minutes after a job has made a model (shared facts on OpenAI's wire, 6.8).
_MODEL_IS_NEW = timedelta(minutes=15)
_GRACE_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
_NOT_READY_RETRY_AFTER_S = 10.0


@dataclass
class Exchange:
    """Everything that one request needs on its way; money for it is held already.

    While `can_be_left` the caller's leaving may cancel it; afterwards it runs to its end.
    """

    dialect: Dialect
    asked: Asked
    caller: Payer
    terms: Terms
    upstream: Upstream
    meter: Meter
    reply: Reply
    subject_id: str
    can_be_left: bool = field(default=False, init=False)
    usage: Usage | None = field(default=None, init=False)
    _produced: list[str] = field(default_factory=list, init=False)
    _tier: str | None = field(default=None, init=False)
    _calls: Mapping[PriceKind, int] = field(default_factory=dict, init=False)
    _is_settled: bool = field(default=False, init=False)

    async def run(self) -> None:
        """See it through. Raises what the caller is to be told, and passes `CancelledError` on.

        Whatever happens, what was used is charged and the hold is gone when this returns or raises.
        """
        self.can_be_left = True
        try:
            await (self._stream() if self.asked.stream else self._whole())
        except BaseException as failure:
            self.can_be_left = False
            if not self._is_settled:
                await self._settle_part(has_left=isinstance(failure, asyncio.CancelledError))
            raise

    @property
    def tokens_used(self) -> int:
        """Tokens read and written, as far as they were charged."""
        return self.usage.input_tokens + self.usage.output_tokens if self.usage else 0

    async def _whole(self) -> None:
        async with self._answer() as response:
            started = time.perf_counter()
            body = await read_whole(response)
            self.reply.upstream_s += time.perf_counter() - started
        self.can_be_left = False
        try:
            answer = self.dialect.answer(body, self._naming)
        except Malformed as malformed:
            raise UpstreamFailed(
                "The provider's answer cannot be read.", code="malformed_answer"
            ) from malformed
        self.usage, self._produced = answer.usage, answer.texts
        self._tier, self._calls = answer.tier, answer.calls
        await self._settle("complete")
        await self.reply.whole(answer.body)

    async def _stream(self) -> None:
        stream = self.dialect.open(self.asked, self._naming)
        self._produced = stream.texts
        try:
            async with self._answer() as response:
                ending = await pump(response.content, stream, self.reply, self._words)
        finally:
            self.usage, self._tier, self._calls = stream.usage, stream.tier, stream.calls
        self.can_be_left = False
        await self._settle("complete")
        await self.reply.end(ending)

    @asynccontextmanager
    async def _answer(self) -> AsyncIterator[ClientResponse]:
        """The provider's answer of status 200; any other is raised as ours."""
        target = self.terms.priced.target
        body = self.dialect.write(self.asked, target.provider_model)
        is_new = target.tuned is not None and clock.now() - target.tuned.created_at < _MODEL_IS_NEW
        for pause_s in (*(_GRACE_PAUSES_S if is_new else ()), None):
            started = time.perf_counter()
            async with self.upstream.post(self.dialect.path, body) as response:
                self.reply.upstream_s += time.perf_counter() - started
                if response.status == 200:
                    yield response
                    return
                error = await self._refusal(response)
            if not (is_new and response.status == 404):
                raise error
            if pause_s is not None:
                await asyncio.sleep(pause_s)
                self.reply.upstream_s += pause_s
        raise Unavailable(
            f"The model {target.model_id!r} is new and the provider does not serve it yet.",
            param="model",
            code="model_not_ready",
            retry_after_s=_NOT_READY_RETRY_AFTER_S,
        )

    async def _refusal(self, response: ClientResponse) -> TunehouseError:
        body = await read_refusal(response)
        return refusals.from_answer(response.status, response.headers, body, self._words)

    async def _settle_part(self, *, has_left: bool) -> None:
        """Charge for what was produced before it broke off; for nothing when a provider failed at once."""
        if self.usage or self._produced or has_left:
            await self._settle("left" if has_left else "cut")
        else:
            self._is_settled = True
            await self.meter.settle(self.caller, self.subject_id)

    async def _settle(self, outcome: str) -> None:
        self._is_settled = True
        # In a thread: the first count of an encoding loads its tables, which would stop everyone's streams.
        usage = self.usage
        if usage is None:
            usage = self.usage = await asyncio.to_thread(self._count)
        tags = {"endpoint": self.dialect.path.removeprefix("/"), "outcome": outcome}
        usage = msgspec.structs.replace(usage, parts={**usage.parts, **self._tool_calls()})
        charges, doubts = amounts.charges(
            usage, self.terms, self.caller, self.subject_id, tags, answered_tier=self._tier
        )
        if doubts:
            log.warning("usage_doubted", subject_id=self.subject_id, doubts=doubts)
        await self.meter.settle(self.caller, self.subject_id, charges)
        counts.used(usage.input_tokens, usage.output_tokens)

    def _tool_calls(self) -> Mapping[PriceKind, int]:
        if self.dialect.shows_calls:
            return self._calls
        return {kind: 1 for kind in self.terms.meters if kind.unit == "calls"}

    def _count(self) -> Usage:
        base = self.terms.priced.target.base
        try:
            prompt = self.dialect.prompt(self.asked)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return Usage(amounts.input_estimate(self.asked, base.context_tokens), 0, counted_by="tunehouse")
        return usages.counted(prompt, ["".join(self._produced)], base.encoding)

    @property
    def _naming(self) -> Naming:
        return Naming(self.subject_id, self.terms.priced.target.model_id)

    @property
    def _words(self) -> Words:
        target = self.terms.priced.target
        return Words(self.upstream.clean, target.provider_model, target.model_id)
