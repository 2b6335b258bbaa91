"""Endpoints, their signing secrets, deliveries and every attempt at one."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base

DELIVERY_PREFIX = "wh_"
# A constant, so that an index of these rows, which are few, serves it.
IS_UNDELIVERED = text("state <> 'delivered'")


class WebhookEndpoint(Base):
    """A URL to call, and the types of events to call it for.

    An endpoint without `team_id` is the organization's, and receives the events of all teams. `failing_since`
    is the first failure after the last success. A deleted endpoint keeps its row, because its deliveries
    refer to it.
    """

    __tablename__ = "webhook_endpoints"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    name: Mapped[str]
    url: Mapped[str]
    event_types: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "team_id", "created_at"),)


class WebhookSecret(Base):
    """A signing secret; several of one endpoint are valid at once while it is rotated.

    Signing needs the secret itself, so that no hash would do (`docs/decisions/015`).
    """

    __tablename__ = "webhook_secrets"

    id: Mapped[str] = mapped_column(primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.id"), index=True)
    secret: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class WebhookDelivery(Base):
    """One event on its way to one endpoint; its id is the `webhook-id` of every attempt.

    `failures` counts since the delivery was made or last retried by hand.
    """

    __tablename__ = "webhook_deliveries"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id"))
    event_type: Mapped[str]
    state: Mapped[str]
    failures: Mapped[int]
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]

    __table_args__ = (
        # An event that is fanned out again makes no second delivery.
        UniqueConstraint("endpoint_id", "event_id"),
        Index(None, "team_id", "created_at"),
        Index(None, "created_at"),
        Index(None, "event_id"),
        Index("ix_webhook_deliveries_undelivered", "team_id", "created_at", postgresql_where=IS_UNDELIVERED),
        Index(
            "ix_webhook_deliveries_endpoint_id_pending",
            "endpoint_id",
            postgresql_where=text("state = 'pending'"),
        ),
    )


class WebhookAttempt(Base):
    """One call to an endpoint and what came of it; never changed."""

    __tablename__ = "webhook_attempts"

    delivery_id: Mapped[str] = mapped_column(ForeignKey("webhook_deliveries.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    duration_ms: Mapped[int]
    status_code: Mapped[int | None]
    error: Mapped[str | None]
    response_excerpt: Mapped[str]
