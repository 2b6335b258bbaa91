"""All tables of all features, imported for their side effect on the shared metadata."""

from service.catalog.tables import PriceRow
from service.core.db import Base
from service.core.work import WorkItem
from service.events.tables import Event, EventCounter
from service.ledger.tables import Account, Budget, BudgetAlert, Entry, HoldRow
from service.teams.tables import ApiKey, IdempotencyRecord, Team
from service.webhooks.tables import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookSecret

METADATA = Base.metadata

__all__ = [
    "METADATA",
    "Account",
    "ApiKey",
    "Budget",
    "BudgetAlert",
    "Entry",
    "Event",
    "EventCounter",
    "HoldRow",
    "IdempotencyRecord",
    "PriceRow",
    "Team",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
    "WorkItem",
]
