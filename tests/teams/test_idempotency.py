"""`Idempotency-Key`: once done, twice answered."""

from concurrent.futures import ThreadPoolExecutor

import httpx2

from tests.support.service import Service


def post(service: Service, key: str, slug: str = "once") -> httpx2.Response:
    headers = {"Idempotency-Key": key}
    return service.admin.post("/v1/teams", json={"name": "x", "slug": slug}, headers=headers)


def test_the_same_write_gets_the_first_answer_again(service: Service) -> None:
    first, second = post(service, "k1"), post(service, "k1")
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"


def test_another_body_under_the_same_key_is_a_conflict_that_the_sdk_does_not_retry(service: Service) -> None:
    post(service, "k1")
    answer = post(service, "k1", slug="other")
    assert answer.status_code == 409
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"]["code"] == "idempotency_key_reused"


def test_a_refused_write_may_be_sent_again(service: Service) -> None:
    assert post(service, "k1", slug="NOT URL-SAFE").status_code == 400
    assert post(service, "k1").status_code == 200


def test_many_at_once_make_one_team(service: Service) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(service, "k1"), range(16)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) == 1
    assert len(service.admin.get("/v1/teams").json()["data"]) == 1


def test_a_replay_never_shows_a_secret_again(service: Service) -> None:
    team = service.make_team()
    sent = {"url": f"/v1/teams/{team.id}/keys", "json": {"name": "n"}, "headers": {"Idempotency-Key": "k"}}
    first, second = (service.admin.post(**sent).json() for _ in range(2))
    assert first["secret"].startswith("th-")
    assert second == first | {"secret": None}


def test_an_empty_or_endless_key_is_refused(service: Service) -> None:
    assert post(service, "").status_code == 400
    assert post(service, "k" * 256).status_code == 400


def test_an_admins_key_used_for_another_team_is_a_conflict(service: Service) -> None:
    one, other = service.make_team(), service.make_team()

    def put(team_id: str) -> httpx2.Response:
        headers = {"Idempotency-Key": "k", "OpenAI-Project": team_id}
        return service.admin.put("/v1/aliases/prod", json={"model": "sandbox-mini"}, headers=headers)

    assert put(one.id).status_code == 200
    assert put(other.id).json()["error"]["code"] == "idempotency_key_reused"
