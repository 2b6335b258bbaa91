"""Aliases on the wire."""

from collections.abc import Sequence
from typing import Literal

from service.core.clock import unix
from service.core.http.wire import Text, WireIn, WireOut
from service.models.aliases.tables import Alias, AliasChange


class AliasTarget(WireIn):
    """The model that an alias is to point at: one of the team's tuned models, or a base on offer."""

    model: Text


class AliasChangeOut(WireOut):
    """One change of an alias; `model` is null where the alias was deleted."""

    version: int
    model: str | None
    key_id: str
    changed_at: int


class AliasOut(WireOut):
    """An alias with its latest 100 changes, newest first."""

    object: Literal["alias"] = "alias"
    name: str
    model: str | None
    version: int
    history: list[AliasChangeOut]


class AliasesOut(WireOut):
    """All aliases of a team, by name."""

    object: Literal["list"] = "list"
    data: list[AliasOut]
    has_more: Literal[False] = False


class AliasDeleted(WireOut):
    """The answer to a deletion. The name can be used again; its history continues."""

    object: Literal["alias"] = "alias"
    name: str
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
