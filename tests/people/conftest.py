"""A browser at the service."""

from collections.abc import Iterator

import pytest

from tests.people.browser import Browser
from tests.support.service import Service


@pytest.fixture
def browser(service: Service) -> Iterator[Browser]:
    """A browser that nobody is signed in with."""
    one = Browser(service.url)
    yield one
    one.http.close()


@pytest.fixture
def other_browser(service: Service) -> Iterator[Browser]:
    """A second browser."""
    one = Browser(service.url)
    yield one
    one.http.close()
