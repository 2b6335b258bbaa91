"""Whether a provider answers is seen by asking it, and shown without its secrets."""

import pytest

from service.providers.health import look_at
from tests.providers.raw_server import KEY, Answer, RawServer, error_body, provider_at
from tests.support.processes import free_port
from tests.support.service import Service


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(body={"data": [{"id": "gpt-4.1"}]}), None),
        (Answer(429, error_body("too many")), None),
        (Answer(401, error_body("wrong key")), "key_refused"),
        (Answer(500, error_body("oops")), "failing"),
        (Answer(404, b"nothing here"), "failing"),
        (Answer(200, b"<html>"), "failing"),
    ],
)
def test_an_answer_tells_the_providers_health(answer: Answer, problem: str | None) -> None:
    with RawServer(lambda _: answer) as server:
        assert look_at(server.provider()).problem == problem


def test_a_provider_that_nobody_runs_is_unreachable() -> None:
    assert look_at(provider_at(f"http://127.0.0.1:{free_port()}/v1")).problem == "unreachable"


def test_the_route_lists_providers_without_key_or_address(service: Service) -> None:
    answer = service.make_team(scopes=["read"]).http.get("/v1/providers")

    one, _ = answer.json()["data"]
    assert set(one) == {"object", "name", "kind", "healthy", "problem", "checked_at", "blocks", "circuit"}
    assert (one["name"], one["kind"], one["healthy"], one["problem"]) == ("trainer", "trainer", True, None)
    assert KEY not in answer.text


def test_the_route_wants_a_key_that_may_read(service: Service) -> None:
    assert service.http(None).get("/v1/providers").status_code == 401
    assert service.make_team(scopes=["train"]).http.get("/v1/providers").status_code == 403
