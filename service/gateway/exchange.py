"""One admitted request: sent to its provider, answered, and charged before the answer is complete."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import msgspec
from aiohttp import ClientResponse
from msgspec import Struct

from service.catalog.price import PriceKind
from service.core import clock
from service.errors import BudgetExceeded, ProviderRefused, TunehouseError, Unavailable, UpstreamFailed
from service.gateway import counts, refusals
from service.gateway.body import Asked
from service.gateway.connections import read_refusal, read_whole
from service.gateway.dialects.base import Dialect, Malformed, Naming
from service.gateway.fields.tags import ENDPOINT, OUTCOME
from service.gateway.metering import amounts, belief
from service.gateway.metering import usage as usages
from service.gateway.metering.allowance import Allowance
from service.gateway.metering.amounts import Terms
from service.gateway.metering.belief import Bounds, Reviews
from service.gateway.metering.meter import Meter
from service.gateway.metering.usage import Usage
from service.gateway.payer import Payer
from service.gateway.refusals import Words
from service.gateway.reply import Reply
from service.gateway.resends.attempt import Attempt
from service.gateway.streaming import pump
from service.gateway.upstream import NeverSent, Upstream

Kept = Callable[[Awaitable[None]], Awaitable[None]]

# Providers answer 404 for minutes after a job has made a model (shared facts on OpenAI's wire, 6.8).
_MODEL_IS_NEW = timedelta(minutes=15)
_GRACE_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
_NOT_READY_RETRY_AFTER_S = 10.0


class Held(Struct, frozen=True):
    """The tokens that money is held for, and the most that the request can use."""

    input_tokens: int
    output_tokens: int
    bounds: Bounds


@dataclass(eq=False)
class Exchange:
    """Everything that one request needs on its way: `hold` its money, then `run` it.

    While `can_be_cut` the task that runs it may be cancelled; afterwards it runs to its end. `answer` is a
    whole answer, which `attempt` keeps before the caller gets it; `is_charged` says if anything was charged.
    """

    dialect: Dialect
    asked: Asked
    caller: Payer
    terms: Terms
    held: Held
    upstream: Upstream
    meter: Meter
    reply: Reply
    subject_id: str
    attempt: Attempt
    began_at: datetime = field(default_factory=clock.now)
    can_be_cut: bool = field(default=False, init=False)
    usage: Usage | None = field(default=None, init=False)
    answer: bytes | None = field(default=None, init=False)
    is_charged: bool = field(default=False, init=False)
    _produced: list[str] = field(default_factory=list, init=False)
    _tier: str | None = field(default=None, init=False)
    _calls: Mapping[PriceKind, int] = field(default_factory=dict, init=False)
    was_left: bool = field(default=False, init=False)
    _was_refused: bool = field(default=False, init=False)
    _may_have_run: bool = field(default=False, init=False)
    _is_settled: bool = field(default=False, init=False)

    async def hold(self) -> None:
        """Reserve the most that the request can cost. Raises `BudgetExceeded`."""
        await self._hold(self.held.input_tokens, self.held.output_tokens)

    async def run(self, kept: Kept) -> None:
        """Run the exchange. Raises the error for the caller, and passes `CancelledError` on.

        Whatever happens, what was used is charged and the hold is gone when this returns or raises; `kept`
        awaits what must not be cancelled on the way.
        """
        self.can_be_cut = True
        try:
            await (self._stream() if self.asked.stream else self._whole())
        except BaseException as failure:
            self.can_be_cut = False
            if not self._is_settled:
                await kept(self._settle_broken(failure))
            raise

    async def give_up(self) -> None:
        """Release the hold of an exchange that never ran."""
        self._is_settled = True
        await self.meter.settle(self.caller, self.subject_id)

    @property
    def tokens_used(self) -> int:
        """Tokens read and written, as far as they were charged."""
        return self.usage.input_tokens + self.usage.output_tokens if self.usage else 0

    async def _whole(self) -> None:
        async with self._answer() as response:
            started = time.perf_counter()
            body = await read_whole(response)
            self.reply.upstream_s += time.perf_counter() - started
        try:
            answer = self.dialect.answer(body, self._naming)
        except Malformed as malformed:
            raise UpstreamFailed(
                "The provider's answer cannot be read.", code="malformed_answer"
            ) from malformed
        self.can_be_cut = False
        self.usage, self._produced = answer.usage, answer.texts
        self._tier, self._calls = answer.tier, answer.calls
        self.answer = answer.body
        await self._settle_complete()
        await self.reply.whole(answer.body)

    async def _stream(self) -> None:
        stream = self.dialect.open(self.asked, self._naming)
        self._produced = stream.texts
        most, encoding = self.held.bounds.output_tokens, self.terms.priced.target.base.encoding
        repeated = self.held.input_tokens * self.asked.echoes
        allowance = Allowance(self.held.output_tokens + repeated, most + repeated, encoding, self._hold_more)
        try:
            async with self._answer() as response:
                ending = await pump(response.content, stream, self.reply, self._words, allowance)
        finally:
            self.usage, self._tier, self._calls = stream.usage, stream.tier, stream.calls
        self.can_be_cut = False
        await self._settle_complete()
        await self.reply.end(ending)

    async def _hold_more(self, output_tokens: int) -> None:
        await self._hold(self.held.input_tokens, output_tokens)

    async def _hold(self, read: int, output_tokens: int) -> None:
        amount_usd = amounts.hold_usd(self.terms, read, output_tokens)
        lost = amounts.lost_use(self.terms, read, output_tokens, self.dialect.path, self.asked.tags)
        await self.meter.hold(self.caller, self.subject_id, amount_usd, lost)

    @asynccontextmanager
    async def _answer(self) -> AsyncIterator[ClientResponse]:
        """Yield the provider's answer of status 200; any other is raised as ours."""
        target = self.terms.priced.target
        body = self.dialect.write(self.asked, target.provider_model)
        is_new = target.tuned is not None and clock.now() - target.tuned.created_at < _MODEL_IS_NEW
        for pause_s in (*(_GRACE_PAUSES_S if is_new else ()), None):
            started = time.perf_counter()
            async with self.upstream.post(self.dialect.path, body) as response:
                self.reply.upstream_s += time.perf_counter() - started
                if response.status == 200:
                    self._was_refused = False
                    yield response
                    return
                error = await self._refusal(response)
            self._was_refused = True
            self._may_have_run = response.status in refusals.FROM_IN_BETWEEN
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

    async def _settle_complete(self) -> None:
        usage, reviews = await self._believed()
        above = await self._cover(usage)
        await self._settle(usage, "complete", {**above, **reviews})

    async def _believed(self) -> tuple[Usage, Reviews]:
        sent_bytes = self.asked.size_bytes  # of a body, which is at least as long as the prompts in it
        produced = max(0, sum(map(len, self._produced)) - sent_bytes * self.asked.echoes)
        seen = {"sent_bytes": sent_bytes, "produced_characters": produced}
        judge = partial(belief.believed, self.usage, self.held.bounds, **seen, count=self._count)
        counts_tokens = belief.needs_count(self.usage, self.held.bounds, **seen)
        return await asyncio.to_thread(judge) if counts_tokens else judge()

    async def _cut_short(self) -> tuple[Usage, Reviews]:
        # A report in mid-stream may be of the beginning alone.
        if not belief.is_missing(self.usage, has_text=any(self._produced)):
            return await self._believed()
        reasons = self.terms.priced.target.base.reasons
        usage, low = belief.cut_short(await self._counted(), self.held.output_tokens, reasons=reasons)
        usage, high = belief.within(usage, self.held.bounds)
        return usage, {**low, **high}

    async def _cover(self, usage: Usage) -> Reviews:
        """Hold what an answer used beyond its hold; the reviews if no budget has that much left."""
        read = max(usage.input_tokens, self.held.input_tokens)
        if read == self.held.input_tokens and usage.output_tokens <= self.held.output_tokens:
            return {}
        try:
            await self._hold(read, max(usage.output_tokens, self.held.output_tokens))
        except BudgetExceeded:
            return belief.above_budget(usage, self.held.output_tokens)
        return {}

    async def _settle_broken(self, failure: BaseException) -> None:
        """Charge what came before the end; nothing if it was refused, else the most it can have used."""
        if self.usage or any(self._produced) or self.was_left:
            usage, reviews = await self._cut_short()
            await self._settle(usage, "left" if self.was_left else "cut", reviews)
        elif not self._may_have_run and (
            self._was_refused or isinstance(failure, NeverSent | ProviderRefused)
        ):
            await self.give_up()
        else:
            reason = "the request was sent and its outcome is unknown"
            counted = await self._counted()
            usage, reviews = belief.uncertain(counted.input_tokens, self.held.output_tokens, reason)
            await self._settle(usage, "uncertain", reviews)

    async def _settle(self, usage: Usage, outcome: str, reviews: Reviews) -> None:
        self._is_settled = self.is_charged = True
        self.usage = usage
        tags = {ENDPOINT: self.dialect.path.removeprefix("/"), OUTCOME: outcome}
        if calls := self._tool_calls():
            usage = msgspec.structs.replace(usage, parts={**usage.parts, **calls})
        charges = amounts.charges(
            usage,
            self.terms,
            self.caller,
            self.subject_id,
            tags,
            request_tags=self.asked.tags,
            answered_tier=self._tier,
            reviews=reviews,
            began_at=self.began_at,
        )
        await self.meter.settle(self.caller, self.subject_id, charges)
        await self.attempt.end(self.answer, is_charged=True)
        counts.used(usage.input_tokens, usage.output_tokens)

    def _tool_calls(self) -> Mapping[PriceKind, int]:
        if self.dialect.shows_calls:
            return self._calls
        return {kind: 1 for kind in self.terms.meters if kind.unit == "calls"}

    async def _counted(self) -> Usage:
        # In a thread: the first count of an encoding loads its tables, which would stop everyone's streams.
        return await asyncio.to_thread(self._count)

    def _count(self) -> Usage:
        base = self.terms.priced.target.base
        try:
            prompt = self.dialect.prompt(self.asked)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return Usage(self.held.input_tokens, 0, counted_by="tunehouse")
        counted = usages.counted(prompt, ["".join(self._produced)], base.encoding)
        repeated = counted.input_tokens * self.asked.echoes
        return msgspec.structs.replace(counted, output_tokens=max(0, counted.output_tokens - repeated))

    @property
    def _naming(self) -> Naming:
        return Naming(self.subject_id, self.terms.priced.target.model_id)

    @property
    def _words(self) -> Words:
        target = self.terms.priced.target
        return Words(self.upstream.clean, target.provider_model, target.model_id)
