"""Teams, their keys, and who may do what, over HTTP."""

import pytest
from sqlalchemy import select

from service.core.db import transaction
from service.teams.keys.queries import get_key
from service.teams.keys.tables import ApiKey, KeySecret
from tests.support.service import Service


def test_a_new_keys_secret_is_shown_once_and_works(service: Service) -> None:
    team = service.make_team()
    listed = team.http.get(f"/v1/teams/{team.id}/keys").json()["data"]
    assert [key["prefix"] for key in listed] == [team.key[:8]]
    assert "secret" not in listed[0]
    assert team.key not in str(listed)


def test_a_key_has_at_least_160_random_bits(service: Service) -> None:
    assert len(service.make_team().key.removeprefix("th-")) * 5.95 >= 160


def test_the_database_knows_no_secret(service: Service) -> None:
    secret = service.make_team().key
    with transaction() as session:
        rows = [*session.scalars(select(ApiKey)), *session.scalars(select(KeySecret))]
        stored = [vars(row) for row in rows]
    assert stored
    assert secret not in str(stored)


@pytest.mark.parametrize("sent", [None, "th-", "th-wrong", "Bearer", "é", "x" * 5000])
def test_a_wrong_key_is_refused_in_the_one_shape(service: Service, sent: str | None) -> None:
    headers = {} if sent is None else {"Authorization": f"Bearer {sent}".encode()}
    answer = service.http(None).get("/v1/teams", headers=headers)
    assert answer.status_code == 401
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.headers["x-request-id"].startswith("req_")


def test_a_revoked_key_stops_working_at_once(service: Service) -> None:
    team = service.make_team()
    key_id = team.http.get(f"/v1/teams/{team.id}/keys").json()["data"][0]["id"]
    assert team.http.delete(f"/v1/teams/{team.id}/keys/{key_id}").json()["deleted"] is True
    assert team.http.get(f"/v1/teams/{team.id}").status_code == 401


def test_a_rotated_key_gives_way_to_the_new_one(service: Service) -> None:
    team = service.make_team()
    key_id = team.http.get(f"/v1/teams/{team.id}/keys").json()["data"][0]["id"]
    fresh = team.http.post(f"/v1/teams/{team.id}/keys/{key_id}/rotate").json()["secret"]
    assert team.http.get(f"/v1/teams/{team.id}").status_code == 401
    assert service.http(fresh).get(f"/v1/teams/{team.id}").status_code == 200


def test_a_key_without_the_scope_is_refused(service: Service) -> None:
    reader = service.make_team(scopes=["read"])
    answer = reader.http.get(f"/v1/teams/{reader.id}/keys")
    assert answer.status_code == 403
    assert "'manage'" in answer.json()["error"]["message"]


def test_a_key_cannot_make_one_that_may_do_more(service: Service) -> None:
    manager = service.make_team(scopes=["manage"])
    answer = manager.http.post(f"/v1/teams/{manager.id}/keys", json={"name": "more", "scopes": ["train"]})
    assert answer.status_code == 403


def test_another_teams_page_looks_like_one_that_does_not_exist(service: Service) -> None:
    one, other = service.make_team(), service.make_team()
    foreign = one.http.get(f"/v1/teams/{other.id}").json()["error"]
    missing = one.http.get("/v1/teams/team_missing").json()["error"]
    assert foreign | {"message": ""} == missing | {"message": ""}
    assert foreign["message"].replace(other.id, "team_missing") == missing["message"]


def test_a_slug_is_never_given_twice(service: Service) -> None:
    team = service.make_team()
    service.admin.delete(f"/v1/teams/{team.id}").raise_for_status()
    answer = service.admin.post("/v1/teams", json={"name": "again", "slug": team.slug})
    assert answer.status_code == 409
    assert answer.headers["x-should-retry"] == "false"


def test_an_archived_teams_keys_stop_working(service: Service) -> None:
    team = service.make_team()
    service.admin.delete(f"/v1/teams/{team.id}").raise_for_status()
    assert team.http.get(f"/v1/teams/{team.id}").status_code == 401


@pytest.mark.parametrize("slug", ["", "Up", "a b", "-a", "a-", "a" * 33, "é", "a/b", "a\x00"])
def test_a_slug_that_is_not_url_safe_is_refused_by_name(service: Service, slug: str) -> None:
    answer = service.admin.post("/v1/teams", json={"name": "x", "slug": slug})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "slug"


def test_only_an_admin_makes_teams(service: Service) -> None:
    answer = service.make_team().http.post("/v1/teams", json={"name": "x", "slug": "x"})
    assert answer.status_code == 403


@pytest.mark.parametrize("limit", ["budget", "rate_limits"])
def test_a_key_that_is_being_changed_can_be_read(service: Service, limit: str) -> None:
    team = service.make_team()
    key_id = service.admin.get(f"/v1/teams/{team.id}/keys").json()["data"][0]["id"]
    with transaction() as session:
        get_key(session, team.id, key_id, lock=True)
        answer = service.admin.get(f"/v1/teams/{team.id}/keys/{key_id}/{limit}")
    assert answer.status_code == 200
