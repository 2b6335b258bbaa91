"""Events on their way to endpoints: the worker's steps against a real database and a real receiver."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from openai import OpenAI
from sqlalchemy import select

from service.core.db import transaction
from service.core.work import LeaseLost, claim, schedule
from service.errors import RateLimited
from service.events.actions import PUBLISH
from service.events.tables import Event
from service.events.types import PUBLISHED, EventType
from service.ledger.budgets.actions import set_budget
from service.ledger.departments.actions import allocate, create_department
from service.webhooks import actions, queries
from service.webhooks.actions import DELIVER
from service.webhooks.deliveries import delivering
from service.webhooks.states import DisabledReason
from service.webhooks.tables import WebhookDelivery
from tests.ledger.make import team
from tests.support.webhook_receiver import Answer, Receiver, receiver
from tests.webhooks import scene
from worker.steps import webhooks as steps

pytestmark = pytest.mark.usefixtures("database")

CLIENT = OpenAI(api_key="unused", base_url="http://127.0.0.1:1/v1")


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.mark.parametrize("type_", PUBLISHED)
def test_every_published_event_arrives_signed_and_the_sdk_unwraps_it(
    target: Receiver, type_: EventType
) -> None:
    team = scene.make_team()
    _, secret = scene.make_endpoint(team, target.url, *PUBLISHED)
    event_id = scene.happen(team, type_, "subject-1")
    scene.run_due()
    (request,) = target.requests
    event: Any = CLIENT.webhooks.unwrap(request.body, request.headers, secret=secret)
    assert event.type == type_.value
    assert event.id == "evt_" + event_id.removeprefix("ftevent-").removeprefix("evt_")
    assert json.loads(request.body)["data"]["id"] == "subject-1"
    (delivery,) = scene.deliveries()
    assert (delivery.state, delivery.id) == ("delivered", request.headers["webhook-id"])
    assert scene.pauses() == []


def test_only_the_teams_enabled_endpoints_that_asked_for_the_type_hear_of_it(target: Receiver) -> None:
    team, other = scene.make_team("search"), scene.make_team("ads")
    scene.make_endpoint(other, target.url)
    scene.make_endpoint(team, target.url, EventType.FILE_PROCESSED)
    disabled, _ = scene.make_endpoint(team, target.url)
    deleted, _ = scene.make_endpoint(team, target.url)
    with transaction() as session:
        actions.disable_endpoint(session, disabled, DisabledReason.MANUAL)
        actions.delete_endpoint(session, queries.get_endpoint(session, team, deleted))
    scene.happen(team)
    scene.run_due()
    assert target.requests == []
    assert scene.deliveries() == []


def test_the_organizations_endpoint_receives_the_events_of_all_teams_once(
    target: Receiver,
) -> None:
    with transaction() as session:
        types = [EventType.BUDGET_THRESHOLD.value]
        made, _ = actions.create_endpoint(
            session, team_id=None, name="finance", url=target.url, event_types=types
        )
        one, two, department = team(session), team(session), create_department(session, "Research").id
        allocate(session, two, department_id=department, cost_center=None)
        set_budget(session, one, limit_usd=Decimal(0), thresholds=[100])
        set_budget(session, department, limit_usd=Decimal(0), thresholds=[100], scope="department")
    scene.run_due()
    with transaction() as session:
        assert queries.get_endpoint(session, None, made.id).failing_since is None
        events = select(Event).join(WebhookDelivery, WebhookDelivery.event_id == Event.id)
        sent = session.scalars(events.order_by(Event.position)).all()
        assert [(event.team_id, event.subject_id) for event in sent] == [(one, one), (None, department)]
    assert len(target.requests) == 2


def test_an_event_fanned_out_twice_is_delivered_once(target: Receiver) -> None:
    team = scene.make_team()
    scene.make_endpoint(team, target.url)
    event_id = scene.happen(team)
    for _ in range(2):
        with transaction() as session:
            schedule(session, PUBLISH, event_id)
        scene.run_due()
    assert len(target.requests) == 1


def test_while_a_secret_is_rotated_old_and_new_both_verify(target: Receiver) -> None:
    team = scene.make_team()
    endpoint_id, old = scene.make_endpoint(team, target.url)
    with transaction() as session:
        new = actions.rotate_secret(session, queries.get_endpoint(session, team, endpoint_id), keep_old=True)
    scene.happen(team)
    scene.run_due()
    (request,) = target.requests
    for secret in (old, new):
        CLIENT.webhooks.verify_signature(request.body, request.headers, secret=secret)


def test_a_rotation_that_keeps_nothing_signs_with_the_new_secret_alone(target: Receiver) -> None:
    team = scene.make_team()
    endpoint_id, _ = scene.make_endpoint(team, target.url)
    with transaction() as session:
        endpoint = queries.get_endpoint(session, team, endpoint_id)
        actions.rotate_secret(session, endpoint, keep_old=True)
        new = actions.rotate_secret(session, endpoint, keep_old=False)
    scene.happen(team)
    scene.run_due()
    assert len(target.requests[0].headers["webhook-signature"].split()) == 1
    CLIENT.webhooks.verify_signature(target.requests[0].body, target.requests[0].headers, secret=new)


def test_a_failure_is_retried_with_the_same_id_until_it_is_taken(target: Receiver) -> None:
    team = scene.make_team()
    scene.make_endpoint(team, target.url)
    target.answers.extend([Answer(500, b"boom"), Answer(302, headers={"location": "/"})])
    scene.happen(team)
    scene.run_due()
    (pause,) = scene.pauses()
    assert 3.5 <= pause <= 6
    scene.pass_time()
    scene.run_due()
    (pause,) = scene.pauses()
    assert 239 <= pause <= 360
    scene.pass_time()
    scene.run_due()
    (delivery,) = scene.deliveries()
    assert delivery.state == "delivered"
    seen = scene.attempts(delivery.id)
    assert [attempt.status_code for attempt in seen] == [500, 302, 200]
    assert [attempt.error for attempt in seen] == ["answered 500", "answered 302", None]
    assert [attempt.response_excerpt for attempt in seen] == ["", "", "ok"]
    assert {request.headers["webhook-id"] for request in target.requests} == {delivery.id}


def test_a_delivery_fails_for_good_after_eight_attempts(target: Receiver) -> None:
    team = scene.make_team()
    endpoint_id, _ = scene.make_endpoint(team, target.url)
    target.answers.extend([Answer(500)] * 8)
    scene.happen(team)
    for _ in range(8):
        scene.run_due()
        scene.pass_time()
    (delivery,) = scene.deliveries()
    assert (delivery.state, delivery.failures, delivery.next_attempt_at) == ("failed", 8, None)
    assert scene.pauses() == []
    assert scene.endpoint(endpoint_id).disabled_at is None


def test_retry_after_is_honoured(target: Receiver) -> None:
    team = scene.make_team()
    scene.make_endpoint(team, target.url)
    target.answers.append(Answer(429, headers={"retry-after": "900"}))
    scene.happen(team)
    scene.run_due()
    (pause,) = scene.pauses()
    assert 890 <= pause <= 900


def test_410_disables_the_endpoint_and_tells_the_others(target: Receiver) -> None:
    team = scene.make_team()
    gone, _ = scene.make_endpoint(team, target.url)
    scene.make_endpoint(team, target.url, EventType.WEBHOOK_DISABLED)
    target.answers.append(Answer(410))
    scene.happen(team)
    scene.run_due()
    assert scene.endpoint(gone).disabled_reason == "gone"
    told = json.loads(target.requests[-1].body)
    assert (told["type"], told["data"]) == ("webhook_endpoint.disabled", {"id": gone, "reason": "gone"})
    assert [delivery.state for delivery in scene.deliveries()] == ["cancelled", "delivered"]


def test_five_days_of_failures_disable_the_endpoint(target: Receiver) -> None:
    team = scene.make_team()
    endpoint_id, _ = scene.make_endpoint(team, target.url)
    scene.fail_for(endpoint_id, timedelta(days=5))
    target.answers.append(Answer(500))
    scene.happen(team)
    scene.run_due()
    assert scene.endpoint(endpoint_id).disabled_reason == "failing"
    scene.pass_time()
    scene.run_due()
    assert [delivery.state for delivery in scene.deliveries()] == ["cancelled"]
    assert len(target.requests) == 1


def test_a_success_ends_a_run_of_failures(target: Receiver) -> None:
    team = scene.make_team()
    endpoint_id, _ = scene.make_endpoint(team, target.url)
    target.answers.append(Answer(500))
    scene.happen(team)
    scene.run_due()
    assert scene.endpoint(endpoint_id).failing_since is not None
    scene.pass_time()
    scene.run_due()
    assert scene.endpoint(endpoint_id).failing_since is None


def test_a_private_address_is_refused_at_the_attempt(target: Receiver) -> None:
    team = scene.make_team()
    # Made by hand: the route would refuse it, but a name may lead anywhere on the day.
    scene.make_endpoint(team, "https://10.0.0.1/hooks")
    scene.happen(team)
    scene.run_due()
    (attempt,) = scene.attempts(scene.deliveries()[0].id)
    assert attempt.error == "the host has an address that webhooks may not be sent to"


def test_a_crash_between_call_and_record_sends_again_under_the_same_id(
    target: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = scene.make_team()
    scene.make_endpoint(team, target.url)
    scene.happen(team)

    def crash(*_: object) -> None:
        raise LeaseLost("the worker died here")

    with monkeypatch.context() as seam:
        seam.setattr(delivering, "record", crash)
        with transaction() as session:
            event_id = session.scalars(select(Event.id)).one()
        scene.run_step(PUBLISH, event_id)
        (delivery,) = scene.deliveries()
        scene.run_step(DELIVER, delivery.id)
    assert len(target.requests) == 1
    scene.let_leases_end()
    scene.run_due()
    assert [request.headers["webhook-id"] for request in target.requests] == [delivery.id] * 2
    assert scene.deliveries()[0].state == "delivered"


def test_a_failing_endpoint_is_tried_one_delivery_at_a_time(target: Receiver) -> None:
    team = scene.make_team()
    endpoint_id, _ = scene.make_endpoint(team, target.url)
    scene.fail_for(endpoint_id, timedelta(hours=1))
    for _ in range(2):
        scene.run_step(PUBLISH, scene.happen(team))
    busy, waiting = scene.deliveries()
    with transaction() as session:
        assert claim(session, DELIVER, busy.id, timedelta(minutes=1)) is not None
        lease = claim(session, DELIVER, waiting.id, timedelta(minutes=1))
    assert lease is not None
    steps.deliver(lease)
    assert target.requests == []
    assert max(scene.pauses()) > 0.3


def test_a_team_has_a_bounded_number_of_samples_to_come_and_each_is_sent_once(target: Receiver) -> None:
    team = scene.make_team()
    endpoint_id, _ = scene.make_endpoint(team, target.url)
    target.answers.append(Answer(410))

    def send() -> None:
        with transaction() as session:
            endpoint = queries.get_endpoint(session, team, endpoint_id)
            actions.send_test(session, endpoint, scene.SUCCEEDED)

    for _ in range(actions.MAX_TESTS):
        send()
    with pytest.raises(RateLimited):
        send()
    scene.run_due()
    assert [delivery.state for delivery in scene.deliveries()] == ["failed"] + ["delivered"] * 4
    assert scene.endpoint(endpoint_id).disabled_at is None
    assert scene.pauses() == []
    send()
