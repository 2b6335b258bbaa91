"""The pages' cookies: the session, the theme, and a message for the next page."""

from urllib.parse import quote, unquote

from starlette.responses import Response
from starlette.types import Scope

from service.settings import settings

THEME = "tunehouse_theme"
SAID = "tunehouse_said"
_A_YEAR_S = 365 * 86_400
_SAID_FOR_S = 60


def is_secure() -> bool:
    """Whether people reach the service by HTTPS."""
    return settings().public_url.startswith("https://")


def session_name() -> str:
    """Return the name of the session's cookie.

    Browsers accept the prefix `__Host-` only by HTTPS and from this very host, so that no neighbouring host
    can set it.
    """
    return "__Host-tunehouse" if is_secure() else "tunehouse_session"


def cookie_in(scope: Scope, name: str) -> str | None:
    """Return the value of a cookie of this request."""
    for header, value in scope["headers"]:
        if header == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                found, _, text = pair.strip().partition("=")
                if found == name and text:
                    return str(text)
    return None


def set_session(response: Response, cookie: str) -> None:
    """Let the browser keep the session until it closes; the service ends it earlier if it is idle."""
    response.set_cookie(session_name(), cookie, httponly=True, secure=is_secure(), samesite="lax", path="/")


def clear_session(response: Response) -> None:
    """Let the browser forget the session."""
    response.delete_cookie(session_name(), httponly=True, secure=is_secure(), samesite="lax", path="/")


def set_theme(response: Response, theme: str) -> None:
    """Remember the theme in this browser."""
    response.set_cookie(THEME, theme, max_age=_A_YEAR_S, httponly=True, secure=is_secure(), samesite="lax")


def say_next(response: Response, message: str) -> None:
    """Show a message on the next page."""
    text = quote(message)
    response.set_cookie(SAID, text, max_age=_SAID_FOR_S, httponly=True, secure=is_secure(), samesite="lax")


def said_before(scope: Scope) -> str | None:
    """Return the message that the previous page left for this one."""
    text = cookie_in(scope, SAID)
    return None if text is None else unquote(text)


def forget_said(response: Response) -> None:
    """Let the browser forget the message, because it has been shown."""
    response.delete_cookie(SAID, httponly=True, secure=is_secure(), samesite="lax")
