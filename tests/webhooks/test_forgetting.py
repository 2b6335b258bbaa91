"""Deliveries that ended long ago are forgotten with their attempts."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from service.core import clock
from service.core.db import transaction
from service.webhooks.actions import forget_deliveries
from service.webhooks.tables import WebhookAttempt, WebhookDelivery
from tests.support.webhook_receiver import Answer, receiver
from tests.webhooks.scene import deliveries, happen, make_endpoint, make_team, run_due


def grow_old(delivery_id: str) -> None:
    made = clock.now() - timedelta(days=31)
    with transaction() as session:
        session.execute(
            update(WebhookDelivery).where(WebhookDelivery.id == delivery_id).values(created_at=made)
        )


@pytest.mark.usefixtures("database")
def test_old_deliveries_that_ended_are_forgotten_and_young_or_pending_ones_are_kept() -> None:
    team = make_team()
    with receiver() as target:
        make_endpoint(team, target.url)
        target.answers.extend([Answer(200), Answer(200), Answer(500)])
        for number in range(3):
            happen(team, subject_id=f"ftjob-{number}")
            run_due()
    old, young, pending = (delivery.id for delivery in deliveries())
    grow_old(old)
    grow_old(pending)
    with transaction() as session:
        assert forget_deliveries(session, timedelta(days=30), limit=10) == 1
    assert {delivery.id for delivery in deliveries()} == {young, pending}
    with transaction() as session:
        assert set(session.scalars(select(WebhookAttempt.delivery_id))) == {young, pending}
