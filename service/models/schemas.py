"""Models and their family on the wire."""

from typing import Literal

from pydantic import Field

from service.core.clock import unix
from service.core.wire import WireOut
from service.models.lineage.graph import NodeKind, Role
from service.models.tables import TunedModel


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


class NodeOut(WireOut):
    """One thing in a family tree; `cost_usd` is what this node itself cost: jobs train, models are used.

    A dataset's id is its content's hash, `sha256:…`, and `files` are those that brought it.
    """

    id: str
    kind: NodeKind
    label: str
    created_at: int | None
    deleted: bool
    cost_usd: str
    files: list[str] | None


class EdgeOut(WireOut):
    """`from` had a part in `to`; `role` says which."""

    source: str = Field(alias="from")
    to: str
    role: Role


class CostOut(WireOut):
    """What the whole branch cost to date, shown or not.

    `training` includes `attempts`: jobs that started from the branch's models and made none.
    """

    training: str
    attempts: str
    use: str
    total: str


class LineageOut(WireOut):
    """The family of a model: what it came from and what came from it."""

    object: Literal["lineage"]
    root: str
    nodes: list[NodeOut]
    edges: list[EdgeOut]
    cumulative_cost_usd: CostOut
    truncated: bool


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
