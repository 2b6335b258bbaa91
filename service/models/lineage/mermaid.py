"""A lineage graph as Mermaid text, which READMEs and wikis can render."""

from collections.abc import Mapping

from service.models.lineage.graph import Graph, Node, NodeKind, Role

_SHAPES: Mapping[NodeKind, tuple[str, str]] = {
    "base": ("[[", "]]"),
    "dataset": ("[(", ")]"),
    "job": ("(", ")"),
    "checkpoint": ("[/", "/]"),
    "model": ("[", "]"),
    "alias": ("{{", "}}"),
}
_ARROWS: Mapping[Role, str] = {
    "tuned_from": "-->",
    "training_data": "-->|training|",
    "validation_data": "-.->|validation|",
    "produced": "-->",
    "points_to": "-.->",
    "derived_from": "-->|made into|",
    "migrated_to": "-.->|migrated to|",
}


def mermaid(graph: Graph) -> str:
    """The graph as a `flowchart`; nodes show their own cost unless it is zero."""
    names = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    lines += [f"  {names[node.id]}{_box(node)}" for node in graph.nodes]
    lines += [f"  {names[edge.source]} {_ARROWS[edge.role]} {names[edge.to]}" for edge in graph.edges]
    return "\n".join(lines) + "\n"


def _box(node: Node) -> str:
    opened, closed = _SHAPES[node.kind]
    cost = "" if node.cost_usd == "0.00" else f"<br/>${node.cost_usd}"
    gone = "<br/>(deleted)" if node.deleted else ""
    return f'{opened}"{_escape(node.label)}{cost}{gone}"{closed}'


def _escape(label: str) -> str:
    """Encode quotes, which end a label, and HTML, which Mermaid interprets, as Mermaid's entities."""
    return "".join(f"#{ord(character)};" if character in '"#&<>`\n\r' else character for character in label)
