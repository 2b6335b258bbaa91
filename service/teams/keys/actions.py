"""Create, rotate and revoke keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from service.core import clock, ids
from service.errors import Conflict, Forbidden, Unauthenticated
from service.teams.actions import keep_in_service
from service.teams.keys.queries import count_living
from service.teams.keys.secret import NewSecret, generate
from service.teams.keys.tables import ApiKey, KeySecret
from service.teams.quotas.actions import Quota, counted_by, require_room
from service.teams.tables import Team

Bound = Literal["budget", "rate_limits"]

counted_by(Quota.KEYS, count_living)

_DEEPEST = 8  # generations; a key that makes keys in a loop should stop somewhere


def create_key(
    session: Session,
    *,
    team: Team | None,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    maker: ApiKey | None = None,
    created_by: str | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which exists only in this return value; without a team, an admin key.

    `maker` is the key that asks for one of its own kind: the new key inherits its expiry, and its account
    while it has none of its own. `created_by` goes on record alone. Raises `Conflict` when the team is
    archived, `Forbidden` when the key would outlive its maker, and `QuotaExceeded`.
    """
    if team is not None:
        keep_in_service(session, team)
        require_room(session, team.id, Quota.KEYS)
    fresh = generate()
    key = ApiKey(
        id=ids.new_id("key_"),
        team_id=team.id if team else None,
        name=name,
        prefix=fresh.prefix,
        scopes=sorted(set(scopes)),
        created_by=maker.id if maker else created_by,
        ancestors=_ancestors(maker),
        bounds=[],
        created_at=clock.now(),
        expires_at=_expiry(maker, expires_at),
    )
    session.add(key)
    session.flush()
    _add_secret(session, key, fresh)
    return key, fresh.text


def rotate_key(session: Session, key: ApiKey, grace: timedelta) -> str:
    """Give a key a new secret, which exists only in this return value; earlier ones work for `grace` more.

    Its id, name, scopes, expiry, budget and limits stay. Raises `Conflict` when it is revoked.
    """
    if key.revoked_at is not None:
        raise Conflict("This key is revoked; create a new one.", code="key_revoked")
    ends_at = clock.now() + grace
    longer = or_(KeySecret.ends_at.is_(None), KeySecret.ends_at > ends_at)
    session.execute(update(KeySecret).where(KeySecret.key_id == key.id, longer).values(ends_at=ends_at))
    fresh = generate()
    key.prefix = fresh.prefix
    _add_secret(session, key, fresh)
    return fresh.text


def revoke_key(key: ApiKey) -> None:
    """Stop a key from working; doing it again changes nothing."""
    key.revoked_at = key.revoked_at or clock.now()


def note_bound(key: ApiKey, bound: Bound, *, is_set: bool) -> None:
    """Record whether the key has a limit of that kind of its own; those who set one call this."""
    others = [one for one in key.bounds if one != bound]
    key.bounds = sorted([*others, bound]) if is_set else others


def locked(session: Session, key_id: str) -> ApiKey | None:
    """The key of that id, kept as it is until the transaction ends; None for the key of the settings.

    Raises `Unauthenticated` when it was revoked since the request was let in.
    """
    key = session.scalar(select(ApiKey).where(ApiKey.id == key_id).with_for_update(read=True))
    if key is not None and key.revoked_at is not None:
        raise Unauthenticated(f"The key {key.prefix}… was revoked.", code="key_revoked")
    return key


def _add_secret(session: Session, key: ApiKey, fresh: NewSecret) -> None:
    row = KeySecret(digest=fresh.digest, key_id=key.id, prefix=fresh.prefix, created_at=clock.now())
    session.add(row)
    session.flush()


def _ancestors(maker: ApiKey | None) -> list[str]:
    if maker is None:
        return []
    if len(maker.ancestors) + 1 >= _DEEPEST:
        raise Forbidden(
            f"This key is {_DEEPEST} generations below the first one; create keys with one nearer to that.",
            code="key_too_deep",
        )
    return [*maker.ancestors, maker.id]


def _expiry(maker: ApiKey | None, asked: datetime | None) -> datetime | None:
    latest = maker.expires_at if maker else None
    if latest is None or (asked is not None and asked <= latest):
        return asked
    if asked is None:
        return latest
    raise Forbidden(
        f"This key expires at {clock.unix(latest)}; a key that it creates cannot expire later.",
        param="expires_at",
    )
