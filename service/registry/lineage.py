"""The family of a tuned model, by recursive query over its parent edges."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from sqlalchemy import literal, select
from sqlalchemy.orm import Session, aliased

from service.core.clock import unix
from service.datasets.tables import File
from service.ledger.money import usd
from service.ledger.queries import costs_by_job, costs_by_model
from service.registry.schemas import CumulativeCost, Edge, LineageOut, Node
from service.registry.tables import TunedModel

Direction = Literal["ancestors", "descendants", "both"]
_ZERO = Decimal(0)


def family(session: Session, model: TunedModel, direction: Direction, depth: int) -> list[TunedModel]:
    """The model, what it was tuned from and what was tuned from it, up to `depth` generations each way.

    Within the model's own team: parents are never another team's.
    """
    ids = {model.id}
    if direction in ("ancestors", "both"):
        ids |= _walk(session, model, depth, upwards=True)
    if direction in ("descendants", "both"):
        ids |= _walk(session, model, depth, upwards=False)
    members = select(TunedModel).where(TunedModel.team_id == model.team_id, TunedModel.id.in_(ids))
    return list(session.scalars(members.order_by(TunedModel.created_at, TunedModel.id)))


def _walk(session: Session, model: TunedModel, depth: int, *, upwards: bool) -> set[str]:
    columns = TunedModel.id, TunedModel.parent_id, literal(0).label("generation")
    start = select(*columns).where(TunedModel.id == model.id).cte("family", recursive=True)
    relative = aliased(TunedModel)
    joined = relative.id == start.c.parent_id if upwards else relative.parent_id == start.c.id
    step = select(relative.id, relative.parent_id, start.c.generation + 1).where(
        joined, relative.team_id == model.team_id, start.c.generation < depth
    )
    return set(session.scalars(select(start.union(step).c.id)))


def lineage(session: Session, model: TunedModel, direction: Direction, depth: int) -> LineageOut:
    """The graph of the model's family with what each step cost, and the sum of it all."""
    members = family(session, model, direction, depth)
    jobs = {member.job_id for member in members}
    job_costs = costs_by_job(session, model.team_id, jobs)
    own_costs = costs_by_model(session, model.team_id, {member.id for member in members})
    use_costs = {model_id: cost.use_usd for model_id, cost in own_costs.items()}
    training, use = sum(job_costs.values(), _ZERO), sum(use_costs.values(), _ZERO)
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str, str], Edge] = {}

    def link(source: str, to: str, role: str) -> None:
        edges[source, to, role] = Edge.model_validate({"from": source, "to": to, "role": role})

    for file in _files(session, members):
        deleted = file.deleted_at is not None
        nodes[file.id] = Node(
            id=file.id, kind="dataset", label=file.filename, created_at=unix(file.created_at), deleted=deleted
        )
    for member in members:
        origin = member.parent_id or member.base_model
        if member.parent_id is None:
            nodes[origin] = Node(id=origin, kind="base", label=origin)
        cost = job_costs.get(member.job_id, _ZERO)
        nodes[member.job_id] = Node(id=member.job_id, kind="job", label=member.job_id, cost_usd=usd(cost))
        nodes[member.id] = _model_node(member, use_costs.get(member.id, _ZERO))
        link(origin, member.job_id, "tuned_from")
        link(member.training_file, member.job_id, "training_data")
        if member.validation_file:
            link(member.validation_file, member.job_id, "validation_data")
        link(member.job_id, member.id, "produced")
    return LineageOut(
        root=model.id,
        nodes=list(nodes.values()),
        edges=[edge for edge in edges.values() if edge.source in nodes],
        cumulative_cost_usd=CumulativeCost(training=usd(training), use=usd(use), total=usd(training + use)),
    )


def _model_node(model: TunedModel, cost_usd: Decimal) -> Node:
    return Node(
        id=model.id,
        kind="checkpoint" if model.kind == "checkpoint" else "model",
        label=model.id,
        created_at=unix(model.created_at),
        deleted=model.deleted_at is not None,
        cost_usd=usd(cost_usd),
    )


def _files(session: Session, members: Iterable[TunedModel]) -> list[File]:
    ids = {
        file_id for member in members for file_id in (member.training_file, member.validation_file) if file_id
    }
    return list(session.scalars(select(File).where(File.id.in_(ids))))
