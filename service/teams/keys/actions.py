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
from service.teams.known import forget_callers
from service.teams.quotas.actions import Quota, counted_by, require_room
from service.teams.tables import Team

Bound = Literal["budget", "rate_limits"]

counted_by(Quota.KEYS, count_living)

_DEEPEST = 8  # generations; bounds keys that create keys in a loop


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
    """Create a key, an admin key if `team` is None. Return it with its secret, which is not stored.

    `maker` is the key that creates this one: the new key inherits its expiry, and uses its account until it
    has limits of its own. `created_by` is only recorded. Raises `Conflict` if the team is archived,
    `Forbidden` if the key would outlive its maker, and `QuotaExceeded`.
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
    """Return a new secret for a key, which is not stored. Earlier secrets keep working for `grace`.

    The key keeps its id, name, scopes, expiry, budget and limits. Raises `Conflict` if it is revoked.
    """
    if key.revoked_at is not None:
        raise Conflict("This key is revoked. Create a new one.", code="key_revoked")
    ends_at = clock.now() + grace
    longer = or_(KeySecret.ends_at.is_(None), KeySecret.ends_at > ends_at)
    session.execute(update(KeySecret).where(KeySecret.key_id == key.id, longer).values(ends_at=ends_at))
    forget_callers(session)
    fresh = generate()
    key.prefix = fresh.prefix
    _add_secret(session, key, fresh)
    return fresh.text


def revoke_key(session: Session, key: ApiKey) -> None:
    """Revoke a key. Revoking it again changes nothing."""
    forget_callers(session)
    key.revoked_at = key.revoked_at or clock.now()


def note_bound(session: Session, key: ApiKey, bound: Bound, *, is_set: bool) -> None:
    """Record whether the key has its own limit of this kind. Call it whenever you set or remove one."""
    forget_callers(session)
    others = [one for one in key.bounds if one != bound]
    key.bounds = sorted([*others, bound]) if is_set else others


def locked(session: Session, key_id: str) -> ApiKey | None:
    """Return the key with this id, locked against changes; None for the key in TUNEHOUSE_ADMIN_KEY.

    Raises `Unauthenticated` if the key was revoked after the request was authenticated.
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
            f"This key is {_DEEPEST} generations below the first one and cannot create keys. Use the key "
            "that created it, or an earlier one.",
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
        f"This key expires at {clock.unix(latest)}. A key that it creates cannot expire later.",
        param="expires_at",
    )
