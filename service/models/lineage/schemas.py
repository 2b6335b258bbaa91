"""Lineage and impact on the wire. The routes encode `Graph` and `Impact` directly, in this form."""

from typing import Literal

from pydantic import Field

from service.core.http.wire import WireOut
from service.models.lineage.graph import NodeKind, Role


class NodeOut(WireOut):
    """One node of a lineage graph; `cost_usd` is what the node itself cost: a job's training, a model's use.

    A dataset's id is its content's hash, `sha256:…`; `files` are the uploads with that content.
    """

    id: str
    kind: NodeKind
    label: str
    created_at: int | None
    deleted: bool
    cost_usd: str
    files: list[str] | None


class EdgeOut(WireOut):
    """`from` contributed to `to`; `role` says how."""

    source: str = Field(alias="from")
    to: str
    role: Role


class LineageCostOut(WireOut):
    """The cost to date of the whole branch, including models that the graph leaves out.

    `training` includes `attempts`: jobs that started from the branch's models and produced none.
    """

    training: str
    attempts: str
    use: str
    total: str


class LineageOut(WireOut):
    """A model's ancestors and descendants."""

    object: Literal["lineage"]
    root: str
    nodes: list[NodeOut]
    edges: list[EdgeOut]
    cumulative_cost_usd: LineageCostOut
    truncated: bool


class ImpactModelOut(WireOut):
    """A model trained on the content: `direct` in its own training, else through a parent model."""

    id: str
    kind: Literal["model", "checkpoint"]
    job_id: str
    direct: bool
    deleted: bool


class ImpactOut(WireOut):
    """Every model and alias trained on a file's content, whichever upload of it was used.

    `derived` lists files split, converted or cleaned from the content, in any number of steps; models
    trained on them are included. `truncated` says that there are more models than `limit`; `aliases` is
    always complete.
    """

    object: Literal["file.impact"]
    file_id: str
    sha256: str
    same_content: list[str]
    derived: list[str]
    models: list[ImpactModelOut]
    aliases: list[str]
    truncated: bool
