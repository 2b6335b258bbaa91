"""Every page, for each role and in both themes: it answers, axe finds nothing, and the browser is silent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.pages.conftest import SHOTS
from tests.pages.paths import OF_A_TEAM, OF_ADMINS
from tests.pages.person import Person, Theme
from tests.pages.town import Town
from tests.support.service import Service

THEMES: tuple[Theme, ...] = ("light", "dark")


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_of_a_team(chromium: Browser, service: Service, town: Town, theme: Theme) -> None:
    with Person(chromium, service.url, color_scheme=theme) as person:
        person.sign_in(town.team.key)
        _walk(person, "team", [path.format(**vars(town)) for path in OF_A_TEAM], theme)


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_of_an_admin(chromium: Browser, service: Service, theme: Theme) -> None:
    service.make_team()
    with Person(chromium, service.url, color_scheme=theme) as person:
        person.open("/sign-in")
        _hold(person, "welcome", theme)
        person.sign_in_as_admin()
        _walk(person, "admin", list(OF_ADMINS), theme)


def test_every_page_fits_a_phone(chromium: Browser, service: Service, town: Town) -> None:
    with Person(chromium, service.url) as person:
        person.page.set_viewport_size({"width": 360, "height": 740})
        person.sign_in(town.team.key)
        for path in OF_A_TEAM:
            person.open(path.format(**vars(town)))
            width = person.page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, path
        person.check()


def _walk(person: Person, role: str, paths: list[str], theme: Theme) -> None:
    for path in paths:
        answer = person.open(path)
        assert answer.status == 200, path
        _hold(person, f"{role}{path}", theme)
    person.check()


def _hold(person: Person, name: str, theme: Theme) -> None:
    """Keep a picture of the page, and let axe look at it."""
    page = person.page
    assert page.locator("h1").count() == 1, name
    found = Axe().run(page)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"
    SHOTS.mkdir(parents=True, exist_ok=True)
    plain = re.sub(r"(file|ftjob|ft|team)[-:_][A-Za-z0-9:%.-]+", r"\1", name)
    file = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    page.screenshot(path=Path(SHOTS) / f"{file}-{theme}.png", full_page=True)
