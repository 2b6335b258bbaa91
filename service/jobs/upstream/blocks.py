"""What a provider has told us not to ask for now: found out once, known to every worker and to the api.

wound_down   no new training, ever again, for this account: jobs that were not sent end at once
daily        this model takes no more jobs until some time tomorrow
quota        the account has no credit: jobs wait, and say why
key          our key is not accepted: jobs wait for an operator
rate         too many requests: every worker stays away for a moment
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock
from service.jobs.tables import ProviderBlock
from service.providers.registry import provider_settings
from service.settings import settings

ALL_MODELS = "*"


class BlockKind(StrEnum):
    """The kinds above, the most final first."""

    WOUND_DOWN = "wound_down"
    KEY = "key"
    QUOTA = "quota"
    DAILY = "daily"
    RATE = "rate"


# What keeps new jobs from being sent; `rate` keeps every call back.
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
    """Note a block, or that one lasts longer than was known."""
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
    """End a block because it was found, or is said, to be over; False when there was none."""
    lifted = delete(ProviderBlock).where(ProviderBlock.provider == provider, ProviderBlock.kind == kind.value)
    return session.execute(lifted.returning(ProviderBlock.kind)).first() is not None


def block_on(
    session: Session, provider: str, model: str, kinds: Collection[BlockKind] = _SENDING
) -> ProviderBlock | None:
    """The most final block in force on a model at a provider, of those kinds.

    One that another account met does not count: changing the provider's key or address ends it.
    """
    rows = select(ProviderBlock).where(
        ProviderBlock.provider == provider,
        ProviderBlock.model.in_([model, ALL_MODELS]),
        ProviderBlock.kind.in_([kind.value for kind in kinds]),
        _in_force(),
        ProviderBlock.credentials == credentials_of(provider),
    )
    return min(session.scalars(rows), key=lambda row: _RANK[BlockKind(row.kind)], default=None)


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
    """A mark of the account at a provider that gives nothing of its key away."""
    one = provider_settings(provider)
    mark = f"{one.base_url}\n{one.api_key.get_secret_value()}".encode()
    return hashlib.blake2b(mark, digest_size=9).hexdigest()


def daily_end(last_day: Collection[datetime], now: datetime) -> datetime:
    """When a daily limit that was just met frees a place: a day after our oldest job within it.

    The limit is over a rolling 24 hours and other users of the account count too, so that without a job of
    ours in it a whole day is waited; never less than a quarter of an hour.
    """
    day = timedelta(days=1)
    return max(min(last_day, default=now) + day, now + timedelta(minutes=15))
