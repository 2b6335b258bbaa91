"""Which keys may a key create, rotate, and give limits to?

A key with the scope `manage` looks after its team's keys, within what it has itself: nothing it creates or
rotates has more scopes, lives longer, or uses an account beyond its own. So a leaked or limited key cannot
raise itself, be it by way of another key. Admins are not bound by any of this.
"""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from service.errors import Forbidden
from service.teams.access import Caller
from service.teams.keys.actions import locked
from service.teams.keys.queries import account_of, is_bounded
from service.teams.keys.tables import ApiKey


def maker_of(session: Session, caller: Caller, scopes: Iterable[str]) -> ApiKey | None:
    """The team's key that creates another one with these scopes; None for an admin. Raises `Forbidden`."""
    if caller.is_admin:
        return None
    _refuse_more_scopes(caller, scopes)
    return locked(session, caller.key_id)


def require_may_rotate(session: Session, caller: Caller, key: ApiKey) -> None:
    """Rotating shows a secret, so the key must not be worth more than the caller's. Raises `Forbidden`."""
    if caller.is_admin or caller.key_id == key.id:
        return
    _refuse_more_scopes(caller, key.scopes)
    own = locked(session, caller.key_id)
    if own is None:
        raise Forbidden("Only a stored key can rotate another one.")
    if own.expires_at is not None and (key.expires_at is None or key.expires_at > own.expires_at):
        raise Forbidden("This key expires before the key to rotate.", code="key_expires_earlier")
    if is_bounded(session, own) and account_of(session, own) != account_of(session, key):
        raise _limited("rotate keys that do not share them")


def require_may_limit(session: Session, caller: Caller) -> None:
    """Refuse changes to any key's budget or rate limits by a key that has some itself. Raises `Forbidden`."""
    if caller.is_admin:
        return
    own = locked(session, caller.key_id)
    if own is None or is_bounded(session, own):
        raise _limited("change those of keys")


def _limited(what: str) -> Forbidden:
    return Forbidden(
        f"This key has a budget or rate limits of its own, so it cannot {what}. Use a key without limits, or "
        "ask an admin.",
        code="key_is_limited",
    )


def _refuse_more_scopes(caller: Caller, scopes: Iterable[str]) -> None:
    missing = set(scopes) - caller.scopes
    if missing:
        raise Forbidden(
            f"This key lacks the scopes {', '.join(sorted(missing))}, so it cannot give them to another.",
            param="scopes",
        )
