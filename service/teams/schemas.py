"""Teams on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from service.core.clock import optional_unix, unix
from service.core.http.wire import Metadata, Name, WireIn, WireOut
from service.teams.actions import LeftJobs
from service.teams.tables import Team

Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$", examples=["search"])]


class TeamCreate(WireIn):
    """A new team."""

    name: Name
    """Its name, for people."""
    slug: Slug
    """The part of its models' names that stands for the team. It cannot be changed."""
    metadata: Metadata = Field(default_factory=dict)
    """Up to 16 pairs of your own. Keys have up to 64 characters, values 512."""


class TeamUpdate(WireIn):
    """The changes to a team; fields that you leave out or send as null keep their values."""

    name: Name | None = None
    """Its new name."""
    metadata: Metadata | None = None
    """Its new pairs, which replace all earlier ones."""


class TeamOut(WireOut):
    """A team."""

    object: Literal["team"] = "team"
    id: str
    name: str
    """Its name, for people."""
    slug: str
    """The part of its models' names that stands for the team."""
    metadata: dict[str, str]
    """Your own pairs."""
    created_at: int
    archived_at: int | None
    """When it was archived, in unix seconds; null if it was not."""
    jobs: LeftJobs | None = Field(description="What an archived team's unfinished jobs do.")


class TeamDeleted(WireOut):
    """The team was archived: its keys have stopped working, its history is kept."""

    object: Literal["team"] = "team"
    id: str
    deleted: Literal[True] = True


def team_out(team: Team) -> TeamOut:
    """Return the wire form of a team."""
    return TeamOut(
        id=team.id,
        name=team.name,
        slug=team.slug,
        metadata=team.labels,
        created_at=unix(team.created_at),
        archived_at=optional_unix(team.archived_at),
        jobs=LeftJobs(team.left_jobs) if team.left_jobs else None,
    )
