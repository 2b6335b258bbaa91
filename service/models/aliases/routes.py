"""Routes for aliases."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from sqlalchemy.orm import Session

from service.catalog.offers import offers
from service.core.clock import unix
from service.core.web import RequestSession
from service.core.wire import Text, WireIn, WireOut
from service.errors import InvalidRequest
from service.models.aliases import actions as aliases
from service.models.aliases.actions import Alias
from service.models.queries import resolve
from service.teams.access import Manager, Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/aliases", tags=["models"], route_class=IdempotentRoute)

AliasName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["support-bot"])]


class AliasTarget(WireIn):
    """What an alias shall point at: one of the team's tuned models, or a base on offer."""

    model: Text


class AliasChangeOut(WireOut):
    """One change of an alias; a null model was its deletion."""

    version: int
    model: str | None
    key_id: str
    changed_at: int


class AliasOut(WireOut):
    """An alias with its latest changes, newest first."""

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
    """An alias was deleted; its name may be used again and continues its history."""

    object: Literal["alias"] = "alias"
    name: str
    deleted: Literal[True] = True


@router.put("/{name}")
def put_alias(name: AliasName, body: AliasTarget, session: RequestSession, caller: Manager) -> AliasOut:
    """Point an alias at a model; callers of the alias are served by it from their next request on."""
    if any(name == offer.model.id for offer in offers()):
        raise InvalidRequest(f"{name!r} is the name of a base model.", param="name", code="name_taken")
    if aliases.aimed_at(session, caller.team, body.model) is not None:
        raise InvalidRequest("An alias points at a model, not at another alias.", param="model")
    resolve(session, caller.team, body.model)
    return _out(session, _point(session, caller, name, body.model))


@router.get("")
def list_aliases(session: RequestSession, caller: Reader) -> AliasesOut:
    """List the team's aliases."""
    return AliasesOut(data=[_out(session, alias) for alias in aliases.list_aliases(session, caller.team)])


@router.get("/{name}")
def retrieve_alias(name: AliasName, session: RequestSession, caller: Reader) -> AliasOut:
    """Look at an alias and its history."""
    return _out(session, aliases.get_alias(session, caller.team, name))


@router.post("/{name}/rollback")
def roll_back_alias(name: AliasName, session: RequestSession, caller: Manager) -> AliasOut:
    """Point an alias back at what it pointed at before; doing it twice returns to where one was."""
    alias = aliases.get_alias(session, caller.team, name)
    earlier = aliases.before_last(session, alias)
    resolve(session, caller.team, earlier)
    return _out(session, _point(session, caller, name, earlier))


@router.delete("/{name}")
def delete_alias(name: AliasName, session: RequestSession, caller: Manager) -> AliasDeleted:
    """Delete an alias; callers of it get a 404 from their next request on."""
    aliases.get_alias(session, caller.team, name)
    _point(session, caller, name, None)
    return AliasDeleted(name=name)


def _point(session: Session, caller: Manager, name: str, model: str | None) -> Alias:
    return aliases.point(session, team_id=caller.team, name=name, model=model, key_id=caller.key_id)


def _out(session: Session, alias: Alias) -> AliasOut:
    changes = [
        AliasChangeOut(
            version=change.version,
            model=change.model,
            key_id=change.key_id,
            changed_at=unix(change.changed_at),
        )
        for change in aliases.history(session, alias.team_id, alias.name)
    ]
    return AliasOut(name=alias.name, model=alias.model, version=alias.version, history=changes)
