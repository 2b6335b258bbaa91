"""The types of events, and those that webhooks can subscribe to."""

from enum import StrEnum


class EventType(StrEnum):
    """The types of events. The values are part of the API: you can add values, but never rename one."""

    FILE_PROCESSED = "file.processed"
    FILE_FAILED = "file.failed"
    FILE_DELETED = "file.deleted"
    JOB_CREATED = "fine_tuning.job.created"
    JOB_STARTED = "fine_tuning.job.started"
    JOB_PAUSED = "fine_tuning.job.paused"
    JOB_SUCCEEDED = "fine_tuning.job.succeeded"
    JOB_FAILED = "fine_tuning.job.failed"
    JOB_CANCELLED = "fine_tuning.job.cancelled"
    JOB_MESSAGE = "fine_tuning.job.message"  # a line of the provider's log, or of ours
    JOB_METRICS = "fine_tuning.job.metrics"  # step and losses
    MODEL_CREATED = "model.created"
    MODEL_DELETED = "model.deleted"
    MODEL_SHUTDOWN_APPROACHING = "model.shutdown_approaching"
    MODEL_RETRAINED = "model.retrained"
    MODEL_RETRAIN_FAILED = "model.retrain_failed"
    MODEL_MIGRATED = "model.migrated"  # a new model has replaced it; its aliases were switched
    MODEL_NOT_MIGRATED = "model.migration_declined"  # its successor is worse than accepted
    MIGRATION_COMPLETED = "model_migration.completed"
    MIGRATION_FAILED = "model_migration.failed"
    MODEL_DEPLOYED = "model.deployed"
    MODEL_DEPLOYMENT_FAILED = "model.deployment_failed"
    MODEL_DEPLOYMENT_IDLE = "model.deployment_idle"  # no request for as long as the team allows
    MODEL_DEPLOYMENT_UNFUNDED = "model.deployment_unfunded"  # no budget covers its next hour
    MODEL_UNDEPLOYED = "model.undeployed"
    BUDGET_THRESHOLD = "budget.threshold"
    MONTH_CLOSED = "costs.month_closed"
    COST_FLAGGED = "costs.flagged"  # a charge that an admin has to review
    WEBHOOK_TEST = "webhook_endpoint.test"
    WEBHOOK_DISABLED = "webhook_endpoint.disabled"
    TEAM_CREATED = "team.created"
    TEAM_ARCHIVED = "team.archived"
    KEY_CREATED = "team.key.created"
    KEY_REVOKED = "team.key.revoked"


# OpenAI's three first, then ours. Frequent and internal types are not published.
PUBLISHED = (
    EventType.JOB_SUCCEEDED,
    EventType.JOB_FAILED,
    EventType.JOB_CANCELLED,
    EventType.JOB_STARTED,
    EventType.JOB_PAUSED,
    EventType.FILE_PROCESSED,
    EventType.FILE_FAILED,
    EventType.MODEL_CREATED,
    EventType.MODEL_SHUTDOWN_APPROACHING,
    EventType.MODEL_RETRAINED,
    EventType.MODEL_RETRAIN_FAILED,
    EventType.MODEL_MIGRATED,
    EventType.MODEL_NOT_MIGRATED,
    EventType.MIGRATION_COMPLETED,
    EventType.MIGRATION_FAILED,
    EventType.MODEL_DEPLOYED,
    EventType.MODEL_DEPLOYMENT_FAILED,
    EventType.MODEL_DEPLOYMENT_IDLE,
    EventType.MODEL_DEPLOYMENT_UNFUNDED,
    EventType.MODEL_UNDEPLOYED,
    EventType.BUDGET_THRESHOLD,
    EventType.MONTH_CLOSED,
    EventType.COST_FLAGGED,
    EventType.WEBHOOK_DISABLED,
)
