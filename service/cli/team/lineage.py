"""`tunehouse lineage`: where a model came from, what was made from it, and what all of it cost."""

from collections.abc import Callable
from typing import Annotated

from rich.tree import Tree
from typer import Argument

from service.cli.entry import app
from service.cli.team.service_of import ApiKey, AsJson, BaseUrl, print_json, screen, service_of
from service.client import LineageInfo


@app.command()
def lineage(
    model: Annotated[str, Argument(metavar="MODEL", help="A tuned model, checkpoint or alias.")],
    json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Show a model's ancestors and descendants, and what the branch cost."""
    with service_of(base_url, api_key) as tunehouse:
        found = tunehouse.lineage(model)
    if json:
        print_json(found)
        return
    into = {node.id: [edge.source for edge in found.edges if edge.to == node.id] for node in found.nodes}
    out = {node.id: [edge.to for edge in found.edges if edge.source == node.id] for node in found.nodes}
    labels = _labels(found)
    for title, step in (("made from", into), ("used for", out)):
        if step.get(found.root):
            tree = Tree(f"{labels(found.root)} {title}")
            _grow(tree, found.root, step, labels, {found.root})
            screen.print(tree)
    cost = found.cumulative_cost_usd
    screen.print(f"training ${cost.training}, use ${cost.use}, in all ${cost.total}")
    if found.truncated:
        screen.print("The branch has more models than these, the nearest. The API's limit goes up to 10,000.")


def _labels(found: LineageInfo) -> Callable[[str], str]:
    nodes = {node.id: node for node in found.nodes}

    def label(node_id: str) -> str:
        node = nodes.get(node_id)
        if node is None:
            return node_id
        gone = " (deleted)" if node.deleted else ""
        cost = f" ${node.cost_usd}" if node.cost_usd else ""
        return f"{node.kind} {node.label}{gone}{cost}"

    return label


def _grow(
    tree: Tree, at: str, step: dict[str, list[str]], labels: Callable[[str], str], seen: set[str]
) -> None:
    """Add the nodes that are one step away, each once in the whole tree."""
    for one in step.get(at, ()):
        if one not in seen:
            seen.add(one)
            _grow(tree.add(labels(one)), one, step, labels, seen)
