"""Who descends from whom, by recursive query over the parent edges. Always within one team."""

from collections.abc import Collection, Sequence
from typing import Literal

from sqlalchemy import literal, select
from sqlalchemy.orm import Session, aliased

from service.registry.tables import TunedModel

_DEEPEST = 100_000

Direction = Literal["ancestors", "descendants", "both"]


def family(
    session: Session, team_id: str, roots: Collection[str], direction: Direction, depth: int, limit: int
) -> Sequence[TunedModel]:
    """The models `roots` with their ancestors, descendants or both, up to `depth` generations each way.

    Oldest first; at most `limit`. A model's siblings and cousins are not among them.
    """
    ids = set(roots)
    if direction in ("ancestors", "both"):
        ids |= _walk(session, team_id, roots, depth, limit, upwards=True)
    if direction in ("descendants", "both"):
        ids |= _walk(session, team_id, roots, depth, limit, upwards=False)
    members = select(TunedModel).where(TunedModel.team_id == team_id, TunedModel.id.in_(ids))
    return session.scalars(members.order_by(TunedModel.created_at, TunedModel.id).limit(limit)).all()


def _walk(
    session: Session, team_id: str, roots: Collection[str], depth: int, limit: int, *, upwards: bool
) -> set[str]:
    columns = TunedModel.id, TunedModel.parent_id, literal(0).label("generation")
    start = select(*columns).where(TunedModel.team_id == team_id, TunedModel.id.in_(roots))
    walked = start.cte("family", recursive=True)
    relative = aliased(TunedModel)
    joined = relative.id == walked.c.parent_id if upwards else relative.parent_id == walked.c.id
    step = select(relative.id, relative.parent_id, walked.c.generation + 1).where(
        joined, relative.team_id == team_id, walked.c.generation < depth
    )
    return set(session.scalars(select(walked.union(step).c.id).limit(limit)))


def chain(session: Session, model: TunedModel) -> list[TunedModel]:
    """The models that a model was made through and itself, the one made from the base first."""
    line = {
        one.id: one for one in family(session, model.team_id, [model.id], "ancestors", _DEEPEST, _DEEPEST)
    }
    found = []
    step: str | None = model.id
    while step is not None:
        found.append(line[step])
        step = line[step].parent_id
    return found[::-1]
