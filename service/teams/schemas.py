"""Teams and keys on the wire."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from service.core.clock import unix
from service.core.wire import Metadata, Name, Text, WireIn, WireOut
from service.teams.keys import Scope
from service.teams.tables import ApiKey, Team

Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$", examples=["search"])]


class TeamCreate(WireIn):
    """A new team; the slug becomes part of its models' names and never changes."""

    name: Name
    slug: Slug
    metadata: Metadata = Field(default_factory=dict)


class TeamUpdate(WireIn):
    """What may change on a team; what is left out stays."""

    name: Name | None = None
    metadata: Metadata | None = None


class TeamOut(WireOut):
    """A team."""

    object: Literal["team"] = "team"
    id: str
    name: str
    slug: str
    metadata: dict[str, str]
    created_at: int
    archived_at: int | None


class TeamDeleted(WireOut):
    """A team was archived: its keys stopped working, its history stays."""

    object: Literal["team"] = "team"
    id: str
    deleted: Literal[True] = True


class KeyCreate(WireIn):
    """A new key for a team."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1)] = Field(default_factory=lambda: list(Scope))
    expires_at: Annotated[int, Field(gt=0, lt=2**33)] | None = None


class KeyOut(WireOut):
    """A key, without its secret."""

    object: Literal["team.key"] = "team.key"
    id: str
    name: str
    prefix: Text
    scopes: list[str]
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None


class KeyWithSecret(KeyOut):
    """A key in the one answer that shows its secret."""

    secret: str


class KeyDeleted(WireOut):
    """A key was revoked."""

    object: Literal["team.key"] = "team.key"
    id: str
    deleted: Literal[True] = True


def _unix(moment: datetime | None) -> int | None:
    return None if moment is None else unix(moment)


def team_out(team: Team) -> TeamOut:
    """The wire form of a team."""
    return TeamOut(
        id=team.id,
        name=team.name,
        slug=team.slug,
        metadata=team.labels,
        created_at=unix(team.created_at),
        archived_at=_unix(team.archived_at),
    )


def key_out(key: ApiKey) -> KeyOut:
    """The wire form of a key."""
    return KeyOut(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes,
        created_at=unix(key.created_at),
        expires_at=_unix(key.expires_at),
        revoked_at=_unix(key.revoked_at),
        last_used_at=_unix(key.last_used_at),
    )
