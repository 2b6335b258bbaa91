"""What whole branches cost, whatever their size: one range of sums, and the few entries behind the mark.

Like the ledger's daily sums, these are made after the fact and read through a mark: they are exact at any
moment, however far behind they are, only slower.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from service.ledger.tables import Account
from service.models.lineage.branch import end_of
from service.models.lineage.branch_tables import BranchMark
from service.models.tables import TunedModel

_MOST = 50_000  # entries per team and transaction
_ROLL = text("SELECT branch_roll(:team_id, :most)")

# Both parts in one statement, and so at one moment.
_CHARGES = """
    charges AS (
        SELECT model_id, branch_key, made_usd, tried_usd, use_usd FROM branch_costs
        WHERE team_id = :team_id AND {kept}
        UNION ALL
        SELECT model_id, branch_key, made_usd, tried_usd, use_usd
        FROM branch_charges(:team_id, coalesce((SELECT number FROM branch_marks WHERE team_id = :team_id), 0),
                            9223372036854775807)
        WHERE {kept}
    )
"""
_SUMS = """
    SELECT coalesce(sum(made_usd), 0) AS made_usd,
           coalesce(sum(made_usd) FILTER (WHERE model_id = :model_id), 0) AS own_made_usd,
           coalesce(sum(tried_usd), 0) AS tried_usd,
           coalesce(sum(use_usd), 0) AS use_usd FROM charges
"""
_OF_RANGE = text(f"WITH {_CHARGES.format(kept='branch_key >= :first AND branch_key < :end')} {_SUMS}")
_BELOW = """
    below AS (
        SELECT id FROM tuned_models WHERE id = :model_id AND team_id = :team_id
        UNION ALL
        SELECT t.id FROM below b JOIN tuned_models t ON t.parent_id = b.id AND t.team_id = :team_id
    )
"""
_OF_WALK = text(
    f"WITH RECURSIVE {_BELOW}, "  # noqa: S608 - constants
    f"{_CHARGES.format(kept='model_id IN (SELECT id FROM below)')} {_SUMS}"
)
_NAMED = "model_id = ANY(string_to_array(:model_ids, ' '))"
# Ids hold no spaces, and one string is sent many times faster than an array of strings.
_USE = text(
    f"WITH {_CHARGES.format(kept=_NAMED)} "  # noqa: S608 - constants
    "SELECT model_id, sum(use_usd) AS use_usd FROM charges GROUP BY 1"
)
_JOBS = text("""
    SELECT job_id, sum(amount_usd) AS amount_usd FROM ledger_entries
    WHERE team_id = :team_id AND job_id = ANY(string_to_array(:job_ids, ' ')) GROUP BY 1
""")


@dataclass(frozen=True)
class BranchSum:
    """What a branch cost: making its models, jobs that made nothing, and use; in US dollars.

    `own_made_usd` is the part of `made_usd` that the branch's first model carries.
    """

    made_usd: Decimal
    own_made_usd: Decimal
    tried_usd: Decimal
    use_usd: Decimal


def roll_branches(session: Session, most: int = _MOST) -> int:
    """Add new entries of every team, up to `most` each, and return how many were added."""
    behind = (
        select(Account.id)
        .join(BranchMark, BranchMark.team_id == Account.id, isouter=True)
        .where(Account.scope == "team", Account.last_number > func.coalesce(BranchMark.number, 0))
        .order_by(Account.id)
    )
    teams = session.scalars(behind).all()
    return sum(session.scalar(_ROLL, {"team_id": team_id, "most": most}) or 0 for team_id in teams)


def sum_of_branch(session: Session, model: TunedModel) -> BranchSum:
    """What a model and everything below it cost to date."""
    params = {"team_id": model.team_id, "model_id": model.id}
    if model.branch_key is None or _some_without_key(session, model.team_id):
        row = session.execute(_OF_WALK, params).one()
    else:
        span = {"first": model.branch_key, "end": end_of(model.branch_key)}
        row = session.execute(_OF_RANGE, params | span).one()
    return BranchSum(row.made_usd, row.own_made_usd, row.tried_usd, row.use_usd)


def use_of_models(session: Session, team_id: str, model_ids: Collection[str]) -> Mapping[str, Decimal]:
    """What the use of each model cost; models that were never used may be left out."""
    rows = session.execute(_USE, {"team_id": team_id, "model_ids": " ".join(model_ids)})
    return {row.model_id: row.use_usd for row in rows}


def costs_of_jobs(session: Session, team_id: str, job_ids: Collection[str]) -> Mapping[str, Decimal]:
    """What each job cost; jobs without a charge are left out."""
    rows = session.execute(_JOBS, {"team_id": team_id, "job_ids": " ".join(job_ids)})
    return {row.job_id: row.amount_usd for row in rows}


def _some_without_key(session: Session, team_id: str) -> bool:
    unkeyed = TunedModel.team_id == team_id, TunedModel.branch_key.is_(None)
    return session.scalar(select(TunedModel.id).where(*unkeyed).limit(1)) is not None
