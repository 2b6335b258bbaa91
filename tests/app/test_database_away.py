"""Without a database, requests are answered with 503, also those that meet it before their route."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from service.pages import create_app
from tests.conftest import ADMIN_KEY, patched_database_url
from tests.support.processes import free_port


@pytest.fixture
def client(providers_environment: dict[str, str]) -> Iterator[TestClient]:
    """A client of an api whose database does not answer."""
    url = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    with patched_database_url(url), TestClient(create_app(), raise_server_exceptions=False) as one:
        yield one


@pytest.mark.parametrize("key", ["th-unknown", ADMIN_KEY])
def test_the_api_asks_to_try_again(client: TestClient, key: str) -> None:
    answer = client.get("/v1/teams", headers={"authorization": f"Bearer {key}"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "The database is unavailable" in answer.json()["error"]["message"]


def test_a_page_says_so(client: TestClient) -> None:
    answer = client.get("/jobs", headers={"cookie": "tunehouse_session=abc"})

    assert answer.status_code == 503
    assert "<h1>Not available at the moment</h1>" in answer.text
    assert "The database is unavailable" in answer.text
