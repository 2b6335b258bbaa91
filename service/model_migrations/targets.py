"""Choose the base to which a lineage moves."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from service.files.queries import get_file
from service.jobs.quotes.compute import Quote, quotes_for
from service.jobs.retrain.plan import new_target
from service.model_migrations.moves import Asker, Move, plan_lineage
from service.model_migrations.order import Generation
from service.model_migrations.schemas import Destination
from service.models.shutdowns.queries import ShutdownDates, shutdown_dates
from service.models.tables import TunedModel

_MONTHS = 12  # only the order of quotes depends on it, and that is not used


def plan_moves(session: Session, asker: Asker, lineage: Sequence[Generation]) -> list[Move]:
    """Plan a lineage's moves to the requested base, or to the one that costs the least in all.

    Returns no moves if no base takes it. Raises `NotFound` and `InvalidRequest` for a wrong destination.
    """
    to = asker.body.to
    if isinstance(to, Destination):
        return _plan_at(session, asker, lineage, to)
    plans = [
        _plan_at(
            session, asker, lineage, Destination(provider=one.offer.provider_name, base=one.offer.model.id)
        )
        for one in _candidates(session, asker, lineage)
    ]
    return min(plans, key=_rank, default=[])


def _plan_at(session: Session, asker: Asker, lineage: Sequence[Generation], to: Destination) -> list[Move]:
    target = new_target(session, asker.team_id, lineage[0].line, to.provider, to.base)
    return plan_lineage(session, asker, lineage, target)


def _rank(moves: Sequence[Move]) -> tuple[int, int, Decimal, str]:
    """First the most models moved, then compared, then the lowest cost."""
    selected = [move for move in moves if move.generation.is_selected]
    stuck = sum(move.problem is not None for move in selected)
    blind = sum(move.not_compared is not None for move in selected)
    cost = sum((move.training_usd for move in moves), Decimal(0))
    return stuck, blind, cost, moves[0].target.model_id if moves else ""


def _candidates(session: Session, asker: Asker, lineage: Sequence[Generation]) -> list[Quote]:
    """The bases that take the last dataset by the same method, and outlast the old models."""
    last = lineage[-1].link
    if last.training.living_id is None:
        return []
    file = get_file(session, asker.team_id, last.training.living_id)
    dates = shutdown_dates(session)
    quotes = quotes_for(session, asker.team_id, asker.key_id, file, None, _MONTHS)
    return [
        quote
        for quote in quotes
        if quote.problem is None
        and quote.method == last.job.method_type
        and not quote.offer.model.stands_in
        and (quote.offer.provider_name, quote.offer.model.id) != (last.job.provider, last.job.base_model)
        and _outlasts(session, quote, lineage[-1], dates)
    ]


def _outlasts(session: Session, quote: Quote, old: Generation, dates: ShutdownDates) -> bool:
    ends = dates.of_offer(quote.offer)
    before = dates.of_tuned(session.get_one(TunedModel, old.model))
    return ends is None or (before is not None and ends > before)
