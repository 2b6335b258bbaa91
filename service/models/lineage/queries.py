"""A model's lineage as a graph, with the cost of each node."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.core.clock import unix
from service.ledger.money import usd
from service.models.lineage.contents import sources_of
from service.models.lineage.costs import FamilyCosts, costs_of_family
from service.models.lineage.family import Direction, Member, ancestors, counterparts, descendants
from service.models.lineage.graph import Edge, Graph, LineageCost, Node, Role
from service.models.tables import TunedModel

_ZERO = Decimal(0)
_CONTENT = "sha256:"
_FILES = text("""
    SELECT id, sha256, filename, created_at, deleted_at FROM files
    WHERE id = ANY(string_to_array(:ids, ' ')) AND team_id = :team_id ORDER BY created_at, id
""")
_ALIASES = text(
    "SELECT name, model FROM aliases WHERE team_id = :team_id AND model IS NOT NULL ORDER BY name"
)


def lineage(session: Session, model: TunedModel, direction: Direction, depth: int, limit: int) -> Graph:
    """The graph around a model: bases, datasets, jobs, models, checkpoints and aliases.

    Contains the nearest `limit` models in either direction; `truncated` says when there are more. The cost
    covers the whole branch in that direction, including what `depth` and `limit` leave out.
    """
    line = ancestors(session, model)
    found = {one.id: one for one in line if direction != "descendants" or one.generation == 0}
    near = [one for one in found.values() if -one.generation <= depth]
    if direction != "ancestors":
        near += [one for one in descendants(session, model, depth, limit + 1) if one.generation]
    near.sort(key=lambda one: abs(one.generation))
    shown = sorted(near[:limit], key=lambda one: (one.generation, one.created_at, one.id))
    moved = counterparts(session, model.team_id, [one.id for one in shown])
    family = [*found.values(), *shown, *moved]
    costs = costs_of_family(
        session,
        model,
        {one.id for one in family},
        {one.job_id for one in family},
        branch=direction != "ancestors",
    )
    builder = _Builder(session, model.team_id, shown, moved, costs)
    return Graph(
        root=model.id,
        nodes=list(builder.nodes.values()),
        edges=builder.edges,
        cumulative_cost_usd=_cost(direction, list(found.values()), costs),
        truncated=len(near) > limit,
    )


def _cost(direction: Direction, line: Sequence[Member], costs: FamilyCosts) -> LineageCost:
    """What the models of `line`, the branch below, or both cost; the model itself is in each."""
    training = sum((costs.jobs.get(job_id, _ZERO) for job_id in {one.job_id for one in line}), _ZERO)
    use = sum((costs.use.get(one.id, _ZERO) for one in line), _ZERO)
    tried = _ZERO
    if direction != "ancestors":
        (model,) = [one for one in line if one.generation == 0]
        use += costs.use_usd - costs.use.get(model.id, _ZERO)
        tried = costs.tried_usd
        training += costs.made_usd + tried
    return LineageCost(training=usd(training), attempts=usd(tried), use=usd(use), total=usd(training + use))


class _Builder:
    """Builds nodes and edges from the rows of a family."""

    def __init__(
        self,
        session: Session,
        team_id: str,
        shown: Sequence[Member],
        moved: Sequence[Member],
        costs: FamilyCosts,
    ) -> None:
        self.nodes: dict[str, Node] = {}
        self._links: dict[tuple[str, str, Role], None] = {}
        contents = self._add_datasets(session, team_id, shown)
        for one in shown:
            self._add_job(one, contents, costs.jobs.get(one.job_id, _ZERO))
            self._add_model(one, costs.use.get(one.id, _ZERO))
        for one in moved:  # at other providers or bases, without their own families
            self._add_model(one, costs.use.get(one.id, _ZERO))
        self._add_aliases(session, team_id)

    @property
    def edges(self) -> list[Edge]:
        """Every edge once, without edges to nodes that are not shown."""
        nodes = self.nodes
        return [Edge(source, to, role) for source, to, role in self._links if source in nodes and to in nodes]

    def _link(self, source: str, to: str, role: Role) -> None:
        self._links[source, to, role] = None

    def _add_datasets(self, session: Session, team_id: str, shown: Sequence[Member]) -> dict[str, str]:
        """Add a node per content and per content that it was derived from; returns each file's node."""
        files = {one.training_file for one in shown} | {one.validation_file for one in shown}
        node_of = self._add_contents(session, team_id, [file_id for file_id in files if file_id])
        hashes = {node_id.removeprefix(_CONTENT) for node_id in node_of.values()}
        made = sources_of(session, team_id, hashes)
        if made:
            self._add_contents(session, team_id, sorted({one.source_id for one in made} - node_of.keys()))
        for one in made:
            self._link(_CONTENT + one.source, _CONTENT + one.output, "derived_from")
        return node_of

    def _add_contents(self, session: Session, team_id: str, named: Sequence[str]) -> dict[str, str]:
        node_of = {}
        for file in session.execute(_FILES, {"ids": " ".join(named), "team_id": team_id}):
            node_of[file.id] = node_id = _CONTENT + file.sha256
            known = self.nodes.get(node_id)
            if known is None:
                known = Node(node_id, "dataset", file.filename, unix(file.created_at), deleted=True, files=[])
                self.nodes[node_id] = known
            known.files = [*(known.files or ()), file.id]
            known.deleted = known.deleted and file.deleted_at is not None
        return node_of

    def _add_job(self, one: Member, contents: Mapping[str, str], cost_usd: Decimal) -> None:
        origin = one.parent_id or one.base_model
        if one.parent_id is None and origin not in self.nodes:
            self.nodes[origin] = Node(origin, "base", origin)
        if one.job_id not in self.nodes:
            self.nodes[one.job_id] = Node(
                one.job_id, "job", one.job_id, cost_usd=_text(cost_usd), base_identity=one.base_identity
            )
        self._link(origin, one.job_id, "tuned_from")
        self._link(contents.get(one.training_file, ""), one.job_id, "training_data")
        if one.validation_file:
            self._link(contents.get(one.validation_file, ""), one.job_id, "validation_data")

    def _add_model(self, one: Member, cost_usd: Decimal) -> None:
        self.nodes[one.id] = Node(
            one.id,
            "checkpoint" if one.kind == "checkpoint" else "model",
            one.id,
            unix(one.created_at),
            one.deleted_at is not None,
            _text(cost_usd),
        )
        self._link(one.job_id, one.id, "produced")
        if one.migrated_from:
            self._link(one.migrated_from, one.id, "migrated_to")

    def _add_aliases(self, session: Session, team_id: str) -> None:
        for alias in session.execute(_ALIASES, {"team_id": team_id}):
            if alias.model in self.nodes:
                node_id = f"alias:{alias.name}"
                self.nodes[node_id] = Node(node_id, "alias", alias.name)
                self._link(node_id, alias.model, "points_to")


def _text(amount: Decimal) -> str:
    return usd(amount) if amount else "0.00"
