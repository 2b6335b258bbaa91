"""A lineage graph in memory. It can have ten thousand models, so its parts are cheap structs."""

from typing import Literal

import msgspec

NodeKind = Literal["base", "dataset", "job", "checkpoint", "model", "alias"]
Role = Literal[
    "tuned_from", "training_data", "validation_data", "produced", "points_to", "derived_from", "migrated_to"
]


class Node(msgspec.Struct):
    """One node of a lineage graph; `schemas.NodeOut` describes its wire form."""

    id: str
    kind: NodeKind
    label: str
    created_at: int | None = None
    deleted: bool = False
    cost_usd: str = "0.00"
    files: list[str] | None = None
    base_identity: dict[str, str | None] | None = None


class Edge(msgspec.Struct, frozen=True):
    """`source` contributed to `to`."""

    source: str = msgspec.field(name="from")
    to: str
    role: Role


class LineageCost(msgspec.Struct):
    """The cost of the whole branch, as decimal strings; `training` includes `attempts`, which failed."""

    training: str
    attempts: str
    use: str
    total: str


class Graph(msgspec.Struct):
    """Nodes, from the oldest ancestor on, and the edges between them."""

    root: str
    nodes: list[Node]
    edges: list[Edge]
    cumulative_cost_usd: LineageCost
    truncated: bool = False
    object: Literal["lineage"] = "lineage"
