"""A person with a browser. Whatever the browser complains about makes the test fail."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

from tests.people.browser import link_to_sign_in

Theme = Literal["light", "dark"]
_SIZE = {"width": 1440, "height": 900}


class Person:
    """Opens pages of one service and notes what a good page must not do."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        self._browser = browser
        self._options = options
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        self.context = self._browser.new_context(viewport=_SIZE, base_url=self.url, **self._options)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", self._note_request)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.context.close()

    def sign_in(self, key: str) -> None:
        """Sign in with a key, as the form asks."""
        self.page.goto("/sign-in")
        self.page.get_by_label("Your key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("navigation", name="Money").wait_for()

    def sign_in_as_admin(self) -> None:
        """Sign in with a one-time link."""
        self.page.goto(f"/sign-in/link?token={link_to_sign_in()}")
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="All teams").wait_for()

    def open(self, path: str) -> Response:
        """Open a page."""
        answer = self.page.goto(path)
        assert answer is not None
        return answer

    def check(self) -> None:
        """Fail if the browser has complained."""
        assert not self.complaints, "\n".join(self.complaints)

    def _note_message(self, message: ConsoleMessage) -> None:
        self.complaints.append(f"console at {urlsplit(self.page.url).path}: {message.text}")

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.complaints.append(f"request to another host: {request.url}")
