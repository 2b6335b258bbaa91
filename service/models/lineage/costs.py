"""The cost to date of models and branches of models, from the ledger's monthly sums."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from service.catalog.price import PriceKind
from service.ledger.charges import ADJUSTMENT
from service.ledger.rollups.sums import booked, read
from service.models.tables import TunedModel

_TRAINING = [kind.value for kind in PriceKind if kind.is_training]


@dataclass(frozen=True)
class FamilyCosts:
    """Costs in US dollars, each part read at the same moment; ids without a charge are left out.

    `use` is what inference with each model cost, `jobs` what each job cost. The others are sums over the
    branch: `made_usd` for the jobs of all models below its first one, `tried_usd` for jobs that started from
    any of its models and made none, `use_usd` for inference with any of them. The first model's own job is
    in none of them. They are zero unless the branch was asked for.
    """

    use: Mapping[str, Decimal]
    jobs: Mapping[str, Decimal]
    made_usd: Decimal
    tried_usd: Decimal
    use_usd: Decimal


def costs_of_family(
    session: Session,
    model: TunedModel,
    model_ids: Collection[str],
    job_ids: Collection[str],
    *,
    branch: bool,
) -> FamilyCosts:
    """What these models and jobs cost, and, if `branch`, the branch that begins with `model`."""
    charges, below = _charges(model.team_id), _below(model)
    # One string is sent many times faster than an array of strings, and ids contain no spaces.
    asked_models = (
        func.unnest(func.string_to_array(" ".join(model_ids), " ")).table_valued("id").render_derived()
    )
    asked_jobs = func.unnest(func.string_to_array(" ".join(job_ids), " ")).table_valued("id").render_derived()
    use = _part("use", charges, charges.c.model).join(asked_models, asked_models.c.id == charges.c.model)
    jobs = _part("jobs", charges, charges.c.job_id).join(asked_jobs, asked_jobs.c.id == charges.c.job_id)
    below_jobs = select(below.c.job_id).where(below.c.job_id != model.job_id)
    made = _part("made", charges).where(charges.c.trains, charges.c.job_id.in_(below_jobs))
    made_some = exists().where(TunedModel.team_id == model.team_id, TunedModel.job_id == charges.c.job_id)
    of_branch = _part("branch", charges, cast(charges.c.trains, String)).where(
        charges.c.model.in_(select(below.c.id)), or_(~charges.c.trains, ~made_some)
    )
    parts = [use.where(~charges.c.trains).group_by(charges.c.model), jobs.group_by(charges.c.job_id)]
    if branch:
        parts += [made, of_branch.group_by(charges.c.trains)]
    found = {(row["part"], row["id"]): row["amount_usd"] for row in read(session, union_all(*parts))}
    zero = Decimal(0)
    return FamilyCosts(
        use={name: usd for (part, name), usd in found.items() if part == "use"},
        jobs={name: usd for (part, name), usd in found.items() if part == "jobs"},
        made_usd=found.get(("made", None)) or zero,
        tried_usd=found.get(("branch", "true"), zero),
        use_usd=found.get(("branch", "false"), zero),
    )


def _part(name: str, charges: CTE, key: ColumnElement[Any] | None = None) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [
        literal(name).label("part"),
        cast(null() if key is None else key, String).label("id"),
        func.sum(charges.c.amount_usd).label("amount_usd"),
    ]
    return select(*columns).select_from(charges)


def _below(model: TunedModel) -> CTE:
    first = select(TunedModel.id, TunedModel.job_id).where(
        TunedModel.id == model.id, TunedModel.team_id == model.team_id
    )
    below = first.cte("below", recursive=True)
    child = aliased(TunedModel)
    return below.union_all(
        select(child.id, child.job_id)
        .join(below, child.parent_id == below.c.id)
        .where(child.team_id == model.team_id)
    )


def _charges(team_id: str) -> CTE:
    """The team's costs to date by model and job, training apart from use; a model or job has several rows."""
    # By month, because the ledger keeps those sums: adding them up here takes three times as long.
    entries = booked(team_id, None, None, by="month")
    of_job = and_(entries.c.kind == ADJUSTMENT, entries.c.job_id.is_not(None))
    trains = or_(entries.c.kind.in_(_TRAINING), of_job).label("trains")
    return select(entries.c.model, entries.c.job_id, trains, entries.c.amount_usd).cte("charges")
