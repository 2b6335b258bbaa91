"""Blocks: limits and refusals of a provider, recorded by one worker for all workers and the api.

wound_down   the account can start no new training, ever: jobs that were not sent fail at once
daily        this model accepts no more jobs until some time tomorrow
quota        the account has no credit: jobs wait
key          the provider refuses our key: jobs wait until an administrator replaces it
rate         too many requests: every worker pauses for a moment
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import BindParameter, ColumnElement, Select, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock
from service.jobs.tables import ProviderBlock
from service.providers.registry import provider_settings
from service.settings import settings

ALL_MODELS = "*"
Given = str | BindParameter[str]


class BlockKind(StrEnum):
    """Why a provider gets no new jobs, the longest lasting first."""

    WOUND_DOWN = "wound_down"
    KEY = "key"
    QUOTA = "quota"
    DAILY = "daily"
    RATE = "rate"


# All of them keep new jobs from being sent; `rate` also holds back every other call.
_SENDING = tuple(BlockKind)
_RANK = {kind: rank for rank, kind in enumerate(BlockKind)}


def raise_block(
    session: Session,
    provider: str,
    kind: BlockKind,
    message: str,
    *,
    model: str = ALL_MODELS,
    until: datetime | None,
) -> None:
    """Record a block, or extend an existing one."""
    row = insert(ProviderBlock).values(
        provider=provider,
        kind=kind.value,
        model=model,
        message=message,
        credentials=credentials_of(provider),
        since=clock.now(),
        until=until,
    )
    new = row.excluded
    session.execute(
        row.on_conflict_do_update(
            index_elements=["provider", "kind", "model"],
            set_={
                "message": new.message,
                "credentials": new.credentials,
                "until": func.greatest(ProviderBlock.until, new.until) if until else None,
            },
        )
    )


def lift_block(session: Session, provider: str, kind: BlockKind) -> bool:
    """End a block; False when there was none."""
    lifted = delete(ProviderBlock).where(ProviderBlock.provider == provider, ProviderBlock.kind == kind.value)
    return session.execute(lifted.returning(ProviderBlock.kind)).first() is not None


def block_on(
    session: Session, provider: str, model: str, kinds: Collection[BlockKind] = _SENDING
) -> ProviderBlock | None:
    """The longest lasting block of these kinds that is in force on a model at a provider.

    Blocks belong to an account: replacing the provider's key or address ends them.
    """
    rows = blocks_on(provider, model, credentials_of(provider), kinds)
    return min(session.scalars(rows), key=lambda row: _RANK[BlockKind(row.kind)], default=None)


def blocks_on(
    provider: Given, model: Given, credentials: Given, kinds: Collection[BlockKind]
) -> Select[ProviderBlock]:
    """Select the blocks of these kinds that are in force; the other arguments may be bind parameters."""
    return select(ProviderBlock).where(
        ProviderBlock.provider == provider,
        or_(ProviderBlock.model == model, ProviderBlock.model == ALL_MODELS),
        ProviderBlock.kind.in_([kind.value for kind in kinds]),
        _in_force(),
        ProviderBlock.credentials == credentials,
    )


def standing_blocks(session: Session) -> list[ProviderBlock]:
    """Every block in force on a configured provider."""
    names = {one.name for one in settings().providers}
    rows = session.scalars(
        select(ProviderBlock).where(_in_force()).order_by(ProviderBlock.provider, ProviderBlock.kind)
    )
    return [row for row in rows if row.provider in names and row.credentials == credentials_of(row.provider)]


def _in_force() -> ColumnElement[bool]:
    return or_(ProviderBlock.until.is_(None), ProviderBlock.until > func.now())


def credentials_of(provider: str) -> str:
    """A hash that identifies the account at a provider without revealing its key."""
    one = provider_settings(provider)
    mark = f"{one.base_url}\n{one.api_key.get_secret_value()}".encode()
    return hashlib.blake2b(mark, digest_size=9).hexdigest()


def daily_end(last_day: Collection[datetime], now: datetime) -> datetime:
    """Return when a daily limit that was just reached frees a place: a day after our oldest job in it.

    The limit covers a rolling 24 hours and also counts other users of the account. If none of our jobs is in
    it, the wait is a whole day; it is never less than 15 minutes.
    """
    day = timedelta(days=1)
    return max(min(last_day, default=now) + day, now + timedelta(minutes=15))
