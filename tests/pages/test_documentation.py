"""The documentation in a browser: it is read and searched, and loads nothing from elsewhere."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.pages.conftest import SHOTS
from tests.pages.person import Person


def test_the_documentation_is_read_and_searched(person: Person) -> None:
    page = person.page
    person.open("/docs/")
    page.get_by_role("link", name="I was given a key").first.click()
    expect(page).to_have_url(re.compile("/docs/start/key/$"))
    expect(page.get_by_role("heading", name="In Python")).to_be_visible()
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "documentation.png")

    page.keyboard.press("/")
    page.get_by_role("searchbox").or_(page.get_by_placeholder("Search")).first.fill("idempotency")
    expect(page.get_by_role("link", name=re.compile("idempotency", re.IGNORECASE)).first).to_be_visible()

    person.check()
