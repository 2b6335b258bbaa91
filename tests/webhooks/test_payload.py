"""What is sent."""

import json
from datetime import UTC, datetime

import pytest

from service.events.types import PUBLISHED
from service.webhooks.deliveries.payload import render, sample_subject, webhook_event_id

MOMENT = datetime(2026, 11, 20, tzinfo=UTC)


def test_a_job_event_has_openais_thin_shape() -> None:
    body = render(
        event_id="ftevent-abc",
        type="fine_tuning.job.succeeded",
        subject_id="ftjob-1",
        created_at=MOMENT,
        data={"trained_tokens": 5},
    )
    assert json.loads(body) == {
        "id": "evt_abc",
        "object": "event",
        "type": "fine_tuning.job.succeeded",
        "created_at": 1795132800,
        "data": {"id": "ftjob-1"},
    }


def test_our_own_events_bring_their_details() -> None:
    body = render(
        event_id="evt_x",
        type="budget.threshold",
        subject_id="team_1",
        created_at=MOMENT,
        data={"percent": 80, "id": "other"},
    )
    assert json.loads(body)["data"] == {"percent": 80, "id": "team_1"}


@pytest.mark.parametrize("event_id", ["evt_abc", "ftevent-abc"])
def test_every_event_is_called_evt_on_the_way_out(event_id: str) -> None:
    assert webhook_event_id(event_id) == "evt_abc"


@pytest.mark.parametrize("type_", PUBLISHED)
def test_every_published_type_has_a_sample(type_: str) -> None:
    assert sample_subject(type_).endswith("sample")
