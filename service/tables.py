"""All tables of all features, imported for their side effect on the shared metadata."""

from service.audit.tables import AuditEvent, AuditExport
from service.catalog.tables import PriceRow
from service.comparisons.tables import Comparison, ComparisonAnswer, ComparisonPrompt
from service.core.db import Base
from service.core.heartbeat import WorkerHeartbeat
from service.core.work import WorkItem
from service.events.tables import Event, EventCounter
from service.files.tables import (
    Content,
    ContentRows,
    DatasetPolicy,
    Derivation,
    File,
    FileCopy,
    FileUse,
    TokenCount,
)
from service.files.uploads.tables import Upload, UploadPart
from service.gateway.limits.tables import RateLimit
from service.gateway.resends.tables import InferenceAttempt
from service.jobs.retrain.tables import Retrain, RetrainStep
from service.jobs.tables import Job, JobCheckpoint, Orphan, ProviderBlock, ProviderSweep, ProviderWebhook
from service.ledger.adjustments.tables import CostAdjustment
from service.ledger.archive.tables import ArchivedMonth
from service.ledger.closing.tables import ClosedMonth, DriftReport
from service.ledger.departments.tables import Department, TeamAllocation
from service.ledger.reviews.tables import CostReview
from service.ledger.rollups.tables import DaySum, EntryGroup, MonthSum, RollupMark
from service.ledger.shared.tables import SharedCostMonth, SharedCostRule
from service.ledger.tables import Budget, BudgetAlert, Entry, HoldRow, LedgerAccount
from service.model_migrations.tables import MigrationStep, ModelMigration
from service.models.aliases.tables import Alias, AliasChange
from service.models.deployments.tables import Deployment
from service.models.shutdowns.tables import AnnouncedShutdown, ShutdownNotice, ShutdownPoll
from service.models.tables import TunedModel
from service.people.tables import PersonSession, SignInLink
from service.teams.keys.tables import ApiKey, KeySecret
from service.teams.quotas.tables import TeamQuota
from service.teams.tables import IdempotencyRecord, Team
from service.webhooks.tables import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookSecret

METADATA = Base.metadata

__all__ = [
    "METADATA",
    "Alias",
    "AliasChange",
    "AnnouncedShutdown",
    "ApiKey",
    "ArchivedMonth",
    "AuditEvent",
    "AuditExport",
    "Budget",
    "BudgetAlert",
    "ClosedMonth",
    "Comparison",
    "ComparisonAnswer",
    "ComparisonPrompt",
    "Content",
    "ContentRows",
    "CostAdjustment",
    "CostReview",
    "DatasetPolicy",
    "DaySum",
    "Department",
    "Deployment",
    "Derivation",
    "DriftReport",
    "Entry",
    "EntryGroup",
    "Event",
    "EventCounter",
    "File",
    "FileCopy",
    "FileUse",
    "HoldRow",
    "IdempotencyRecord",
    "InferenceAttempt",
    "Job",
    "JobCheckpoint",
    "KeySecret",
    "LedgerAccount",
    "MigrationStep",
    "ModelMigration",
    "MonthSum",
    "Orphan",
    "PersonSession",
    "PriceRow",
    "ProviderBlock",
    "ProviderSweep",
    "ProviderWebhook",
    "RateLimit",
    "Retrain",
    "RetrainStep",
    "RollupMark",
    "SharedCostMonth",
    "SharedCostRule",
    "ShutdownNotice",
    "ShutdownPoll",
    "SignInLink",
    "Team",
    "TeamAllocation",
    "TeamQuota",
    "TokenCount",
    "TunedModel",
    "Upload",
    "UploadPart",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
    "WorkItem",
    "WorkerHeartbeat",
]
