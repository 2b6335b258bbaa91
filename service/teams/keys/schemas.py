"""Keys of teams on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from service.core.clock import optional_unix, unix
from service.core.http.wire import Name, Text, WireIn, WireOut
from service.teams.keys.scopes import DEFAULT_SCOPES, Scope
from service.teams.keys.tables import ApiKey

_LONGEST_GRACE_S = 7 * 86400


class KeyCreate(WireIn):
    """A new key for a team."""

    name: Name
    """A name to know it by, such as `ci`."""
    scopes: Annotated[list[Scope], Field(min_length=1)] = Field(default_factory=lambda: list(DEFAULT_SCOPES))
    """What the key may do. Ask for `manage` by name: only a few keys should create others."""
    expires_at: Annotated[int, Field(gt=0, lt=2**33)] | None = None
    """When it stops working, in unix seconds; null for never."""


class KeyRotate(WireIn):
    """How to replace a key's secret."""

    grace_seconds: Annotated[int, Field(ge=0, le=_LONGEST_GRACE_S)] = 0
    """Seconds for which earlier secrets keep working, up to 7 days; 0 stops them at once."""


class KeyOut(WireOut):
    """A key, without its secret."""

    object: Literal["team.key"] = "team.key"
    id: str
    name: str
    """The name to know it by."""
    prefix: Text
    """The start of its secret."""
    scopes: list[str]
    """What the key may do: `read`, `train`, `infer`, `manage`."""
    created_by: str | None
    """The id of the key that created it, a team's or an admin's; null if it is not known."""
    account_id: str
    """The id of the key whose budget and rate limits apply: its own, or one above it."""
    created_at: int
    expires_at: int | None
    """When it stops working, in unix seconds; null for never."""
    revoked_at: int | None
    """When it was revoked, in unix seconds; null if it was not."""
    last_used_at: int | None
    """When it was last used, in unix seconds; null for never."""


class KeyWithSecret(KeyOut):
    """A key with its secret."""

    secret: str
    """The key itself. No later response shows it."""


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
