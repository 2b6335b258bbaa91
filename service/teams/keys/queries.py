"""Find keys: by secret, by id, by team."""

import hmac
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from service.core.http.pages import Order, Page, fetch_page
from service.errors import NotFound, Unauthenticated
from service.settings import settings
from service.teams.keys.secret import digest
from service.teams.keys.tables import ApiKey, KeySecret

SETTINGS_ADMIN = "key_admin"  # the id of the key in TUNEHOUSE_ADMIN_KEY, which has no row
OPERATOR = "key_operator"  # stands for who signs in with a link or runs a command, and has no row either


def key_of_secret(session: Session, secret: str) -> tuple[ApiKey, datetime | None]:
    """Return the key that this secret belongs to, and when the secret stops working, if that is known.

    Raises `Unauthenticated` if it has stopped working.
    """
    found = session.execute(
        select(ApiKey, KeySecret, func.now().label("now"))
        .join(KeySecret, KeySecret.key_id == ApiKey.id)
        .where(KeySecret.digest == digest(secret))
    ).one_or_none()
    if found is None:
        raise Unauthenticated(
            "Unknown key. Send a key that looks like th-…; it is shown once, when you create it."
        )
    key, own, now = found
    _check_living(key, own.prefix, now)
    if own.ends_at is not None and own.ends_at <= now:
        raise Unauthenticated(
            f"The secret {own.prefix}… was replaced when its key was rotated; use the new one.",
            code="key_rotated",
        )
    return key, min((end for end in (key.expires_at, own.ends_at) if end is not None), default=None)


def living_key(session: Session, key_id: str) -> ApiKey:
    """Return a working key by its id. Raises `Unauthenticated` if it was revoked or has expired."""
    found = session.execute(select(ApiKey, func.now()).where(ApiKey.id == key_id)).one_or_none()
    if found is None:
        raise Unauthenticated("The key of this session does not exist any more.")
    key, now = found
    _check_living(key, key.prefix, now)
    return key


def secret_works(session: Session, secret: bytes) -> bool:
    """Whether the secret with this digest still works: no rotation has ended it."""
    if hmac.compare_digest(secret, _settings_secret()):
        return True
    ends_at = or_(KeySecret.ends_at.is_(None), KeySecret.ends_at > func.now())
    return session.scalar(select(KeySecret.key_id).where(KeySecret.digest == secret, ends_at)) is not None


def _settings_secret() -> bytes:
    admin_key = settings().admin_key
    return digest(admin_key.get_secret_value()) if admin_key else b""


def _check_living(key: ApiKey, prefix: str, now: datetime) -> None:
    if key.revoked_at is not None:
        raise Unauthenticated(f"The key {prefix}… was revoked.", code="key_revoked")
    if key.expires_at is not None and key.expires_at <= now:
        raise Unauthenticated(f"The key {prefix}… has expired.", code="key_expired")


def account_of(session: Session, key: ApiKey) -> str:
    """Return the id of the key whose budget and rate limits this one uses.

    That is the key itself if it has limits or none of its ancestors has any; otherwise its nearest ancestor
    with limits. So a key cannot exceed its limits by creating others.
    """
    if key.bounds or not key.ancestors:
        return key.id
    bounded = ApiKey.id.in_(key.ancestors), ApiKey.bounds != []
    ids = set(session.scalars(select(ApiKey.id).where(*bounded)))
    return next((id_ for id_ in reversed(key.ancestors) if id_ in ids), key.id)


def is_bounded(session: Session, key: ApiKey) -> bool:
    """Whether the key has a budget or rate limits, its own or an ancestor's."""
    return bool(key.bounds) or account_of(session, key) != key.id


def get_key(session: Session, team_id: str | None, key_id: str, *, lock: bool = False) -> ApiKey:
    """Return the key with this id, an admin key if there is no team. Raises `NotFound`.

    To change it, `lock` it.
    """
    own = select(ApiKey).where(ApiKey.team_id == team_id, ApiKey.id == key_id)
    key = session.scalar(own.with_for_update() if lock else own)
    if key is None:
        raise NotFound(f"There is no key {key_id!r}.", param="key_id")
    return key


def list_keys(session: Session, team_id: str, after: str | None, limit: int) -> Page[ApiKey]:
    """Return the team's keys, revoked ones included, newest first."""
    own = select(ApiKey).where(ApiKey.team_id == team_id)
    return fetch_page(session, own, sort=ApiKey.created_at, id_=ApiKey.id, after=after, limit=limit)


def names_of(session: Session, key_ids: Collection[str]) -> dict[str, str]:
    """Map the ids of keys of any team to their names, and those of the admins without a row."""
    rows = session.execute(select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(key_ids)))
    return {SETTINGS_ADMIN: "TUNEHOUSE_ADMIN_KEY", OPERATOR: "operator"} | {row.id: row.name for row in rows}


def list_admin_keys(session: Session, after: str | None, limit: int, order: Order) -> Page[ApiKey]:
    """Return the admin keys that are not revoked."""
    every = select(ApiKey).where(ApiKey.team_id.is_(None))
    living = every.where(ApiKey.revoked_at.is_(None))
    return fetch_page(
        session,
        living,
        sort=ApiKey.created_at,
        id_=ApiKey.id,
        after=after,
        limit=limit,
        order=order,
        cursors=every,
    )


def count_living(session: Session, team_id: str) -> int:
    """Count the team's working keys."""
    alive = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now())
    own = ApiKey.team_id == team_id, ApiKey.revoked_at.is_(None), alive
    return session.scalar(select(func.count()).select_from(ApiKey).where(*own)) or 0


def has_admin_key(session: Session) -> bool:
    """Whether any admin key was ever stored."""
    return session.scalar(select(ApiKey.id).where(ApiKey.team_id.is_(None)).limit(1)) is not None
