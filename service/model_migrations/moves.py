"""Plan the moves of one lineage to one base: what is trained on which data, compared how, and the cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.comparisons.actions import most_of_a_prompt, prompts_report
from service.errors import Conflict, InvalidRequest, TunehouseError
from service.files.queries import get_file
from service.files.tables import File
from service.gateway.targets import priced, priced_as_tuned
from service.jobs.admission.checks import check_admission
from service.jobs.admission.estimate import JobEstimate
from service.jobs.admission.request import request_of_body
from service.jobs.retrain.plan import living
from service.jobs.retrain.recipe import Dataset
from service.model_migrations.fitting import FittedBody, fit_body
from service.model_migrations.order import Generation
from service.model_migrations.schemas import Acceptance, MigrationCreate
from service.models.queries import Target
from service.models.tables import TunedModel
from service.providers.kinds.capabilities import Capabilities, capabilities_of


@dataclass(frozen=True)
class Asker:
    """The team and key that a migration runs for, and what it asks for."""

    team_id: str
    key_id: str
    body: MigrationCreate


@dataclass(frozen=True)
class MoveComparison:
    """The held-out prompts for one model, and the most that its comparison can cost."""

    file: File
    prompts: int
    accept: Acceptance
    most_usd: Decimal


@dataclass(frozen=True)
class Move:
    """One job to repeat at the target, or the `problem` that keeps it from being repeated.

    There is one estimate for each of `datasets`. `parent` is the job whose repetition it starts from; None
    for the base. `reuses` was made by an earlier migration and is not trained again.
    """

    generation: Generation
    target: Target
    parent: str | None
    datasets: Sequence[Dataset] = ()
    fitted: FittedBody | None = None
    estimates: Sequence[JobEstimate] = ()
    comparison: MoveComparison | None = None
    not_compared: str | None = None
    reuses: str | None = None
    notes: Sequence[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def job_id(self) -> str:
        """The id of the job to repeat."""
        return self.generation.link.job.id

    @property
    def training_usd(self) -> Decimal:
        """The estimated cost of the training."""
        return sum((one.cost_usd for one in self.estimates), Decimal(0))

    @property
    def comparison_usd(self) -> Decimal:
        """The most that the comparison can cost."""
        return self.comparison.most_usd if self.comparison else Decimal(0)


def plan_lineage(session: Session, asker: Asker, lineage: Sequence[Generation], target: Target) -> list[Move]:
    """Plan the moves of a lineage, parents first.

    A provider that cannot tune a tuned model gets one job for each selected model, on all data of its line.
    """
    known = capabilities_of(target.base.provider_kind)
    made = _made_before(session, asker.team_id, lineage, target)
    moves: dict[str, Move] = {}
    for generation in _needed(lineage, made) if known.continues_tuned else lineage:
        if not (known.continues_tuned or generation.is_selected):
            continue
        before = moves.get(generation.parent or "") if known.continues_tuned else None
        moves[generation.link.job.id] = _plan(session, asker, generation, target, known, before, made)
    return list(moves.values())


def _made_before(
    session: Session, team_id: str, lineage: Sequence[Generation], target: Target
) -> Mapping[str, str]:
    """Map old models to the living models that earlier migrations made of them on the same base."""
    same = (
        TunedModel.team_id == team_id,
        TunedModel.migrated_from.in_([one.model for one in lineage]),
        TunedModel.provider == target.provider,
        TunedModel.base_model == target.base.id,
        TunedModel.deleted_at.is_(None),
    )
    found = select(TunedModel.migrated_from, TunedModel.id).where(*same).order_by(TunedModel.created_at)
    return {str(row.migrated_from): row.id for row in session.execute(found)}


def _needed(lineage: Sequence[Generation], made: Mapping[str, str]) -> list[Generation]:
    """The generations that are selected, or that one which must be trained starts from."""
    needed: set[str] = set()
    kept = []
    for generation in reversed(lineage):
        if generation.is_selected or generation.link.job.id in needed:
            kept.append(generation)
            if generation.parent is not None and generation.model not in made:
                needed.add(generation.parent)
    return kept[::-1]


def _plan(
    session: Session,
    asker: Asker,
    generation: Generation,
    target: Target,
    known: Capabilities,
    before: Move | None,
    made: Mapping[str, str],
) -> Move:
    line = [generation.link] if known.continues_tuned else generation.line
    parent = before.job_id if before else None
    comparison, not_compared = _compare(session, asker, generation, target)
    notes = _shape(generation, known, before)
    reuses = made.get(generation.model)
    if reuses is not None:
        notes = [f"{reuses} was made of it by an earlier migration and is used again."]
    try:
        _check_movable(generation, target, known, before)
        datasets = [link.training for link in line]
        data = datasets[-1].original.id if reuses else living(datasets[-1])
        fitted = fit_body(generation.link, target, data)
        estimates = [] if reuses else _estimates(session, asker, fitted, datasets)
    except TunehouseError as refusal:
        return Move(generation, target, parent, reuses=reuses, notes=notes, problem=refusal.message)
    return Move(
        generation,
        target,
        parent,
        datasets,
        fitted,
        estimates,
        comparison,
        not_compared,
        reuses,
        [*notes, *fitted.notes],
    )


def _check_movable(generation: Generation, target: Target, known: Capabilities, before: Move | None) -> None:
    job = generation.link.job
    if (job.provider, job.base_model) == (target.provider, target.base.id):
        raise InvalidRequest(f"It is on {target.provider}/{target.base.id} already.", param="to")
    if before is not None and before.problem is not None:
        raise Conflict(f"It starts from {before.generation.model}, which cannot move: {before.problem}")
    if before is not None and generation.checkpoint_step is not None and not known.checkpoints:
        raise InvalidRequest(
            f"It was tuned from the checkpoint at step {generation.checkpoint_step} of "
            f"{before.generation.model}, and {target.provider!r} makes no checkpoints. Choose a provider "
            "that does.",
            param="to",
        )


def _estimates(
    session: Session, asker: Asker, fitted: FittedBody, datasets: Sequence[Dataset]
) -> list[JobEstimate]:
    found = []
    for dataset in datasets:
        body = fitted.body.model_copy(update={"training_file": living(dataset)})
        estimate = check_admission(session, request_of_body(asker.team_id, asker.key_id, body)).estimate
        if estimate is None:
            raise Conflict(f"{body.training_file} is still being checked. Try again in a moment.")
        found.append(estimate)
    return found


def _shape(generation: Generation, known: Capabilities, before: Move | None) -> list[str]:
    """Notes on how the new training differs from the old, beyond the base."""
    notes = []
    if not known.continues_tuned and len(generation.line) > 1:
        notes.append(
            f"The provider cannot tune a tuned model: the data of its {len(generation.line)} generations "
            "become one file and one job, with the last one's hyperparameters."
        )
    if before is not None and generation.checkpoint_step is not None:
        notes.append(
            f"It starts from a checkpoint. If the new training makes none at step "
            f"{generation.checkpoint_step}, the move fails."
        )
    return notes


def _compare(
    session: Session, asker: Asker, generation: Generation, target: Target
) -> tuple[MoveComparison | None, str | None]:
    """How the new model will be compared, or why it cannot be."""
    accept = asker.body.accept
    if accept is None or not generation.is_selected:
        return None, None
    validation = generation.link.validation
    file_id = asker.body.prompts or (validation.living_id if validation else None)
    if file_id is None:
        return None, "It has no validation file left. Send 'prompts', a chat file with held-out prompts."
    try:
        file = get_file(session, asker.team_id, file_id)
        report = prompts_report(file)
        models = [priced(session, asker.team_id, generation.model), priced_as_tuned(session, target)]
        judge = priced(session, asker.team_id, accept.judge_model) if accept.judge_model else None
    except TunehouseError as refusal:
        return None, refusal.message
    prompts = min(report.examples, accept.max_prompts)
    most = most_of_a_prompt(models, judge, report.tokens.max, accept.max_output_tokens)
    return MoveComparison(file, prompts, accept, most * prompts), None
