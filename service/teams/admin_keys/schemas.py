"""Admin keys on the wire, in OpenAI's shape."""

from typing import Annotated, Literal

from pydantic import Field

from service.core.clock import optional_unix, unix
from service.core.http.wire import Name, WireIn, WireOut
from service.teams.keys.tables import ApiKey

_LONGEST_S = 10 * 366 * 86400


class AdminKeyCreate(WireIn):
    """A new admin key."""

    name: Name
    """A name to know it by."""
    expires_in_seconds: Annotated[int, Field(ge=1, le=_LONGEST_S)] | None = None
    """Seconds until it expires; null means with the key that creates it, if that expires."""


class AdminKeyOwner(WireOut):
    """The owner of the key. Tunehouse has no user accounts, so this is the key itself, by its name."""

    type: Literal["service_account"] = "service_account"
    """Always `service_account`."""
    object: Literal["organization.service_account"] = "organization.service_account"
    id: str
    name: str
    """The key's name."""
    created_at: int
    role: Literal["owner"] = "owner"
    """Always `owner`."""


class AdminKeyOut(WireOut):
    """An admin key, without its value."""

    object: Literal["organization.admin_api_key"] = "organization.admin_api_key"
    id: str
    name: str
    """The name to know it by."""
    redacted_value: str
    """The start of the value."""
    created_at: int
    expires_at: int | None
    """When it expires, in unix seconds; null for never."""
    last_used_at: int | None
    """When it was last used, in unix seconds; null for never."""
    owner: AdminKeyOwner
    """Who owns it."""


class AdminKeyWithValue(AdminKeyOut):
    """A new admin key with its value."""

    value: str
    """The key itself. No later response shows it."""


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
