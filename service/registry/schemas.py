"""Models and their family on the wire."""

from typing import Literal

from pydantic import ConfigDict, Field

from service.core.clock import unix
from service.core.wire import WireOut
from service.registry.tables import TunedModel

NodeKind = Literal["base", "dataset", "job", "checkpoint", "model", "alias"]
Role = Literal["tuned_from", "training_data", "validation_data", "produced", "points_to"]


class ModelExtras(WireOut):
    """What Tunehouse knows of a model beyond OpenAI's fields; null where it does not apply."""

    provider: str
    base_model: str
    parent_model: str | None = None
    job_id: str | None = None
    methods: list[str] | None = None
    training_ends: str | None = None


class ModelOut(WireOut):
    """A model that can be called, and perhaps tuned."""

    object: Literal["model"] = "model"
    id: str
    created: int
    owned_by: str
    shutdown_date: str | None
    tunehouse: ModelExtras


class ModelsOut(WireOut):
    """All models on offer; the SDK does not page them."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class ModelDeleted(WireOut):
    """A tuned model was deleted; its place in the lineage stays."""

    object: Literal["model"] = "model"
    id: str
    deleted: Literal[True] = True


class Node(WireOut):
    """One thing in a family tree; `cost_usd` is what this node itself cost: jobs train, models are used.

    A dataset's id is its content's hash, `sha256:…`, and `files` are those that brought it.
    """

    id: str
    kind: NodeKind
    label: str
    created_at: int | None = None
    deleted: bool = False
    cost_usd: str = "0.00"
    files: list[str] | None = None


class Edge(WireOut):
    """`from` had a part in `to`; `role` says which."""

    model_config = ConfigDict(validate_by_name=True)

    source: str = Field(alias="from")
    to: str
    role: Role


class CumulativeCost(WireOut):
    """What all jobs and all use in the graph cost, to date."""

    training: str
    use: str
    total: str


class LineageOut(WireOut):
    """The family of a model: what it came from and what came from it."""

    object: Literal["lineage"] = "lineage"
    root: str
    nodes: list[Node]
    edges: list[Edge]
    cumulative_cost_usd: CumulativeCost
    truncated: bool = False


def tuned_model_out(model: TunedModel, shutdown_date: str | None) -> ModelOut:
    """The wire form of a tuned model."""
    return ModelOut(
        id=model.id,
        created=unix(model.created_at),
        owned_by=model.team_id,
        shutdown_date=shutdown_date,
        tunehouse=ModelExtras(
            provider=model.provider,
            base_model=model.base_model,
            parent_model=model.parent_id,
            job_id=model.job_id,
        ),
    )
