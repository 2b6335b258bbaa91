"""Rules for which keys a key may create, rotate and limit.

A key with the scope `manage` manages its team's keys, within its own rights: a key that it creates or
rotates cannot have more scopes, live longer, or use another account. So a leaked or limited key cannot gain
rights through another key. These rules do not apply to admins.
"""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from service.errors import Forbidden
from service.teams.access import Caller
from service.teams.keys.actions import locked
from service.teams.keys.queries import account_of, is_bounded
from service.teams.keys.tables import ApiKey


def maker_of(session: Session, caller: Caller, scopes: Iterable[str]) -> ApiKey | None:
    """Return the team's key that may create one with these scopes; None for an admin. Raises `Forbidden`."""
    if caller.is_admin:
        return None
    _refuse_more_scopes(caller, scopes)
    return locked(session, caller.key_id)


def require_may_rotate(session: Session, caller: Caller, key: ApiKey) -> None:
    """Refuse to rotate a key with more rights than the caller's, who gets its secret. Raises `Forbidden`."""
    if caller.is_admin or caller.key_id == key.id:
        return
    _refuse_more_scopes(caller, key.scopes)
    own = locked(session, caller.key_id)
    if own is None:
        raise Forbidden("The calling key no longer exists, so it cannot rotate another one.")
    if own.expires_at is not None and (key.expires_at is None or key.expires_at > own.expires_at):
        raise Forbidden(
            "This key expires before the key to rotate. Use a key that expires later, or ask an admin.",
            code="key_expires_earlier",
        )
    if is_bounded(session, own) and account_of(session, own) != account_of(session, key):
        raise _limited("rotate keys that do not share its limits")


def require_may_limit(session: Session, caller: Caller) -> None:
    """Refuse to let a key with a budget or rate limits change those of any key. Raises `Forbidden`."""
    if caller.is_admin:
        return
    own = locked(session, caller.key_id)
    if own is None or is_bounded(session, own):
        raise _limited("change the limits of keys")


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
            f"This key lacks the scopes {', '.join(sorted(missing))}, so it cannot create or rotate a key "
            "that has them.",
            param="scopes",
        )
