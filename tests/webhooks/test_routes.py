"""The routes, through the stock SDK and plain HTTP, with a real api and worker."""

from collections.abc import Iterator
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError

from service.core.db import transaction
from service.events.actions import append
from service.events.types import PUBLISHED, EventType
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import Answer, Receiver, receiver

TYPE = "fine_tuning.job.succeeded"


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def make_endpoint(team: TeamHandle, url: str = "https://ci.example.com/hooks") -> Any:
    return team.sdk.webhooks.create(name="ci", url=url, event_types=[TYPE])


def happen(team: TeamHandle) -> str:
    with transaction() as session:
        event_id = append(session, team_id=team.id, subject_id="ftjob-1", type=EventType.JOB_SUCCEEDED)
        assert event_id is not None
        return event_id


def await_worker(team: TeamHandle, target: Receiver) -> None:
    """The worker is up and delivers: a sample is not waited for longer than ten seconds."""
    happen(team)
    target.wait_for(1)
    target.requests.clear()


def test_the_sdk_manages_endpoints(service: Service) -> None:
    sdk = service.make_team().sdk
    made = sdk.webhooks.create(name="ci", url="https://ci.example.com/hooks", event_types=[TYPE])
    assert made.object == "webhook_endpoint"
    assert made.signing_secret.startswith("whsec_")
    assert made.signing_secret_hint is not None
    assert made.signing_secret not in sdk.webhooks.retrieve(made.id).to_json()
    changed = sdk.webhooks.update(made.id, name="other", event_types=["fine_tuning.job.failed"])
    assert (changed.name, changed.event_types) == ("other", ["fine_tuning.job.failed"])
    second = sdk.webhooks.create(name="b", url="https://b.example.com", event_types=[TYPE, TYPE])
    assert second.event_types == [TYPE]
    assert [endpoint.id for endpoint in sdk.webhooks.list(limit=1)] == [second.id, made.id]
    assert sdk.webhooks.delete(made.id).deleted
    with pytest.raises(NotFoundError):
        sdk.webhooks.retrieve(made.id)
    assert [endpoint.id for endpoint in sdk.webhooks.list()] == [second.id]


def test_the_sdk_lists_every_published_type(service: Service) -> None:
    assert service.make_team().sdk.webhooks.event_types.list().data == list(PUBLISHED)


def test_rotating_shows_a_new_secret(service: Service) -> None:
    sdk = service.make_team().sdk
    made = sdk.webhooks.create(name="ci", url="https://ci.example.com", event_types=[TYPE])
    kept = sdk.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    dropped = sdk.webhooks.rotate_secret(made.id)
    assert len({made.signing_secret, kept.signing_secret, dropped.signing_secret}) == 3


def test_a_sample_is_sent_at_once_and_unwraps(service: Service, worker: Worker, target: Receiver) -> None:
    team = service.make_team()
    sdk = team.sdk
    made = sdk.webhooks.create(name="ci", url=target.url, event_types=[TYPE])
    await_worker(team, target)
    result = sdk.webhooks.test(made.id, event_type=TYPE)
    assert (result.status_code, result.success, result.webhook_endpoint_id) == (200, True, made.id)
    (request,) = target.requests
    event: Any = sdk.webhooks.unwrap(request.body, request.headers, secret=made.signing_secret)
    assert (event.type, event.data.id) == (TYPE, "ftjob-sample")


@pytest.mark.parametrize("status", [302, 403])
def test_a_sample_that_is_refused_is_no_success_and_changes_nothing(
    service: Service, worker: Worker, target: Receiver, status: int
) -> None:
    team = service.make_team()
    made = make_endpoint(team, target.url)
    await_worker(team, target)
    target.answers.append(Answer(status, b"a secret page"))
    path = f"/v1/webhook_endpoints/{made.id}"
    tested = team.http.post(f"{path}/test", json={"event_type": TYPE}).json()
    assert (tested["status_code"], tested["success"], tested["state"]) == (status, False, "failed")
    delivery = team.http.get(f"/v1/webhook_deliveries/{tested['delivery_id']}").json()
    assert [attempt["response_excerpt"] for attempt in delivery["attempts"]] == [""]
    assert delivery["next_attempt_at"] is None
    assert team.http.get(path).json()["enabled"]


def test_a_disabled_endpoint_can_be_tested_before_it_is_enabled(
    service: Service, worker: Worker, target: Receiver
) -> None:
    team = service.make_team()
    sdk = team.sdk
    made = sdk.webhooks.create(name="ci", url=target.url, event_types=[TYPE])
    await_worker(team, target)
    sdk.webhooks.update(made.id, extra_body={"enabled": False})
    assert sdk.webhooks.test(made.id, event_type=TYPE).success


