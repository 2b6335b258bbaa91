"""Chapter 7, first half: the lineage of a model."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from openai.types.fine_tuning import FineTuningJob
from rich.text import Text
from rich.tree import Tree

from service.cli.demo.people import DemoTeam
from service.cli.demo.screen import Screen, usd
from service.cli.demo.training import BASE

_DATA_ROLES = {"training_data": "trained on", "validation_data": "validated on"}


def show(team: DemoTeam, jobs: list[FineTuningJob], screen: Screen) -> None:
    """Draw the lineage of the last job's model, and check that it is complete."""
    root = str(jobs[-1].fine_tuned_model)
    lineage = team.get(f"/models/{root}/lineage")
    tree = Tree(Text(f"{BASE} (base)"))
    _grow(tree, BASE, _Graph(lineage))
    screen.show(tree)
    kinds = [node["kind"] for node in lineage["nodes"]]
    wanted = {"base": 1, "dataset": 3, "job": 2}
    counted = {kind: kinds.count(kind) for kind in wanted}
    screen.claim("The lineage contains the base, three datasets and two jobs", counted == wanted, kinds)
    ids = {node["id"] for node in lineage["nodes"]}
    models = {str(job.fine_tuned_model) for job in jobs}
    screen.claim("and both models", models <= ids, ids)
    total = lineage["cumulative_cost_usd"]
    screen.claim(
        f"Total cost {usd(total['total'])}: {usd(total['training'])} training, {usd(total['use'])} use",
        Decimal(total["training"]) > 0
        and Decimal(total["use"]) > 0
        and Decimal(total["training"]) + Decimal(total["use"]) == Decimal(total["total"]),
        total,
    )


class _Graph:
    """The lineage graph, indexed by its edges."""

    def __init__(self, lineage: dict[str, Any]) -> None:
        self.nodes = {node["id"]: node for node in lineage["nodes"]}
        self.next: dict[str, list[str]] = defaultdict(list)
        self.data: dict[str, list[str]] = defaultdict(list)
        for edge in lineage["edges"]:
            if edge["role"] in _DATA_ROLES:
                label = self.nodes[edge["from"]]["label"]
                self.data[edge["to"]].append(f"{_DATA_ROLES[edge['role']]} {label}")
            else:
                self.next[edge["from"]].append(edge["to"])

    def words(self, node_id: str) -> str:
        """One node as a line of text."""
        node = self.nodes[node_id]
        parts = [f"{node['label']} ({node['kind']})", *self.data[node_id]]
        if Decimal(node["cost_usd"]):
            parts.append(usd(node["cost_usd"]))
        return " · ".join(parts)


def _grow(tree: Tree, node_id: str, graph: _Graph) -> None:
    for child in graph.next[node_id]:
        _grow(tree.add(Text(graph.words(child))), child, graph)
