"""Keys of teams on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from service.core.clock import optional_unix, unix
from service.core.http.wire import Name, Text, WireIn, WireOut
from service.teams.keys.scopes import DEFAULT_SCOPES, Scope
from service.teams.keys.tables import ApiKey

_LONGEST_GRACE_S = 7 * 86400


class KeyCreate(WireIn):
    """A new key for a team. Ask for `manage` by name: only a few keys should create others."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1)] = Field(default_factory=lambda: list(DEFAULT_SCOPES))
    expires_at: Annotated[int, Field(gt=0, lt=2**33)] | None = None


class KeyRotate(WireIn):
    """How long earlier secrets keep working; with 0 they stop at once."""

    grace_seconds: Annotated[int, Field(ge=0, le=_LONGEST_GRACE_S)] = 0


class KeyOut(WireOut):
    """A key, without its secret.

    `created_by` is the key that created it, null for the first keys. `account_id` is the key whose budget and
    rate limits it uses: its own id, or that of the key above it with limits.
    """

    object: Literal["team.key"] = "team.key"
    id: str
    name: str
    prefix: Text
    scopes: list[str]
    created_by: str | None
    account_id: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None


class KeyWithSecret(KeyOut):
    """A key with its secret, which no later response shows."""

    secret: str


class KeyDeleted(WireOut):
    """A key was revoked."""

    object: Literal["team.key"] = "team.key"
    id: str
    deleted: Literal[True] = True


def key_out(key: ApiKey, account_id: str) -> KeyOut:
    """Return the wire form of a key."""
    return KeyOut(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes,
        created_by=key.created_by,
        account_id=account_id,
        created_at=unix(key.created_at),
        expires_at=optional_unix(key.expires_at),
        revoked_at=optional_unix(key.revoked_at),
        last_used_at=optional_unix(key.last_used_at),
    )
