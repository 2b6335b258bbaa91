"""Aliases on the wire."""

from collections.abc import Sequence
from typing import Literal

from service.core.clock import unix
from service.core.http.wire import Text, WireIn, WireOut
from service.models.aliases.tables import Alias, AliasChange


class AliasTarget(WireIn):
    """What an alias is to point at."""

    model: Text
    """One of the team's tuned models, or a base on offer."""


class AliasChangeOut(WireOut):
    """One change of an alias."""

    version: int
    """Counts the changes, from 1."""
    model: str | None
    """The model that it then pointed at; null if the alias was deleted."""
    key_id: str
    """The id of the key that changed it."""
    changed_at: int
    """When it was changed, in unix seconds."""


class AliasOut(WireOut):
    """An alias: a name for a model that can point at another one later."""

    object: Literal["alias"] = "alias"
    name: str
    """The alias."""
    model: str | None
    """The model that it points at; null if it is deleted."""
    version: int
    """Counts the changes, from 1."""
    history: list[AliasChangeOut]
    """The latest 100 changes, newest first."""


class AliasesOut(WireOut):
    """All aliases of a team, by name."""

    object: Literal["list"] = "list"
    data: list[AliasOut]
    has_more: Literal[False] = False


class AliasDeleted(WireOut):
    """The answer to a deletion. The name can be used again; its history continues."""

    object: Literal["alias"] = "alias"
    name: str
    """The alias."""
    deleted: Literal[True] = True


def alias_out(alias: Alias, history: Sequence[AliasChange]) -> AliasOut:
    """The wire form of an alias and its changes."""
    changes = [
        AliasChangeOut(
            version=change.version,
            model=change.model,
            key_id=change.key_id,
            changed_at=unix(change.changed_at),
        )
        for change in history
    ]
    return AliasOut(name=alias.name, model=alias.model, version=alias.version, history=changes)
