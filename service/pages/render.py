"""Render templates, and send people on to the next page."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service.errors import NotFound
from service.ledger.reports.exports import csv_response
from service.pages import charts, static, words
from service.pages.cookies import THEME, cookie_in, forget_said, said_before, say_next
from service.pages.listing import Listing
from service.pages.navigation import navigation

# Nothing inline, nothing from other hosts, no framing: if escaping ever failed, nothing could run or leave.
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
}
LIVE = "x-live"  # sent by our script, which cannot follow redirects and read errors as a browser does


class Refilled(Exception):
    """A form is shown again with what is wrong in it. Raised, so that the transaction is rolled back."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= words.FILTERS
    environment.globals |= {"charts": charts, "static": static.FOLDER}
    return environment


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page."""
    scope = request.scope
    signed_in = scope["state"].get("signed_in")
    said = said_before(scope)
    shown = {
        "signed_in": signed_in,
        "who": signed_in.caller if signed_in else None,
        "csrf": scope["state"].get("csrf"),
        "theme": cookie_in(scope, THEME),
        "nav": navigation(signed_in.caller, scope["path"]) if signed_in else [],
        "team_name": signed_in.team_name if signed_in else None,
        "path": scope["path"],
        "query": request.query_params,
        "said": said,
    }
    if status == 422 and LIVE in request.headers:
        status = 200  # browsers log every 4xx of a script in the console
    html = _environment().get_template(template).render(shown | values)
    response = HTMLResponse(html, status, HEADERS)
    if said is not None:
        forget_said(response)
    return response


def show(request: Request, template: str, *, lists: Sequence[Listing] = (), **values: Any) -> Response:
    """Return a page with these tables; with `?csv=NAME`, one of the tables as CSV. Raises `NotFound`.

    The name of a CSV says if it has only the first rows.
    """
    wanted = request.query_params.get("csv")
    for listing in lists:
        if listing.name == wanted:
            part = f"-first-{len(listing.rows)}" if listing.more else ""
            return csv_response(f"{listing.name}{part}.csv", listing.csv_columns, listing.csv_rows())
    if wanted is not None:
        raise NotFound(f"This page has no table {wanted!r}.", param="csv")
    return render(request, template, **values, **dict[str, Any]({one.name: one for one in lists}))


def leave(request: Request, to: str, said: str | None = None) -> Response:
    """Send the browser on to another page, with a message to show there."""
    is_live = LIVE in request.headers
    response = Response(status_code=204, headers={"x-location": to}) if is_live else Response(status_code=303)
    if not is_live:
        response.headers["location"] = to
    response.headers["cache-control"] = "no-store"
    if said is not None:
        say_next(response, said)
    return response
