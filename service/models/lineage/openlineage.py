"""A lineage graph as OpenLineage events: one completed run per job, with its inputs and outputs.

OpenLineage has no models, so they are datasets too. https://openlineage.io/docs/spec/object-model
"""

import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from service.models.lineage.graph import Graph

_PRODUCER = "https://github.com/tunehouse/tunehouse"


def openlineage(graph: Graph, team_slug: str) -> list[dict[str, Any]]:
    """One `COMPLETE` event per job, in the order of the graph's nodes."""
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
    from openlineage.client.serde import Serde

    namespace = f"tunehouse://{team_slug}"
    nodes = {node.id: node for node in graph.nodes}
    inputs: dict[str, list[str]] = defaultdict(list)
    outputs: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        if edge.role == "produced":
            outputs[edge.source].append(edge.to)
        elif edge.role not in ("points_to", "derived_from", "migrated_to"):
            inputs[edge.to].append(edge.source)
    events = []
    for job in (node for node in graph.nodes if node.kind == "job"):
        made = [nodes[name].created_at or 0 for name in outputs[job.id]]
        event = RunEvent(
            eventTime=datetime.fromtimestamp(max(made, default=0), UTC).isoformat(),
            producer=_PRODUCER,
            run=Run(runId=str(uuid5(NAMESPACE_URL, f"{namespace}/{job.id}"))),
            job=Job(namespace=namespace, name=job.id),
            eventType=RunState.COMPLETE,
            inputs=[InputDataset(namespace=namespace, name=name) for name in inputs[job.id]],
            outputs=[OutputDataset(namespace=namespace, name=name) for name in outputs[job.id]],
        )
        events.append(json.loads(Serde.to_json(event)))
    return events
