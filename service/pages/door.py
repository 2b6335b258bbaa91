"""The pages' door: find the session of the browser's cookie, and refuse writes that another site sent.

Pages never accept a bearer key, and the API never accepts a cookie: so no other site can use a person's
session on the API, and nobody can post to a page with a key that leaked.
"""

import re
from dataclasses import replace
from urllib.parse import parse_qs, urlencode

import structlog
from anyio.to_thread import run_sync
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app.edge import headers as heads
from service.app.edge.bodies import Bodies
from service.app.edge.door import STRANGERS_AT_ONCE, replayed, run_in_turn, stranger_at
from service.app.edge.headers import Headers
from service.app.edge.turns import Turns
from service.app.errors import DATABASE_AWAY, database_away
from service.audit.trail import PAGE
from service.core.db import transaction
from service.core.http.in_flight import InFlight
from service.errors import TunehouseError, Unauthenticated
from service.pages.cookies import cookie_in, session_name
from service.pages.errors import error_page
from service.pages.forms import csrf_token, read_form, refuse_other_sites, require_token
from service.people.queries import SignedIn, check_session, find_session
from service.teams.known import KEY_CHECKS

_SAFE = ("GET", "HEAD")
_PUBLIC = re.compile(r"/(static/.+|sign-in(/.*)?)")
# Writes that do not concern the team that an admin acts for. Every page has the forms of the first two.
_OF_NO_TEAM = re.compile(
    r"/(sign-out|theme|teams/choose|sessions/[^/]+/end|admin/teams|admin/work/run|admin/reviews/[^/]+)"
)
_UPLOAD = "/datasets/new"
_PLAYGROUND = "/playground"


class PageDoor:
    """Admits requests to the pages."""

    def __init__(
        self, app: ASGIApp, *, turns: Turns, in_flight: InFlight, forms: Bodies, uploads: Bodies
    ) -> None:
        self._app = app
        self._in_flight = in_flight
        self._turns = turns
        self._forms = forms
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})[PAGE] = True
        try:
            headers = heads.read_headers(scope)
            heads.check_target(scope)
            if scope["method"] not in _SAFE:
                refuse_other_sites(headers)
            signed_in = await self._find(scope)
            if _PUBLIC.fullmatch(scope["path"]):
                await self._admit_stranger(scope, headers, receive, send)
            elif signed_in is None:
                await _to_sign_in(scope)(scope, receive, send)
            else:
                await self._admit(signed_in, scope, headers, receive, send)
        except TunehouseError as refusal:
            await error_page(scope, refusal)(scope, receive, send)
        except DATABASE_AWAY as failure:
            await error_page(scope, database_away(failure))(scope, receive, send)

    async def _find(self, scope: Scope) -> SignedIn | None:
        """Return the session that the cookie names, and remember it for the page; None if there is none."""
        cookie = cookie_in(scope, session_name())
        if cookie is None:
            return None
        teams = parse_qs(scope["query_string"].decode("latin-1")).get("team", [])
        try:
            found = await run_sync(_session_of, cookie, teams[-1] if teams else None, limiter=KEY_CHECKS)
        except Unauthenticated:
            return None
        acting_team = found.caller.team_id if found.caller.is_admin else None
        scope["state"] |= {
            "signed_in": found,
            "csrf": csrf_token(cookie, acting_team),
            "cookie": cookie,
            "recheck": lambda: run_sync(_check_session, cookie, limiter=KEY_CHECKS),
        }
        return found

    async def _admit_stranger(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        owner = stranger_at(scope["path"])
        with self._in_flight.entered(owner, STRANGERS_AT_ONCE):
            body = await self._forms.whole(headers, receive) if heads.has_body(headers) else b""
            scope["state"]["form"] = read_form(headers, body)
            await run_in_turn(self._app, self._turns, owner, scope, replayed(body, receive), send)

    async def _admit(
        self, signed_in: SignedIn, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> None:
        is_of_no_team = _OF_NO_TEAM.fullmatch(scope["path"]) is not None
        caller = replace(signed_in.caller, team_is_archived=False) if is_of_no_team else signed_in.caller
        scope["state"]["caller"] = caller
        structlog.contextvars.bind_contextvars(key_id=caller.key_id, team_id=caller.team_id)
        owner = caller.counted_as
        with self._in_flight.entered(owner, caller.most_in_flight):
            if scope["method"] == "POST" and scope["path"] == _UPLOAD:
                await self._app(scope, self._uploads.paced(headers, receive), send)
                return
            body = await self._forms.whole(headers, receive) if heads.has_body(headers) else b""
            if scope["method"] not in _SAFE:
                form = scope["state"]["form"] = read_form(headers, body)
                require_token(form.get("csrf"), scope["state"]["csrf"], any_team=is_of_no_team)
            if scope["path"] == _PLAYGROUND:  # it waits for a provider, so it takes no turn from others
                await self._app(scope, replayed(body, receive), send)
                return
            await run_in_turn(self._app, self._turns, owner, scope, replayed(body, receive), send)


def _session_of(cookie: str, team_id: str | None) -> SignedIn:
    with transaction() as session:
        return find_session(session, cookie, team_id)


def _check_session(cookie: str) -> None:
    with transaction() as session:
        check_session(session, cookie)


def _to_sign_in(scope: Scope) -> RedirectResponse:
    if scope["method"] not in _SAFE or scope["path"] == "/":
        return RedirectResponse("/sign-in", 303)
    query = scope["query_string"].decode("latin-1")
    target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    return RedirectResponse(f"/sign-in?{urlencode({'next': target})}", 303)
