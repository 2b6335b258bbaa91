"""All tables of all features, imported for their side effect on the shared metadata."""

from service.core.db import Base
from service.core.work import WorkItem
from service.events.tables import Event, EventCounter
from service.teams.tables import ApiKey, IdempotencyRecord, Team
from service.webhooks.tables import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookSecret

METADATA = Base.metadata

__all__ = [
    "METADATA",
    "ApiKey",
    "Event",
    "EventCounter",
    "IdempotencyRecord",
    "Team",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
    "WorkItem",
]
