"""The drawing of a model's family."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from service.pages.charts.draw import n, rect, svg, text


@dataclass(frozen=True)
class FamilyBox:
    """A model; `kind` is base, here, dying, or empty."""

    id: str
    name: str
    note: str
    parent: str = ""
    kind: str = ""
    href: str = ""


def lineage(nodes: Sequence[FamilyBox], width: float = 720) -> Markup:
    """Draw a column per generation, a child beside its parent; each box is a link."""
    children: dict[str, list[FamilyBox]] = {}
    for node in nodes:
        children.setdefault(node.parent, []).append(node)
    place: dict[str, tuple[int, float]] = {}

    def put(node: FamilyBox, depth: int, row: float) -> float:
        """Place a subtree from `row` on; answers the first free row after it."""
        at, mine = row, children.get(node.id, [])
        for child in mine:
            at = put(child, depth + 1, at)
        place[node.id] = (depth, (place[mine[0].id][1] + place[mine[-1].id][1]) / 2 if mine else row)
        return max(at, row + 1)

    free = 0.0
    for root in children[""]:
        free = put(root, 0, free)
    depth = 1 + max(d for d, _ in place.values())
    gap = 36
    w = (width - 2 - gap * (depth - 1)) / depth
    h, pitch = 42, 54
    spot = {i: (1 + d * (w + gap), 1 + r * pitch) for i, (d, r) in place.items()}
    out = []
    for node in nodes:
        if node.parent:
            (ax, ay), (bx, by) = spot[node.parent], spot[node.id]
            x, mid = ax + w, gap / 2
            out.append(
                f'<path class="edge{" lit" if node.kind == "here" else ""}" d="M{n(x)} {n(ay + h / 2)}'
                f'C{n(x + mid)} {n(ay + h / 2)} {n(bx - mid)} {n(by + h / 2)} {n(bx)} {n(by + h / 2)}"/>'
            )

    def fit(words: str, letter: float) -> str:
        room = int((w - 20) / letter)
        return words if len(words) <= room else words[: room - 1].rstrip() + "…"

    for node in nodes:
        x, y = spot[node.id]
        box = (
            rect(x, y, w, h, "box", 8)
            + text(x + 12, y + 18, fit(node.name, 7.2), "name")
            + text(x + 12, y + 33, fit(node.note, 6.1), "note")
        )
        inside = (
            f'<a href="{escape(node.href)}" aria-label="{escape(f"{node.name}, {node.note}")}">{box}</a>'
            if node.href
            else box
        )
        out.append(f'<g class="node {node.kind}">{inside}</g>')
    label = f"{len(nodes)} models in {depth} generations, from {', '.join(r.name for r in children[''])}."
    return svg(width, free * pitch - (pitch - h) + 2, label, "".join(out), role="group")
