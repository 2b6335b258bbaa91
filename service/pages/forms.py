"""Read submitted forms, and refuse those that another site sent."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request

from service.app.edge.headers import Headers
from service.errors import Forbidden, InvalidRequest

_TYPE = b"application/x-www-form-urlencoded"
_MOST_FIELDS = 200
_FOREIGN = "This form was sent by another site, so nothing was changed. Open the page here and send it again."


def refuse_other_sites(headers: Headers) -> None:
    """Refuse a write that did not come from one of our own pages.

    Browsers send `Sec-Fetch-Site` or `Origin` with every form, and pages cannot forge either. Raises
    `Forbidden`.
    """
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is None and origin is None:
        raise Forbidden(_FOREIGN, code="other_site")
    if site is not None and site != b"same-origin":
        raise Forbidden(_FOREIGN, code="other_site")
    if origin is not None and urlsplit(origin.decode("latin-1")).netloc.encode() != headers.get(b"host"):
        raise Forbidden(_FOREIGN, code="other_site")


def csrf_token(cookie: str, acting_team: str | None) -> str:
    """Return the token that every form of this session carries. It does not reveal the cookie.

    With `acting_team`, which an admin has chosen, it is also the team's: an admin who has chosen another team
    meanwhile, in another tab, must not change that one.
    """
    token = hashlib.sha256(f"form {cookie}".encode()).hexdigest()
    return f"{token}.{acting_team}" if acting_team else token


def require_token(sent: str | None, expected: str, *, any_team: bool = False) -> None:
    """Refuse a form without the session's token, or of another team unless `any_team`. Raises `Forbidden`."""
    if sent is not None and any_team:
        sent, expected = sent.partition(".")[0], expected.partition(".")[0]
    if sent is None or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise Forbidden(
            "This form is out of date, so nothing was changed. Open the page again.", code="form_token"
        )


def read_form(headers: Headers, body: bytes) -> dict[str, str]:
    """Return the fields of a form. Raises `InvalidRequest`, also if one of them occurs twice."""
    if not body:
        return {}
    if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != _TYPE:
        raise InvalidRequest(f"Send the form as {_TYPE.decode()}.", param="content-type")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError as wrong:
        raise InvalidRequest("The form is malformed.", code="invalid_form") from wrong
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise InvalidRequest("The form has a field twice. Send each field once.", code="duplicate_field")
    if any("\x00" in text for text in fields.values()):
        raise InvalidRequest("The form contains a NUL character.", code="invalid_value")
    return fields


def _posted(request: Request) -> Mapping[str, str]:
    form: Mapping[str, str] = request.state.form
    return form


Posted = Annotated[Mapping[str, str], Depends(_posted)]


def is_local(path: str) -> bool:
    """Whether this is a path of ours, and not the address of another site in disguise."""
    parts = urlsplit(path)
    is_plain = path.isprintable() and "\\" not in path
    return (
        path.startswith("/") and not path.startswith("//") and is_plain and not (parts.scheme or parts.netloc)
    )
