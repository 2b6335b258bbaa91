"""A value out of range is refused with its field's name on the wire and everything that it may be."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from service.app.validation import allowed
from tests.e2e.routes import PUBLIC
from tests.support.service import Service, TeamHandle

Schema = Mapping[str, Any]
JOBS = "/v1/fine_tuning/jobs"
JOB = {"model": "sandbox-mini", "training_file": "file-none"}
# Read by the gateway, which passes unknown fields and words its refusals by itself.
_GATEWAY = {"/v1/chat/completions", "/v1/completions", "/v1/responses"}


@pytest.fixture
def team(service: Service) -> TeamHandle:
    return service.make_team(budget_usd="5.00")


@pytest.mark.parametrize(
    ("change", "param", "words"),
    [
        (
            {"hyperparameters": {"n_epochs": 51}},
            "hyperparameters.n_epochs",
            "'auto' or an integer from 1 to 50",
        ),
        (
            {"hyperparameters": {"n_epochs": "x"}},
            "hyperparameters.n_epochs",
            "'auto' or an integer from 1 to 50",
        ),
        (
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 99}}}},
            "method.dpo.hyperparameters.beta",
            "'auto' or a number above 0 and at most 2",
        ),
        ({"method": {"type": "magic"}}, "method.type", "'supervised', 'dpo' or 'reinforcement'"),
        ({"seed": -1}, "seed", "an integer from 0 to 2147483647 or null"),
        ({"metadata": {"k": 5}}, "metadata.k", "a string of at most 512 characters"),
    ],
)
def test_the_whole_range_is_told(team: TeamHandle, change: dict[str, Any], param: str, words: str) -> None:
    error = team.http.post(JOBS, json=JOB | change).json()["error"]

    assert error["param"] == param
    assert words in error["message"]


def test_a_missing_and_an_unknown_field_are_named(team: TeamHandle) -> None:
    missing = team.http.post(JOBS, json={"model": "sandbox-mini"}).json()["error"]
    unknown = team.http.post(JOBS, json=JOB | {"epochs": 3}).json()["error"]

    assert missing["message"] == "'training_file' in the body is required."
    assert missing["param"] == "training_file"
    assert unknown["message"] == "'epochs' in the body is not a field of this request."
    assert unknown["param"] == "epochs"


def test_every_field_names_itself_and_what_it_may_be(service: Service, team: TeamHandle) -> None:
    api = service.admin.get("/openapi.json").json()
    components = api["components"]["schemas"]
    client = service.http(service.admin_key)
    client.headers["OpenAI-Project"] = team.id
    walked, wrong = 0, []
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body is None or path in PUBLIC | _GATEWAY:
                continue
            for names, bad, schema in bad_values(body["schema"], components):
                walked += 1
                url = "/".join("none" if part.startswith("{") else part for part in path.split("/"))
                answer = client.request(method, url, json=nested(names, bad))
                error = answer.json().get("error", {})
                expected = (400, ".".join(names), True)
                told = allowed(schema, components) in error.get("message", "")
                if (answer.status_code, error.get("param"), told) != expected:
                    wrong.append(f"{method} {path} {names}={bad!r:.40}: {answer.text}")
    assert wrong == []
    assert walked > 50


def nested(names: list[str], value: Any) -> Any:
    return {names[0]: nested(names[1:], value)} if names else value


def bad_values(schema: Schema, components: Schema) -> Iterator[tuple[list[str], Any, Schema]]:
    """The path of each bounded field below a body, a value out of its bounds, and the field's schema."""
    schema = resolved(schema, components)
    for branch in schema.get("anyOf", []):
        yield from bad_values(branch, components)
    for name, member in schema.get("properties", {}).items():
        bad = out_of_bounds(member, components)
        if bad is not None:
            yield [name], bad, member
        for names, value, inner in bad_values(member, components):
            yield [name, *names], value, inner


def out_of_bounds(schema: Schema, components: Schema) -> Any:
    schema = resolved(schema, components)
    branches = [resolved(branch, components) for branch in schema.get("anyOf", [schema])]
    kinds = [branch.get("type") for branch in branches]
    numeric = [branch for branch in branches if branch.get("type") in ("integer", "number")]
    if numeric and "string" not in kinds:
        bounds = numeric[0]
        if "maximum" in bounds or "exclusiveMaximum" in bounds:
            return bounds.get("maximum", bounds.get("exclusiveMaximum")) + 1
        if "minimum" in bounds or "exclusiveMinimum" in bounds:
            return bounds.get("minimum", bounds.get("exclusiveMinimum")) - 1
    elif not numeric and any("enum" in branch or "const" in branch for branch in branches):
        return "no-such-value"
    elif len(numeric) == 0 and (texts := [branch for branch in branches if branch.get("maxLength")]):
        return "x" * (texts[0]["maxLength"] + 1)
    return None


def resolved(schema: Schema, components: Schema) -> Schema:
    return components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
