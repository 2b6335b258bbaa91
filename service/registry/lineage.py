"""The family tree of a model as a graph, with what each step cost."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core.clock import unix
from service.datasets.tables import File
from service.ledger.money import usd
from service.ledger.queries import costs_by_job, costs_by_model
from service.registry.aliases import Alias
from service.registry.family import Direction, family
from service.registry.schemas import CumulativeCost, Edge, LineageOut, Node, Role
from service.registry.tables import TunedModel

MOST_MODELS = 10_000
_ZERO = Decimal(0)


def lineage(session: Session, model: TunedModel, direction: Direction, depth: int) -> LineageOut:
    """The graph around a model: bases, datasets, jobs, models, checkpoints and aliases.

    At most `MOST_MODELS` models; `truncated` says when there were more.
    """
    members = family(session, model.team_id, [model.id], direction, depth, MOST_MODELS + 1)
    graph = _Graph(session, model.team_id, members[:MOST_MODELS])
    return LineageOut(
        root=model.id,
        nodes=list(graph.nodes.values()),
        edges=graph.edges,
        cumulative_cost_usd=graph.cost,
        truncated=len(members) > MOST_MODELS,
    )


class _Graph:
    """Nodes by id and the edges between them, built from the rows of a family."""

    def __init__(self, session: Session, team_id: str, members: Sequence[TunedModel]) -> None:
        self.nodes: dict[str, Node] = {}
        self._edges: dict[tuple[str, str, Role], None] = {}
        job_costs = costs_by_job(session, team_id, {member.job_id for member in members})
        costs = costs_by_model(session, team_id, {member.id for member in members})
        use_costs = {model_id: cost.use_usd for model_id, cost in costs.items()}
        contents = self._add_datasets(session, members)
        for member in members:
            self._add_job(member, contents, job_costs.get(member.job_id, _ZERO))
            self._add_model(member, use_costs.get(member.id, _ZERO))
        self._add_aliases(session, team_id)
        training, use = sum(job_costs.values(), _ZERO), sum(use_costs.values(), _ZERO)
        self.cost = CumulativeCost(training=usd(training), use=usd(use), total=usd(training + use))

    @property
    def edges(self) -> list[Edge]:
        """Every edge once; ends outside of the asked-for depth are left out."""
        named = self._edges
        return [
            Edge(source=source, to=to, role=role)
            for source, to, role in named
            if source in self.nodes and to in self.nodes
        ]

    def _link(self, source: str, to: str, role: Role) -> None:
        self._edges[source, to, role] = None

    def _add_datasets(self, session: Session, members: Sequence[TunedModel]) -> dict[str, str]:
        """One node per content, whichever files brought it; returns the node of each file."""
        files = {file_id for member in members for file_id in (member.training_file, member.validation_file)}
        named = select(File).where(File.id.in_(files - {None})).order_by(File.created_at)
        node_of = {}
        for file in session.scalars(named):
            node_of[file.id] = node_id = f"sha256:{file.sha256}"
            known = self.nodes.get(node_id)
            if known is None:
                known = Node(id=node_id, kind="dataset", label=file.filename, files=[], deleted=True)
                known.created_at = unix(file.created_at)
                self.nodes[node_id] = known
            known.files = [*(known.files or []), file.id]
            known.deleted = known.deleted and file.deleted_at is not None
        return node_of

    def _add_job(self, member: TunedModel, contents: dict[str, str], cost_usd: Decimal) -> None:
        origin = member.parent_id or member.base_model
        if member.parent_id is None:
            self.nodes[origin] = Node(id=origin, kind="base", label=origin)
        self.nodes[member.job_id] = Node(
            id=member.job_id, kind="job", label=member.job_id, cost_usd=usd(cost_usd)
        )
        self._link(origin, member.job_id, "tuned_from")
        self._link(contents[member.training_file], member.job_id, "training_data")
        if member.validation_file:
            self._link(contents[member.validation_file], member.job_id, "validation_data")

    def _add_model(self, member: TunedModel, cost_usd: Decimal) -> None:
        self.nodes[member.id] = Node(
            id=member.id,
            kind="checkpoint" if member.kind == "checkpoint" else "model",
            label=member.id,
            created_at=unix(member.created_at),
            deleted=member.deleted_at is not None,
            cost_usd=usd(cost_usd),
        )
        self._link(member.job_id, member.id, "produced")

    def _add_aliases(self, session: Session, team_id: str) -> None:
        pointing = select(Alias).where(Alias.team_id == team_id, Alias.model.in_(list(self.nodes)))
        for alias in session.scalars(pointing):
            node_id = f"alias:{alias.name}"
            self.nodes[node_id] = Node(id=node_id, kind="alias", label=alias.name)
            self._link(node_id, str(alias.model), "points_to")
