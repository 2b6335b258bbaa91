"""A lineage graph as boxes: bases, models and checkpoints, each beside what it was tuned from."""

from collections.abc import Collection

from service.models.lineage.graph import Graph
from service.pages.charts import FamilyBox
from service.pages.words import dollars, short_model

_SHOWN = ("base", "model", "checkpoint")


def boxes(graph: Graph, dying: Collection[str]) -> list[FamilyBox]:
    """Return one box for each model; `dying` are the models that shut down."""
    nodes = {node.id: node for node in graph.nodes}
    made_by = {edge.to: edge.source for edge in graph.edges if edge.role == "produced"}
    tuned_from = {edge.to: edge.source for edge in graph.edges if edge.role == "tuned_from"}
    aliases: dict[str, list[str]] = {}
    for edge in graph.edges:
        if edge.role == "points_to":
            aliases.setdefault(edge.to, []).append(nodes[edge.source].label)
    found = []
    for node in graph.nodes:
        if node.kind not in _SHOWN:
            continue
        job = made_by.get(node.id)
        parent = tuned_from.get(job or node.id, "")
        found.append(
            FamilyBox(
                id=node.id,
                name=short_model(node.label),
                note="base"
                if node.kind == "base"
                else _note(nodes[job].cost_usd if job in nodes else "0", aliases.get(node.id, [])),
                parent=parent if parent in nodes and nodes[parent].kind in _SHOWN else "",
                kind=_kind(node.id, node.kind, graph.root, dying),
                href="" if node.kind == "base" or node.deleted else f"/models/{node.id}",
            )
        )
    return found


def _note(cost_usd: str, aliases: list[str]) -> str:
    return dollars(cost_usd) + (f" · {', '.join(aliases)}" if aliases else "")


def _kind(node_id: str, kind: str, root: str, dying: Collection[str]) -> str:
    if node_id == root:
        return "here"
    if kind == "base":
        return "base"
    return "dying" if node_id in dying else ""
