"""Routes for aliases."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy.orm import Session

from service.catalog.offers import find_base
from service.core.http.web import RequestSession
from service.errors import InvalidRequest
from service.models.aliases import actions, queries
from service.models.aliases.schemas import AliasDeleted, AliasesOut, AliasOut, AliasTarget, alias_out
from service.models.aliases.tables import Alias
from service.models.queries import resolve
from service.teams.access import Manager, Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/aliases", tags=["models"], route_class=IdempotentRoute)

AliasName = Annotated[
    str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["support-bot"], description="The alias.")
]


@router.put("/{name}")
def put_alias(name: AliasName, body: AliasTarget, session: RequestSession, caller: Manager) -> AliasOut:
    """Create an alias, or point it at another model from the next request on."""
    if find_base(name) is not None:
        raise InvalidRequest(
            f"{name!r} is the name of a base model; choose another name.", param="name", code="name_taken"
        )
    if queries.alias_target(session, caller.team, body.model) is not None:
        raise InvalidRequest(f"{body.model!r} is an alias; an alias must point at a model.", param="model")
    resolve(session, caller.team, body.model)
    return _out(session, _point(session, caller, name, body.model))


@router.get("")
def list_aliases(session: RequestSession, caller: Reader) -> AliasesOut:
    """List the team's aliases."""
    return AliasesOut(data=[_out(session, alias) for alias in queries.list_aliases(session, caller.team)])


@router.get("/{name}")
def retrieve_alias(name: AliasName, session: RequestSession, caller: Reader) -> AliasOut:
    """Get an alias and its history."""
    return _out(session, queries.get_alias(session, caller.team, name))


@router.post("/{name}/rollback")
def roll_back_alias(name: AliasName, session: RequestSession, caller: Manager) -> AliasOut:
    """Point an alias back at its previous model. A second rollback undoes the first."""
    alias = queries.get_alias(session, caller.team, name)
    earlier = queries.previous_model(session, alias)
    resolve(session, caller.team, earlier)
    return _out(session, _point(session, caller, name, earlier))


@router.delete("/{name}")
def delete_alias(name: AliasName, session: RequestSession, caller: Manager) -> AliasDeleted:
    """Delete an alias. Requests that use it get a 404 from then on."""
    queries.get_alias(session, caller.team, name)
    _point(session, caller, name, None)
    return AliasDeleted(name=name)


def _point(session: Session, caller: Manager, name: str, model: str | None) -> Alias:
    return actions.point(session, team_id=caller.team, name=name, model=model, key_id=caller.key_id)


def _out(session: Session, alias: Alias) -> AliasOut:
    return alias_out(alias, queries.history(session, alias.team_id, alias.name))
