"""The pages that sign people in and out, and that list their sessions."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.core.clock import unix
from service.core.db import transaction
from service.core.http.web import RequestSession
from service.errors import Unauthenticated
from service.pages.cookies import clear_session, set_session, set_theme
from service.pages.forms import Posted, is_local
from service.pages.listing import Column, Field, Listing, more_after, rows_of
from service.pages.render import leave, render, show
from service.pages.words import moment
from service.people import actions, queries
from service.people.actions import Client
from service.settings import settings
from service.teams.access import CurrentCaller
from service.teams.idempotency import IdempotentRoute
from service.teams.keys.queries import names_of

router = APIRouter()
guarded = APIRouter(route_class=IdempotentRoute)

_THEMES = ("light", "dark")


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/") -> Response:
    """Show the welcome and the form for a key."""
    return render(request, "sign_in.html", next=next if is_local(next) else "/", error="")


@router.post("/sign-in")
def sign_in(request: Request, form: Posted) -> Response:
    """Start a session with a key. A session that the browser had is ended, so that none can be planted."""
    next_page = form.get("next", "/")
    next_page = next_page if is_local(next_page) else "/"
    try:
        with transaction() as session:
            cookie = actions.sign_in_with_key(session, form.get("key", "").strip(), _client(request))
            _end_earlier(request, session)
    except Unauthenticated as refusal:
        return render(request, "sign_in.html", status=422, next=next_page, error=refusal.message)
    return _signed_in(request, cookie, next_page)


@router.get("/sign-in/link")
def link_page(request: Request, token: str = "") -> Response:
    """Show a button that uses the link up, because mail scanners and previews open every address they see."""
    hours = f"{settings().session_s / 3600:g}"
    return render(request, "sign_in_link.html", token=token, hours=hours)


@router.post("/sign-in/link")
def sign_in_with_link(request: Request, form: Posted) -> Response:
    """Start an admin's session with a one-time link."""
    with transaction() as session:
        cookie = actions.sign_in_with_link(session, form.get("token", ""), _client(request))
        _end_earlier(request, session)
    return _signed_in(request, cookie, "/")


@router.post("/sign-out")
def sign_out(request: Request, session: RequestSession) -> Response:
    """End this session."""
    actions.end_session_of(session, request.state.cookie)
    response = leave(request, "/sign-in", "You are signed out.")
    clear_session(response)
    return response


@router.post("/theme")
def choose_theme(request: Request, form: Posted) -> Response:
    """Remember the theme in this browser."""
    back, theme = form.get("back", "/"), form.get("theme", "")
    response = leave(request, back if is_local(back) else "/")
    if theme in _THEMES:
        set_theme(response, theme)
    return response


@guarded.get("/sessions")
def sessions_page(
    request: Request, session: RequestSession, caller: CurrentCaller, after: str | None = None
) -> Response:
    """List the sessions that act with this key; for an admin, all."""
    page = queries.living_sessions(session, caller, after, rows_of(request))
    names = names_of(session, {row.key_id for row in page.rows})
    listing = Listing(
        "sessions",
        "Sessions",
        (
            Column("Session"),
            Column("Key"),
            Column("From"),
            Column("Started"),
            Column("Last used"),
            Column(""),
        ),
        [
            (
                Field(row.id, sub="this one" if row.id == request.state.signed_in.session_id else ""),
                Field(names.get(row.key_id, row.key_id)),
                Field(row.ip or "", sub=row.user_agent or ""),
                Field(moment(unix(row.created_at))),
                Field(moment(unix(row.seen_at))),
                Field("End", post=f"/sessions/{row.id}/end"),
            )
            for row in page.rows
        ],
        more=more_after(request, page.rows[-1].id if page.rows else None, page.has_more),
    )
    return show(request, "sessions.html", lists=[listing])


@guarded.post("/sessions/{session_id}/end")
def end_session(
    request: Request, session_id: str, session: RequestSession, caller: CurrentCaller
) -> Response:
    """End a session."""
    actions.sign_out(queries.get_session(session, caller, session_id))
    return leave(request, "/sessions", "The session has ended.")


def _client(request: Request) -> Client:
    return Client(request.client.host if request.client else None, request.headers.get("user-agent"))


def _end_earlier(request: Request, session: RequestSession) -> None:
    cookie = getattr(request.state, "cookie", None)
    if cookie is not None:
        actions.end_session_of(session, cookie)


def _signed_in(request: Request, cookie: str, to: str) -> Response:
    response = leave(request, to)
    set_session(response, cookie)
    return response
