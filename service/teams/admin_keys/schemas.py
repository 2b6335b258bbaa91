"""Admin keys on the wire, in OpenAI's shape."""

from typing import Annotated, Literal

from pydantic import Field

from service.core.clock import optional_unix, unix
from service.core.http.wire import Name, WireIn, WireOut
from service.teams.keys.tables import ApiKey

_LONGEST_S = 10 * 366 * 86400


class AdminKeyCreate(WireIn):
    """A new admin key. Without `expires_in_seconds` it expires when the key that creates it does."""

    name: Name
    expires_in_seconds: Annotated[int, Field(ge=1, le=_LONGEST_S)] | None = None


class AdminKeyOwner(WireOut):
    """The owner of the key. Tunehouse has no user accounts, so this is the key itself, by its name."""

    type: Literal["service_account"] = "service_account"
    object: Literal["organization.service_account"] = "organization.service_account"
    id: str
    name: str
    created_at: int
    role: Literal["owner"] = "owner"


class AdminKeyOut(WireOut):
    """An admin key, without its value."""

    object: Literal["organization.admin_api_key"] = "organization.admin_api_key"
    id: str
    name: str
    redacted_value: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    owner: AdminKeyOwner


class AdminKeyWithValue(AdminKeyOut):
    """A new admin key with its value, which no later response shows."""

    value: str


class AdminKeyDeleted(WireOut):
    """An admin key was revoked."""

    object: Literal["organization.admin_api_key.deleted"] = "organization.admin_api_key.deleted"
    id: str
    deleted: Literal[True] = True


def admin_key_out(key: ApiKey) -> AdminKeyOut:
    """Return the wire form of an admin key."""
    return AdminKeyOut(
        id=key.id,
        name=key.name,
        redacted_value=f"{key.prefix}…",
        created_at=unix(key.created_at),
        expires_at=optional_unix(key.expires_at),
        last_used_at=optional_unix(key.last_used_at),
        owner=AdminKeyOwner(id=key.id, name=key.name, created_at=unix(key.created_at)),
    )
