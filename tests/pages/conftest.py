"""Fixtures of the pages in a browser: Debian's Chromium, driven by Playwright, at the real service.

Run by `make test-pages`, in an environment with Playwright; elsewhere nothing of this folder is collected.
Every page that a test opens is held against the rules: no console message, no request to another host.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import ADMIN_KEY
from tests.support.clean import clean, work_left
from tests.support.processes import Api, Worker
from tests.support.service import Service
from tests.support.waiting import wait_until

HAS_PLAYWRIGHT = find_spec("playwright") is not None
collect_ignore_glob = [] if HAS_PLAYWRIGHT else ["test_*.py"]

if HAS_PLAYWRIGHT:
    from playwright.sync_api import Browser, Playwright, sync_playwright

    from tests.pages.person import Person
    from tests.pages.town import Town, settle

SHOTS = Path(os.environ.get("TUNEHOUSE_SHOTS", Path(__file__).parents[2] / ".cache" / "shots"))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright itself."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The browser."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    browser = playwright.chromium.launch(
        executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def service(api_process: Api, postgres_url: str) -> Iterator[Service]:
    """The api with a database that is empty at the start of each module: making a town takes long."""
    clean(postgres_url)
    with Service(api_process.url, ADMIN_KEY) as running:
        yield running
    clean(postgres_url)


@pytest.fixture(scope="module")
def worker(worker_process: Worker, service: Service) -> Iterator[Worker]:
    """A worker at work; the module ends red when work is left queued."""
    yield worker_process
    wait_until(lambda: not work_left())


@pytest.fixture(scope="module")
def town(service: Service, worker: Worker) -> Iterator[Town]:
    """A team with data, jobs, models and costs."""
    found = settle(service)
    yield found
    wait_until(found.is_quiet)


@pytest.fixture
def person(chromium: Browser, service: Service) -> Iterator[Person]:
    """Somebody with a browser, who is not signed in."""
    with Person(chromium, service.url) as one:
        yield one
        one.check()
