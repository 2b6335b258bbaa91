"""The page of a team's keys, limits and quotas."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.core.http.web import RequestSession
from service.errors import TunehouseError
from service.gateway.limits.routes import retrieve_team_limits
from service.pages.forms import Posted
from service.pages.listing import Column, Field, Listing, more_after, rows_of
from service.pages.render import Refilled, leave, render, show
from service.pages.words import count, moment, plain
from service.teams.access import Caller, Manager
from service.teams.idempotency import IdempotentRoute
from service.teams.keys.routes import create_key, delete_key, list_keys, rotate_key
from service.teams.keys.schemas import KeyCreate, KeyOut, KeyWithSecret
from service.teams.keys.scopes import DEFAULT_SCOPES, Scope
from service.teams.quotas.routes import retrieve_team_quotas

router = APIRouter(route_class=IdempotentRoute)

_NO_NAME = "Give the key a name and at least one scope."
_MEANING = {
    Scope.READ: "read datasets, jobs, models and costs",
    Scope.TRAIN: "change datasets and jobs",
    Scope.INFER: "call models",
    Scope.MANAGE: "manage keys, webhooks and aliases",
}


@router.get("/team")
def team(request: Request, session: RequestSession, caller: Manager, after: str | None = None) -> Response:
    """List the team's keys, and its limits."""
    return _page(request, session, caller, after)


@router.post("/team/keys")
def create(request: Request, form: Posted, session: RequestSession, caller: Manager) -> Response:
    """Create a key, and show its secret once."""
    name = form.get("name", "").strip()
    try:
        body = KeyCreate(name=name, scopes=[scope for scope in Scope if form.get(f"scope-{scope}")])
        created = create_key(caller.team, body, session, caller)
    except (TunehouseError, ValidationError) as refusal:
        error = _NO_NAME if isinstance(refusal, ValidationError) else refusal.message
        raise Refilled(_page(request, session, caller, None, name, error)) from refusal
    return _secret(request, created)


@router.get("/team/keys/{key_id}/revoke")
def ask_to_revoke(request: Request, key_id: str, _: Manager) -> Response:
    """Ask before a key is revoked."""
    return render(
        request,
        "ask.html",
        title="Revoke this key?",
        words="Programs that use it are refused from now on, and sessions that began with it end.",
        pairs=[("Key", key_id)],
        action=f"/team/keys/{key_id}/revoke",
        back="/team",
        no="Keep it",
        yes="Revoke",
    )


@router.post("/team/keys/{key_id}/revoke")
def revoke(request: Request, key_id: str, session: RequestSession, caller: Manager) -> Response:
    """Revoke a key."""
    delete_key(caller.team, key_id, session, caller)
    return leave(request, "/team", "The key is revoked.")


@router.post("/team/keys/{key_id}/rotate")
def rotate(request: Request, key_id: str, session: RequestSession, caller: Manager) -> Response:
    """Give a key a new secret, and show it once."""
    return _secret(request, rotate_key(caller.team, key_id, session, caller))


def _secret(request: Request, key: KeyWithSecret) -> Response:
    return render(request, "key.html", key=key)


def _page(
    request: Request,
    session: Session,
    caller: Caller,
    after: str | None,
    name: str = "",
    error: str = "",
) -> Response:
    page = list_keys(caller.team, session, caller, after=after, limit=rows_of(request))
    keys = Listing(
        "keys",
        "Keys",
        (
            Column("Name"),
            Column("Id", only_csv=True),
            Column("State"),
            Column("Scopes"),
            Column("Last used", True),
            Column("Expires", True),
            Column(""),
            Column(""),
        ),
        [_row(key) for key in page.data],
        more=more_after(request, page.last_id, page.has_more),
    )
    limits = retrieve_team_limits(caller.team, session, caller)
    quotas = retrieve_team_quotas(caller.team, session, caller).model_dump(exclude={"object"})
    bounds = Listing(
        "limits",
        "Limits",
        (Column("Of"), Column("Used", True), Column("At most", True)),
        [
            (Field("requests per minute"), Field(""), Field(_most(limits.requests_per_minute))),
            (Field("tokens per minute"), Field(""), Field(_most(limits.tokens_per_minute))),
            *(
                (
                    Field(plain(quota)),
                    Field("" if found["used"] is None else count(found["used"])),
                    Field(_most(found["limit"])),
                )
                for quota, found in quotas.items()
            ),
        ],
    )
    return show(
        request,
        "team.html",
        lists=[keys, bounds],
        status=422 if error else 200,
        name=name,
        error=error,
        scopes=[(scope, _MEANING[scope], scope in DEFAULT_SCOPES) for scope in Scope],
    )


def _row(key: KeyOut) -> tuple[Field, ...]:
    works = key.revoked_at is None
    return (
        Field(key.name, sub=f"{key.prefix}…"),
        Field(key.id),
        Field("enabled" if works else "revoked", state="enabled" if works else "disabled"),
        Field(", ".join(key.scopes)),
        Field(moment(key.last_used_at)),
        Field(moment(key.expires_at) if key.expires_at else "never"),
        Field("Rotate", post=f"/team/keys/{key.id}/rotate") if works else Field(""),
        Field("Revoke", href=f"/team/keys/{key.id}/revoke") if works else Field(""),
    )


def _most(limit: int | None) -> str:
    return "no limit" if limit is None else count(limit)
