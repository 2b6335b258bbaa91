"""A lineage graph in memory: as large as ten thousand models, so its parts are plain and cheap."""

from typing import Literal

import msgspec

NodeKind = Literal["base", "dataset", "job", "checkpoint", "model", "alias"]
Role = Literal["tuned_from", "training_data", "validation_data", "produced", "points_to", "derived_from"]


class Node(msgspec.Struct):
    """One thing in a family tree; its wire form is told by `schemas.NodeOut`."""

    id: str
    kind: NodeKind
    label: str
    created_at: int | None = None
    deleted: bool = False
    cost_usd: str = "0.00"
    files: list[str] | None = None


class Edge(msgspec.Struct, frozen=True):
    """`source` had a part in `to`."""

    source: str = msgspec.field(name="from")
    to: str
    role: Role


class LineageCost(msgspec.Struct):
    """What the whole branch cost, as decimal strings; `attempts` is what made nothing, within `training`."""

    training: str
    attempts: str
    use: str
    total: str


class Graph(msgspec.Struct):
    """Nodes, the nearest to the oldest ancestor first, and the edges between them."""

    root: str
    nodes: list[Node]
    edges: list[Edge]
    cumulative_cost_usd: LineageCost
    truncated: bool = False
    object: Literal["lineage"] = "lineage"
