"""Whatever a team calls its files, the drawing stays a drawing."""

from hypothesis import given
from hypothesis import strategies as st

from service.models.lineage.graph import Graph, LineageCost, Node
from service.models.lineage.mermaid import mermaid


@given(st.text())
def test_a_label_cannot_break_out_of_its_box(label: str) -> None:
    graph = Graph(
        root="x",
        nodes=[Node(id="x", kind="dataset", label=label)],
        edges=[],
        cumulative_cost_usd=LineageCost(training="0", attempts="0", use="0", total="0"),
    )
    head, box, tail = mermaid(graph).split("\n")
    assert head == "flowchart LR"
    assert tail == ""
    assert box.count('"') == 2
    assert "<" not in box