def test_a_sample_to_nobody_says_so_once(service: Service, worker: Worker) -> None:
    team = service.make_team()
    with receiver() as gone:
        made = make_endpoint(team, gone.url)
        await_worker(team, gone)
    with pytest.raises(BadRequestError) as refusal:
        team.sdk.webhooks.test(made.id, event_type=TYPE)
    assert refusal.value.code == "webhook_endpoint_unreachable"
    assert "the connection was refused" in str(refusal.value)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"url": "http://ci.example.com@evil/"}, "url"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"url": "ftp://ci.example.com/"}, "url"),
        ({"url": "https://ci.example.com/" + "x" * 3000}, "url"),
        ({"event_types": []}, "event_types"),
        ({"event_types": ["no.such"]}, "event_types.0"),
        ({"event_types": ["fine_tuning.job.metrics"]}, "event_types.0"),
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_a_malformed_endpoint_is_refused_by_field(
    service: Service, body: dict[str, object], param: str
) -> None:
    team = service.make_team()
    good = {"name": "ci", "url": "https://ci.example.com", "event_types": [TYPE]}
    answer = team.http.post("/v1/webhook_endpoints", json=good | body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_an_idempotent_creation_happens_once_and_hides_the_secret_the_second_time(service: Service) -> None:
    team = service.make_team()
    body = {"name": "ci", "url": "https://ci.example.com", "event_types": [TYPE]}
    first, second = (
        team.http.post("/v1/webhook_endpoints", json=body, headers={"Idempotency-Key": "k"}).json()
        for _ in range(2)
    )
    assert first["id"] == second["id"]
    assert first["signing_secret"]
    assert second["signing_secret"] is None
    assert len(list(team.sdk.webhooks.list())) == 1


def test_a_team_has_a_bounded_number_of_endpoints(service: Service) -> None:
    team = service.make_team()
    service.admin.put(f"/v1/teams/{team.id}/quotas", json={"endpoints": 2}).raise_for_status()
    for _ in range(2):
        make_endpoint(team)
    body = {"name": "ci", "url": "https://ci.example.com", "event_types": [TYPE]}
    answer = team.http.post("/v1/webhook_endpoints", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "quota_exceeded")


def test_an_event_is_delivered_by_the_worker_and_shows_in_the_log(
    service: Service, worker: Worker, target: Receiver
) -> None:
    team = service.make_team()
    made = make_endpoint(team, target.url)
    event_id = happen(team)
    (request,) = target.wait_for(1)
    team.sdk.webhooks.unwrap(request.body, request.headers, secret=made.signing_secret)

    def found() -> Any:
        filters = {"webhook_endpoint_id": made.id, "event_id": event_id, "state": "delivered"}
        return team.http.get("/v1/webhook_deliveries", params=filters).json()["data"]

    (delivery,) = wait_until(found)
    assert delivery["id"] == request.headers["webhook-id"]
    assert delivery["attempts"][0]["status_code"] == 200
    assert delivery["attempts"][0]["response_excerpt"] == "ok"
    assert team.http.get(f"/v1/webhook_deliveries/{delivery['id']}").json() == delivery


def test_a_delivery_is_retried_by_hand(service: Service, worker: Worker, target: Receiver) -> None:
    team = service.make_team()
    make_endpoint(team, target.url)
    happen(team)
    (first,) = target.wait_for(1)
    path = f"/v1/webhook_deliveries/{first.headers['webhook-id']}"
    wait_until(lambda: team.http.get(path).json()["state"] == "delivered")
    assert team.http.post(f"{path}/retry").json()["state"] == "pending"
    second = target.wait_for(2)[1]
    assert second.headers["webhook-id"] == first.headers["webhook-id"]
    assert second.body == first.body
    wait_until(lambda: len(team.http.get(path).json()["attempts"]) == 2)


def test_a_disabled_endpoint_takes_no_retries_until_it_is_enabled(
    service: Service, worker: Worker, target: Receiver
) -> None:
    team = service.make_team()
    made = make_endpoint(team, target.url)
    target.answers.append(Answer(410))
    happen(team)
    (request,) = target.wait_for(1)
    path = f"/v1/webhook_endpoints/{made.id}"
    shown = wait_until(lambda: (shown := team.http.get(path).json()) and not shown["enabled"] and shown)
    assert shown["disabled_reason"] == "gone"
    retry = f"/v1/webhook_deliveries/{request.headers['webhook-id']}/retry"
    assert team.http.post(retry).json()["error"]["code"] == "webhook_endpoint_disabled"
    assert team.http.post(path, json={"enabled": True}).json()["enabled"]
    assert team.http.post(retry).status_code == 200
    target.wait_for(2)


def test_another_team_finds_nothing(service: Service, target: Receiver) -> None:
    team, other = service.make_team(), service.make_team()
    made = make_endpoint(team, target.url)
    paths = [
        ("GET", f"/v1/webhook_endpoints/{made.id}", None),
        ("POST", f"/v1/webhook_endpoints/{made.id}", {"enabled": False}),
        ("POST", f"/v1/webhook_endpoints/{made.id}/rotate_secret", {}),
        ("POST", f"/v1/webhook_endpoints/{made.id}/test", {"event_type": TYPE}),
        ("DELETE", f"/v1/webhook_endpoints/{made.id}", None),
        ("GET", f"/v1/webhook_endpoints?after={made.id}", None),
        ("GET", "/v1/webhook_deliveries/wh_1", None),
        ("POST", "/v1/webhook_deliveries/wh_1/retry", None),
    ]
    for method, path, body in paths:
        foreign = other.http.request(method, path, json=body)
        assert foreign.status_code == 404, (method, path)
    assert other.http.get("/v1/webhook_endpoints").json()["data"] == []
    assert team.http.get(f"/v1/webhook_endpoints/{made.id}").json()["enabled"]
    assert target.requests == []


def test_an_admin_manages_the_organizations_endpoints_and_no_team_sees_them(service: Service) -> None:
    body = {"name": "finance", "url": "https://ci.example.com/hooks", "event_types": ["costs.flagged"]}
    made = service.admin.post("/v1/webhook_endpoints", json=body).json()
    path = f"/v1/webhook_endpoints/{made['id']}"
    assert [one["id"] for one in service.admin.get("/v1/webhook_endpoints").json()["data"]] == [made["id"]]
    assert service.make_team().http.get(path).status_code == 404
    assert service.admin.get("/v1/webhook_deliveries").json()["data"] == []
    assert service.admin.delete(path).json()["deleted"] is True


def test_a_key_without_the_scope_is_refused(service: Service) -> None:
    team = service.make_team(scopes=["read", "train", "infer"])
    for path in ("/v1/webhook_endpoints", "/v1/webhook_deliveries", "/v1/webhook_event_types"):
        assert team.http.get(path).status_code == 403
