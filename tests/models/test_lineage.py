"""A family tree answers where a model came from, what came from it, and what that cost."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.jobs.story import BASE, run, upload
from tests.support.data import chat_file
from tests.support.service import Service, TeamHandle

pytestmark = pytest.mark.usefixtures("worker")


def lineage(team: TeamHandle, model: str | None, **query: str) -> dict[str, Any]:
    answer = team.http.get(f"/v1/models/{model}/lineage", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(graph: dict[str, Any], kind: str) -> set[str]:
    return {node["id"] for node in graph["nodes"] if node["kind"] == kind}


def test_two_generations_hang_together_down_to_the_base(service: Service) -> None:
    team = service.make_team()
    validation = upload(team.sdk, chat_file(topic="hail"))
    first = run(team.sdk, validation_file=validation.id)
    second = run(
        team.sdk, model=first.fine_tuned_model, training_file=upload(team.sdk, chat_file(topic="ice")).id
    )
    graph = lineage(team, second.fine_tuned_model)
    assert ids(graph, "base") == {BASE}
    assert ids(graph, "model") == {first.fine_tuned_model, second.fine_tuned_model}
    assert ids(graph, "job") == {first.id, second.id}
    datasets = [node for node in graph["nodes"] if node["kind"] == "dataset"]
    brought = {file_id for node in datasets for file_id in node["files"]}
    assert brought == {first.training_file, second.training_file, validation.id}
    edges = {(edge["from"], edge["to"], edge["role"]) for edge in graph["edges"]}
    assert (BASE, first.id, "tuned_from") in edges
    assert (first.fine_tuned_model, second.id, "tuned_from") in edges
    assert [to for _, to, role in edges if role == "validation_data"] == [first.id]
    assert (second.id, second.fine_tuned_model, "produced") in edges
    costs = [Decimal(node["cost_usd"]) for node in graph["nodes"] if node["kind"] == "job"]
    assert sum(costs) == Decimal(graph["cumulative_cost_usd"]["training"]) > 0


def test_direction_and_depth_cut_the_tree(service: Service) -> None:
    team = service.make_team()
    first = run(team.sdk)
    second = run(team.sdk, model=first.fine_tuned_model)
    up = lineage(team, first.fine_tuned_model, direction="ancestors")
    assert ids(up, "model") == {first.fine_tuned_model}
    down = lineage(team, first.fine_tuned_model, direction="descendants")
    assert ids(down, "model") == {first.fine_tuned_model, second.fine_tuned_model}
    assert ids(lineage(team, second.fine_tuned_model, depth="0"), "model") == {second.fine_tuned_model}


def test_a_deleted_model_keeps_its_place(service: Service) -> None:
    team = service.make_team()
    first = run(team.sdk)
    second = run(team.sdk, model=first.fine_tuned_model)
    assert first.fine_tuned_model is not None
    assert team.sdk.models.delete(first.fine_tuned_model).deleted
    assert team.http.get(f"/v1/models/{first.fine_tuned_model}").status_code == 404
    graph = lineage(team, second.fine_tuned_model)
    (gone,) = [node for node in graph["nodes"] if node["id"] == first.fine_tuned_model]
    assert gone["deleted"] is True


def test_another_teams_model_looks_like_one_that_does_not_exist(service: Service) -> None:
    owner, other = service.make_team(), service.make_team()
    model = run(owner.sdk).fine_tuned_model
    for path in (f"/v1/models/{model}", f"/v1/models/{model}/lineage"):
        foreign, missing = other.http.get(path), other.http.get(path.replace(str(model), "ft:none"))
        assert foreign.status_code == missing.status_code == 404
        assert foreign.text.replace(str(model), "ft:none") == missing.text
    assert model not in other.http.get("/v1/models").text


def test_a_tree_is_drawn_as_mermaid_and_told_as_openlineage(service: Service) -> None:
    team = service.make_team()
    first = run(team.sdk)
    second = run(team.sdk, model=first.fine_tuned_model)
    team.http.put("/v1/aliases/helper", json={"model": second.fine_tuned_model}).raise_for_status()
    path = f"/v1/models/{second.fine_tuned_model}/lineage"
    drawn = team.http.get(path, params={"format": "mermaid"}).text
    assert drawn.startswith("flowchart LR\n")
    assert drawn.count("-->|training|") == 2
    assert '{{"helper"}}' in drawn
    told = team.http.get(path, params={"format": "openlineage"}).text.splitlines()
    events = [json.loads(line) for line in told]
    assert [event["job"]["name"] for event in events] == [first.id, second.id]
    assert {event["eventType"] for event in events} == {"COMPLETE"}
    inputs = {item["name"] for item in events[1]["inputs"]}
    assert first.fine_tuned_model in inputs


def test_impact_follows_a_content_through_re_uploads_and_generations(service: Service) -> None:
    team = service.make_team()
    content = chat_file(topic="impact")
    original, again = upload(team.sdk, content), upload(team.sdk, content)
    first = run(team.sdk, training_file=again.id)
    second = run(team.sdk, model=first.fine_tuned_model)
    team.http.put("/v1/aliases/helper", json={"model": second.fine_tuned_model}).raise_for_status()
    found = team.http.get(f"/v1/files/{original.id}/impact").json()
    assert found["same_content"] == [original.id, again.id]
    models = {model["id"]: model["direct"] for model in found["models"] if model["kind"] == "model"}
    assert models == {first.fine_tuned_model: True, second.fine_tuned_model: False}
    assert found["aliases"] == ["helper"]
    assert service.make_team().http.get(f"/v1/files/{original.id}/impact").status_code == 404


def test_impact_and_lineage_follow_what_was_made_from_a_content(service: Service) -> None:
    team = service.make_team()
    source = upload(team.sdk, chat_file(topic="source", examples=60))
    half = team.http.post(f"/v1/files/{source.id}/split", json={"validation_share": 0.5}).json()
    part = str(half["training_file"]["id"])
    team.sdk.files.wait_for_processing(part, poll_interval=0.05)
    again = upload(team.sdk, team.sdk.files.content(part).read())
    made = run(team.sdk, training_file=again.id)
    found = team.http.get(f"/v1/files/{source.id}/impact").json()
    assert {part, again.id} < set(found["derived"])
    reached = {model["id"]: model["direct"] for model in found["models"] if model["kind"] == "model"}
    assert reached == {made.fine_tuned_model: True}
    # The other half of the split taught nobody, and the part knows nothing of what it was made from.
    other = half["validation_file"]["id"]
    assert team.http.get(f"/v1/files/{other}/impact").json()["models"] == []
    assert team.http.get(f"/v1/files/{part}/impact").json()["derived"] == []
    graph = lineage(team, made.fine_tuned_model)
    files_of = {node["id"]: node["files"] for node in graph["nodes"] if node["kind"] == "dataset"}
    (edge,) = [edge for edge in graph["edges"] if edge["role"] == "derived_from"]
    assert (files_of[edge["from"]], files_of[edge["to"]]) == ([source.id], [again.id])
