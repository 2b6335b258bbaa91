"""The pages of aliases: where each points, its history, and the way back."""

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.core.http.web import RequestSession
from service.errors import InvalidRequest, TunehouseError
from service.models.aliases.routes import (
    delete_alias,
    list_aliases,
    put_alias,
    retrieve_alias,
    roll_back_alias,
)
from service.models.aliases.schemas import AliasTarget
from service.models.routes import every_model
from service.pages.forms import Posted
from service.pages.listing import Column, Field, Listing
from service.pages.render import Refilled, leave, render, show
from service.pages.words import moment
from service.teams.access import Caller, Manager, Reader
from service.teams.idempotency import IdempotentRoute
from service.teams.keys.queries import names_of
from service.teams.keys.scopes import Scope

router = APIRouter(route_class=IdempotentRoute)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # as the API's path has it


@router.get("/aliases")
def aliases(request: Request, session: RequestSession, caller: Reader) -> Response:
    """List the aliases, with a form to point one at a model."""
    return _list(request, session, caller)


@router.post("/aliases")
def point(request: Request, form: Posted, session: RequestSession, caller: Manager) -> Response:
    """Create an alias, or point it at another model."""
    name = form.get("name", "").strip()
    try:
        _check_name(name)
        put_alias(name, AliasTarget(model=form.get("model", "")), session, caller)
    except (TunehouseError, ValidationError) as refusal:
        message = refusal.message if isinstance(refusal, TunehouseError) else "Choose a model."
        raise Refilled(_list(request, session, caller, form.get("name", ""), message)) from refusal
    return leave(request, f"/aliases/{name}", f"{name} points at {form['model']}.")


@router.get("/aliases/{name}")
def alias(request: Request, name: str, session: RequestSession, caller: Reader) -> Response:
    """Show an alias and its history."""
    found = retrieve_alias(name, session, caller)
    names = names_of(session, {change.key_id for change in found.history})
    listing = Listing(
        "history",
        "History",
        (Column("Version", True), Column("Model"), Column("By"), Column("When", True)),
        [
            (
                Field(str(change.version)),
                Field(change.model or "deleted"),
                Field(names.get(change.key_id, change.key_id)),
                Field(moment(change.changed_at)),
            )
            for change in found.history
        ],
    )
    earlier = next((one.model for one in found.history if one.model not in (None, found.model)), None)
    may = Scope.MANAGE in caller.scopes
    return show(
        request, "alias.html", lists=[listing], alias=found, earlier=earlier if may else None, may=may
    )


@router.post("/aliases/{name}/rollback")
def roll_back(request: Request, name: str, session: RequestSession, caller: Manager) -> Response:
    """Point an alias back at its previous model."""
    found = roll_back_alias(name, session, caller)
    return leave(request, f"/aliases/{name}", f"{name} points at {found.model} again.")


@router.post("/aliases/{name}/delete")
def delete(request: Request, name: str, session: RequestSession, caller: Manager) -> Response:
    """Delete an alias."""
    delete_alias(name, session, caller)
    return leave(request, "/aliases", f"{name} is deleted.")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidRequest("Use lower-case letters, digits, dots, hyphens and underscores.", param="name")


def _list(request: Request, session: Session, caller: Caller, name: str = "", error: str = "") -> Response:
    listing = Listing(
        "aliases",
        "Aliases",
        (Column("Alias"), Column("Model"), Column("Version", True), Column("Changed", True)),
        [
            (
                Field(one.name, href=f"/aliases/{one.name}"),
                Field(one.model or ""),
                Field(str(one.version)),
                Field(moment(one.history[0].changed_at if one.history else None)),
            )
            for one in list_aliases(session, caller).data
        ],
        empty="No alias yet. Programs call an alias, and you decide which model answers.",
    )
    shown = {"name": name, "error": error, "may": Scope.MANAGE in caller.scopes}
    choices = [model.id for model in every_model(session, caller)]
    if error:
        return render(request, "aliases.html", status=422, aliases=listing, models=choices, **shown)
    return show(request, "aliases.html", lists=[listing], models=choices, **shown)
