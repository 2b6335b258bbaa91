"""Requests and tokens per minute, by key and by team, counted in Valkey for all api processes together.

Without Valkey every request passes: limits share the provider fairly, and Postgres guards the money.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import structlog
from redis.exceptions import RedisError

from service.errors import RateLimited
from service.gateway.batches import Batches
from service.gateway.limits import actions as own_limits
from service.gateway.limits.actions import LimitOwner
from service.gateway.limits.script import Script
from service.gateway.payer import Payer, Unit
from service.settings import Settings
from service.settings.redis import parse

log = structlog.get_logger(__name__)

_SCRIPT = (Path(__file__).parent / "limits.lua").read_text()
_TIMEOUT_S = 0.25
_STAY_AWAY_S = 1.0
_CORRECT_WITHIN_S = 0.1
_UNITS: dict[Unit, bytes] = {"requests": b"requests", "tokens": b"tokens"}


class TokenBucket(NamedTuple):
    """One limit that a request counts against."""

    scope: LimitOwner
    subject_id: str
    unit: Unit
    allowance: int

    @property
    def name(self) -> str:
        """Its key in Valkey."""
        return f"tunehouse:limit:{self.subject_id}:{self.unit}"


class Standing(NamedTuple):
    """A bucket after a request; `reset_ms` is until it is full, or until a refused request would fit."""

    bucket: TokenBucket
    remaining: int
    reset_ms: int


class _Ask(NamedTuple):
    buckets: Sequence[TokenBucket]
    costs: Sequence[int]
    is_forced: bool


_Answer = tuple[int, Sequence[Standing]]
_NO_LIMITS: _Answer = (0, ())


class Limits:
    """The limits of keys and teams. What comes while Valkey is being asked is asked about together."""

    def __init__(self, settings: Settings) -> None:
        self._usual = own_limits.by_settings(settings)
        self._script = Script(_SCRIPT, parse(settings.redis_url.get_secret_value()), _TIMEOUT_S)
        self._batches: Batches[_Ask, _Answer] = Batches(self._write)
        self._corrections: Counter[TokenBucket] = Counter()
        self._away_until = 0.0

    async def close(self) -> None:
        """Count what is left, and let go of the connection."""
        self._send_corrections()
        await self._batches.stop()
        await self._script.close()

    async def take(self, caller: Payer, tokens: int) -> Sequence[Standing]:
        """Count a request of about so many tokens. Raises `RateLimited`; empty without limits."""
        buckets = self._buckets(caller)
        if not buckets:
            return ()
        costs = [1 if bucket.unit == "requests" else tokens for bucket in buckets]
        refused, standings = await self._batches.submit(_Ask(buckets, costs, False))
        if refused:
            refusal = _refusal(standings[refused - 1])
            refusal.limits = {name.decode(): value.decode() for name, value in headers(standings)}
            raise refusal
        return standings

    def correct(self, taken: Sequence[Standing], tokens: int) -> None:
        """Correct the tokens of what `take` returned by `tokens`, with the next request or soon."""
        for bucket, *_ in taken:
            if bucket.unit == "tokens" and tokens:
                if not self._corrections:
                    asyncio.get_running_loop().call_later(_CORRECT_WITHIN_S, self._send_corrections)
                self._corrections[bucket] += tokens

    def _buckets(self, caller: Payer) -> list[TokenBucket]:
        found = []
        for (owner, unit), usual in self._usual.items():
            subject_id = caller.key_id if owner == "key" else caller.team_id
            allowance = caller.limits.get((subject_id, unit), usual)
            if allowance is not None:
                found.append(TokenBucket(owner, subject_id, unit, allowance))
        return found

    def _send_corrections(self) -> None:
        if self._corrections:
            self._batches.submit(self._correction())

    def _correction(self) -> _Ask:
        """Return the corrections so far as one request, whose answer nobody needs."""
        corrections, self._corrections = self._corrections, Counter()
        return _Ask(list(corrections), list(corrections.values()), True)

    async def _write(self, asks: Sequence[_Ask]) -> Sequence[_Answer]:
        everything = [*asks, self._correction()] if self._corrections else asks
        numbers = await self._numbers(everything)
        if numbers is None:
            return [_NO_LIMITS] * len(asks)
        return [_read(ask.buckets, numbers) for ask in asks]

    async def _numbers(self, asks: Sequence[_Ask]) -> Iterator[int] | None:
        """The script's answer, or None when Valkey is away."""
        if time.monotonic() < self._away_until:
            return None
        keys = [bucket.name for ask in asks for bucket in ask.buckets]
        try:
            answer = await self._script.run(keys, " ".join(map(_argument, asks)))
        except (RedisError, OSError) as away:
            log.warning("rate_limits_not_applied", reason=type(away).__name__)
            self._away_until = time.monotonic() + _STAY_AWAY_S
            return None
        return map(int, answer.split())


def _argument(ask: _Ask) -> str:
    buckets = zip(ask.buckets, ask.costs, strict=True)
    return f"{len(ask.buckets)} {ask.is_forced:d} " + " ".join(
        [f"{bucket.allowance} {cost}" for bucket, cost in buckets]
    )


def _read(buckets: Sequence[TokenBucket], numbers: Iterator[int]) -> _Answer:
    refused = next(numbers)
    return refused, [Standing(bucket, next(numbers), next(numbers)) for bucket in buckets]


def _refusal(standing: Standing) -> RateLimited:
    bucket, wait_s = standing.bucket, standing.reset_ms / 1000
    return RateLimited(
        f"Rate limit reached for this {bucket.scope}: {bucket.allowance} {bucket.unit} per minute, "
        f"of which {standing.remaining} remain. Try again in {wait_s:.3g} s.",
        param=bucket.scope,
        retry_after_s=wait_s,
    )


def headers(standings: Iterable[Standing]) -> list[tuple[bytes, bytes]]:
    """`x-ratelimit-*` as OpenAI sends them, of each unit's tighter limit."""
    tightest: dict[Unit, Standing] = {}
    for standing in standings:
        other = tightest.get(standing.bucket.unit)
        if other is None or standing.remaining < other.remaining:
            tightest[standing.bucket.unit] = standing
    return [
        pair
        for unit, standing in tightest.items()
        for pair in (
            (b"x-ratelimit-limit-" + _UNITS[unit], b"%d" % standing.bucket.allowance),
            (b"x-ratelimit-remaining-" + _UNITS[unit], b"%d" % standing.remaining),
            (b"x-ratelimit-reset-" + _UNITS[unit], _duration(standing.reset_ms)),
        )
    ]


def _duration(milliseconds: int) -> bytes:
    """As OpenAI writes it: 20ms, 1.5s, 6m0s."""
    if milliseconds < 1000:
        return b"%dms" % milliseconds
    minutes, rest = divmod(milliseconds, 60_000)
    seconds = f"{rest / 1000:g}s"
    return (f"{minutes}m{seconds}" if minutes else seconds).encode()
