"""Who did what: what of a request comes into the audit log, and who may read it."""

from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import ProgrammingError

from service.audit.actions import append
from service.audit.tables import AuditEvent
from service.core.db import transaction
from tests.support.service import Service, TeamHandle

TYPE = "fine_tuning.job.succeeded"
ENDPOINT = {"name": "ci", "url": "https://ci.example.com", "event_types": [TYPE]}


def events(team: TeamHandle, **filters: Any) -> list[dict[str, Any]]:
    answer = team.http.get("/v1/audit_events", params=filters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_a_write_is_noted_with_who_what_on_what_from_where_and_how_it_ended(service: Service) -> None:
    team = service.make_team()
    answer = team.http.post("/v1/webhook_endpoints", json=ENDPOINT, headers={"User-Agent": "ci/1"})
    (event,) = events(team, object_id=answer.json()["id"])
    assert event["actor"]["type"] == "team_key"
    assert event["actor"]["key_id"].startswith("key_")
    assert event["action"] == "POST /v1/webhook_endpoints"
    assert (event["ip"], event["user_agent"]) == ("127.0.0.1", "ci/1")
    assert (event["outcome"], event["status_code"]) == ("done", 200)
    assert event["request_id"] == answer.headers["x-request-id"]
    assert event["team_id"] == team.id
    assert answer.json()["signing_secret"] not in str(event)


def test_a_refused_write_is_noted_too(service: Service) -> None:
    team = service.make_team(scopes=["manage"])
    assert team.http.delete("/v1/webhook_endpoints/we_none").status_code == 404
    assert team.http.post("/v1/webhook_endpoints", json={}).status_code == 400
    assert team.http.post("/v1/teams", json={"name": "x", "slug": "x"}).status_code == 403
    refused = events(team, outcome="refused")
    assert [(event["action"], event["object_id"], event["status_code"]) for event in refused] == [
        ("POST /v1/teams", None, 403),
        ("POST /v1/webhook_endpoints", None, 400),
        ("DELETE /v1/webhook_endpoints/{webhook_endpoint_id}", "we_none", 404),
    ]
    assert refused[2]["params"] == {"webhook_endpoint_id": "we_none"}


def test_what_only_reads_or_has_no_known_key_is_not_noted(service: Service) -> None:
    team = service.make_team()
    before = len(events(team))
    team.http.get("/v1/webhook_endpoints")
    team.http.post("/v1/webhook_endpoints", json=ENDPOINT, headers={"Authorization": "Bearer th-wrong"})
    team.http.post("/v1/fine_tuning/estimates", json={})
    assert len(events(team)) == before


def test_a_replayed_answer_is_not_a_second_write(service: Service) -> None:
    team = service.make_team()
    for _ in range(2):
        team.http.post("/v1/webhook_endpoints", json=ENDPOINT, headers={"Idempotency-Key": "k"})
    assert len(events(team, outcome="done")) == len({event["object_id"] for event in events(team)})


def test_a_route_that_manages_its_own_transactions_is_noted(service: Service) -> None:
    team = service.make_team()
    file = {"file": ("rows.jsonl", b"{}")}
    made = team.http.post("/v1/files", files=file, data={"purpose": "fine-tune"}).json()
    (event,) = events(team, object_id=made["id"])
    assert (event["action"], event["outcome"]) == ("POST /v1/files", "done")


def test_what_an_admin_does_to_a_team_shows_there_but_not_from_where(service: Service) -> None:
    team, other = service.make_team(), service.make_team()
    made = [(event["action"], event["actor"]["type"], event["ip"]) for event in events(team)]
    assert made == [("POST /v1/teams/{team_id}/keys", "admin", None), ("POST /v1/teams", "admin", None)]
    seen = service.admin.get("/v1/audit_events", headers={"OpenAI-Project": team.id}).json()["data"]
    assert [event["ip"] for event in seen] == ["127.0.0.1"] * 2
    everything = service.admin.get("/v1/audit_events").json()["data"]
    assert {event["team_id"] for event in everything} == {team.id, other.id}


def test_a_team_sees_nothing_of_another_and_cannot_write_into_its_log(service: Service) -> None:
    team, other = service.make_team(), service.make_team()
    before = events(team)
    assert other.http.delete(f"/v1/teams/{team.id}/keys/key_1").status_code == 404
    assert events(team) == before
    # As an event that was deleted long ago, or never existed.
    assert events(other, after=before[0]["id"]) == []
    assert {event["team_id"] for event in events(other)} == {other.id}


def test_pages_filters_and_scope(service: Service) -> None:
    team = service.make_team()
    for _ in range(3):
        team.http.post("/v1/webhook_endpoints", json=ENDPOINT)
    first = team.http.get("/v1/audit_events?limit=2").json()
    rest = team.http.get(f"/v1/audit_events?after={first['last_id']}").json()
    assert (first["has_more"], len(rest["data"])) == (True, 3)
    assert events(team, start_time=2**32) == events(team, end_time=1) == []
    assert events(team, key_id="key_none") == []
    reader = service.make_team(scopes=["read"])
    assert reader.http.get("/v1/audit_events").status_code == 403


@pytest.mark.parametrize(
    "statement",
    [update(AuditEvent).values(status_code=200), delete(AuditEvent), text("TRUNCATE audit_events")],
)
@pytest.mark.usefixtures("database")
def test_the_database_refuses_to_change_the_log(statement: Any) -> None:
    with transaction() as session:
        append(session, team_id="team_1", key_id="key_1", by_admin=False, action="x", status_code=403)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction() as session:
        session.execute(statement)


@pytest.mark.usefixtures("database")
def test_whatever_a_caller_puts_in_a_path_can_be_stored() -> None:
    nasty = "a\x00\ud800" + "x" * 1000
    with transaction() as session:
        append(
            session,
            team_id=None,
            key_id="key_1",
            by_admin=True,
            action="x",
            status_code=404,
            params={"id": nasty},
            object_id=nasty,
        )


def test_what_an_admin_reads_of_all_teams_or_of_one_by_its_path_is_noted(service: Service) -> None:
    team = service.make_team()
    for path in ("/v1/costs", "/v1/teams", f"/v1/teams/{team.id}/quotas"):
        assert service.admin.get(path).status_code == 200
    assert service.admin.get("/v1/files").status_code == 400  # names no team: nothing was shown

    recorded = service.admin.get("/v1/audit_events", params={"limit": 3}).json()["data"]
    assert [(event["action"], event["team_id"]) for event in recorded] == [
        ("GET /v1/teams/{team_id}/quotas", team.id),
        ("GET /v1/teams", None),
        ("GET /v1/costs", None),
    ]
    assert events(team)[0]["action"] == "GET /v1/teams/{team_id}/quotas"
