"""Lineage and impact on the wire. The routes encode `Graph` and `Impact` directly, in this form."""

from typing import Literal

from pydantic import Field

from service.core.http.wire import WireOut
from service.models.lineage.graph import NodeKind, Role


class NodeOut(WireOut):
    """One node of a lineage graph."""

    id: str
    """The object's id or name; for a dataset its content's hash, `sha256:…`."""
    kind: NodeKind
    """What the node is."""
    label: str
    """A short text to show."""
    created_at: int | None
    """When it was created, in unix seconds; null for a base."""
    deleted: bool
    """Whether it was deleted since."""
    cost_usd: str
    """What the node itself cost: a job's training, a model's use."""
    files: list[str] | None
    """The ids of the uploads with a dataset's content; null for other nodes."""
    base_identity: dict[str, str | None] | None
    """Of a job, its base by content: `sha256`, `revision`, `licence`; null if the provider does not say."""


class EdgeOut(WireOut):
    """How one node contributed to another."""

    source: str = Field(alias="from")
    """The id of the node that contributed."""
    to: str
    """The id of the node that it contributed to."""
    role: Role
    """How."""


class LineageCostOut(WireOut):
    """The cost to date of the whole branch in US dollars, with models that the graph leaves out."""

    training: str
    """Training in US dollars, `attempts` included."""
    attempts: str
    """Training of jobs that started from the branch's models and produced none."""
    use: str
    """Inference in US dollars."""
    total: str
    """Training and inference in US dollars."""


class LineageOut(WireOut):
    """A model's ancestors and descendants."""

    object: Literal["lineage"]
    root: str
    """The id of the model that you asked for."""
    nodes: list[NodeOut]
    """Models, jobs, datasets and aliases, from the oldest ancestor on."""
    edges: list[EdgeOut]
    """How the nodes contributed to each other."""
    cumulative_cost_usd: LineageCostOut
    """The cost to date of the whole branch."""
    truncated: bool
    """Whether the graph leaves out models: raise `limit` or `depth`."""


class ImpactModelOut(WireOut):
    """A model trained on the content."""

    id: str
    """The model's name."""
    kind: Literal["model", "checkpoint"]
    """A finished model, or a checkpoint."""
    job_id: str
    """The id of the job that made it."""
    direct: bool
    """Whether its own job trained on the content; otherwise one of its ancestors' did."""
    deleted: bool
    """Whether it was deleted since."""


class ImpactOut(WireOut):
    """Every model and alias trained on a file's content, whichever upload of it was used."""

    object: Literal["file.impact"]
    file_id: str
    sha256: str
    """The SHA-256 of the content, in hexadecimal."""
    same_content: list[str]
    """The ids of all uploads of this content."""
    derived: list[str]
    """The ids of files split, converted or cleaned from it, in any number of steps."""
    models: list[ImpactModelOut]
    """The models trained on it or on a derived file."""
    aliases: list[str]
    """The aliases that point at one of them; always complete."""
    truncated: bool
    """Whether there are more models than `limit`."""
