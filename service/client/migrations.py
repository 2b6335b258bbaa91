"""The answers about migrations: how models move off a base, a provider or a date."""

from decimal import Decimal

from service.client.answers import ServiceAnswer


class PlannedMoveInfo(ServiceAnswer):
    """One job that a migration would repeat; without a cost, `problem` says why the model cannot move.

    `starts_from` is the position of the step whose model it starts from; None: the base.
    """

    position: int
    model: str
    is_selected: bool
    aliases: list[str]
    provider: str
    base_model: str
    starts_from: int | None
    reuses: str | None
    training_usd: Decimal | None
    not_compared: str | None
    notes: list[str]
    problem: str | None


class CannotMoveInfo(ServiceAnswer):
    """A model that a migration would leave where it is."""

    model: str
    reason: str


class MigrationPlanInfo(ServiceAnswer):
    """What a migration would do, in lineage order; `problems` say why it is not `ready` to start."""

    steps: list[PlannedMoveInfo]
    cannot_move: list[CannotMoveInfo]
    training_usd: Decimal
    comparison_usd: Decimal
    total_usd: Decimal
    expected_hours: Decimal | None
    ready: bool
    problems: list[str]
    risks: list[str]


class MigrationStepInfo(ServiceAnswer):
    """How far the move of one model is; `produced` is None until its successor is made."""

    position: int
    model: str
    status: str
    reason: str | None
    job_id: str | None
    produced: str | None
    switched_aliases: list[str]


class MigrationInfo(ServiceAnswer):
    """A migration; its status is "planned", "running", "completed", "failed" or "cancelled"."""

    id: str
    status: str
    error: str | None
    fingerprint: str
    cost_usd: Decimal
    plan: MigrationPlanInfo
    steps: list[MigrationStepInfo]
    created_at: int
    finished_at: int | None

    @property
    def has_ended(self) -> bool:
        """Whether it goes no further."""
        return self.status not in ("planned", "running")
