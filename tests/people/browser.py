"""A browser without JavaScript, as far as our pages need one: it keeps cookies and sends forms."""

import re
from typing import Any

import httpx2

from service.core.db import transaction
from service.people.actions import make_link
from tests.support.plain import NO_CERTIFICATES

_TOKEN = re.compile(r'name="csrf" value="([0-9a-f]{64}[^"]*)"')


class Browser:
    """One person's browser at one service."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx2.Client(
            base_url=url, timeout=60, trust_env=False, verify=NO_CERTIFICATES, follow_redirects=True
        )

    def open(self, path: str, **options: Any) -> httpx2.Response:
        """Open a page."""
        return self.http.get(path, **options)

    def send(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> httpx2.Response:
        """Send a form as our own pages do: with the session's token, and from our own origin."""
        found = _TOKEN.search(self.open("/").text)
        token = {"csrf": found.group(1)} if found else {}
        sent = {"origin": self.url, "sec-fetch-site": "same-origin"} | headers
        return self.http.post(path, data=token | (fields or {}), headers=sent)

    def sign_in(self, key: str, next: str = "/") -> httpx2.Response:
        """Sign in with a key."""
        return self.send("/sign-in", {"key": key, "next": next})

    @property
    def cookie(self) -> str | None:
        """The cookie that names the session."""
        return self.http.cookies.get("tunehouse_session")


def link_to_sign_in() -> str:
    """The token of a new link for an admin."""
    with transaction() as session:
        return make_link(session)
