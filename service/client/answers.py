"""The answers of the client's methods. A test compares them with the OpenAPI document.

Fields that a newer service adds are kept as they are. Amounts are decimals of US dollars, times are Unix
seconds.
"""

from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ServiceAnswer(BaseModel):
    """What all answers have in common: they are immutable, and keep fields that are not declared here."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class TeamInfo(ServiceAnswer):
    """The team of a key."""

    id: str
    name: str
    slug: str


class BudgetInfo(ServiceAnswer):
    """A budget in its current period; `limit_usd` and `remaining_usd` are None without a limit."""

    limit_usd: Decimal | None
    period_name: str
    spent_usd: Decimal
    held_usd: Decimal
    remaining_usd: Decimal | None


class KeyInfo(ServiceAnswer):
    """What a key may do, for which team, and how its budgets stand; an admin key has no team."""

    key_id: str
    is_admin: bool
    scopes: list[str]
    team: TeamInfo | None
    budget: BudgetInfo | None
    key_budget: BudgetInfo | None


class JobErrorInfo(ServiceAnswer):
    """Why a job failed; all None otherwise."""

    code: str | None
    message: str | None


class JobExtrasInfo(ServiceAnswer):
    """Tunehouse's own fields of a job. `queue_position` is None unless it waits for its turn."""

    provider: str
    base_model: str
    parent_model: str | None
    estimated_cost_usd: Decimal | None
    cost_usd: Decimal
    queue_position: int | None
    waiting_for: str | None


class JobInfo(ServiceAnswer):
    """A fine-tuning job."""

    id: str
    created_at: int
    finished_at: int | None
    model: str
    fine_tuned_model: str | None
    status: str
    training_file: str
    trained_tokens: int | None
    error: JobErrorInfo
    tunehouse: JobExtrasInfo


class JobEventInfo(ServiceAnswer):
    """One event of a job. `data` of the type "metrics" has `step`, `total_steps` and losses."""

    id: str
    created_at: int
    level: str
    message: str
    type: str
    data: dict[str, Any]
    number: int


class FileInfo(ServiceAnswer):
    """A file; its status is "uploaded" until it has been checked, then "processed" or "error"."""

    id: str
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: str
    status_details: str | None


class ProblemInfo(ServiceAnswer):
    """An error or a warning about a line, or about the whole file."""

    line: int | None
    code: str
    message: str


class TokensInfo(ServiceAnswer):
    """The tokens of the examples: in all, and those that are learned from."""

    total: int
    trained: int


class JobCostInfo(ServiceAnswer):
    """What a job on the file would cost; `cost_usd` is None where `note` says why."""

    model: str
    method: str
    n_epochs: int
    cost_usd: Decimal | None
    note: str | None


class ReportInfo(ServiceAnswer):
    """What the check of a file found; `errors` and `warnings` are the first ones of the counts."""

    file_id: str
    status: str
    format: str | None
    method: str | None
    examples: int
    valid_examples: int
    tokens: TokensInfo
    errors: list[ProblemInfo]
    error_count: int
    warnings: list[ProblemInfo]
    warning_count: int
    notes: list[str]
    costs: list[JobCostInfo]


class EstimateInfo(ServiceAnswer):
    """What a job would train and cost; `trained_tokens` is None where training is billed by the hour."""

    model: str
    method: str
    provider: str
    n_epochs: int
    trained_tokens: int | None
    cost_usd: Decimal
    warnings: list[str]


class QuoteInfo(ServiceAnswer):
    """A job and its model's use at one provider.

    An amount is None if it is not known. `problem` says why the job cannot run there.
    """

    provider: str
    model: str
    method: str
    training_usd: Decimal | None
    use_usd_per_month: Decimal | None
    hosting_usd_per_month: Decimal | None
    total_usd: Decimal | None
    shutdown_date: str | None
    notes: list[str]
    problem: str | None
    explanation: str


class QuotesInfo(ServiceAnswer):
    """Quotes, the cheapest first; their totals are over so many `months` of 30 days."""

    data: list[QuoteInfo]
    months: int


class CostsInfo(ServiceAnswer):
    """Costs; each row has the fields it is grouped by and `amount_usd`, a decimal string."""

    data: list[dict[str, Any]]
    total_usd: Decimal


class NodeInfo(ServiceAnswer):
    """A base, dataset, job, checkpoint, model or alias, with what it cost itself."""

    id: str
    kind: str
    label: str
    deleted: bool
    cost_usd: Decimal


class EdgeInfo(ServiceAnswer):
    """`source` contributed to `to`, in the role that `role` names."""

    source: str = Field(alias="from")
    to: str
    role: str


class BranchCostInfo(ServiceAnswer):
    """The cost to date of a whole branch of models."""

    training: Decimal
    use: Decimal
    total: Decimal


class LineageInfo(ServiceAnswer):
    """A model's ancestors and descendants; `truncated` says that there are more."""

    root: str
    nodes: list[NodeInfo]
    edges: list[EdgeInfo]
    cumulative_cost_usd: BranchCostInfo
    truncated: bool


class AliasInfo(ServiceAnswer):
    """A stable name for a model; `model` is None after the model's deletion."""

    name: str
    model: str | None
    version: int


class ShutdownInfo(ServiceAnswer):
    """A base model that will shut down, with the team's models and aliases that it takes along."""

    model: str
    provider: str
    shutdown_date: str
    days_left: int
    models: list[str]
    aliases: list[str]
