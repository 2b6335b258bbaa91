"""A value out of range is refused with its field's name on the wire and everything that it may be."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from service.app.invalid.fields import allowed
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
    unknown = team.http.post(JOBS, json=JOB | {"trainingfile": 3}).json()["error"]

    assert missing["message"] == "'training_file' in the body is required."
    assert missing["param"] == "training_file"
    assert unknown["param"] == "trainingfile"
    assert unknown["message"] == (
        "'trainingfile' in the body is not a field of this request. Did you mean 'training_file'?"
    )


def test_an_unknown_field_is_told_where_its_name_belongs(team: TeamHandle) -> None:
    error = team.http.post(JOBS, json=JOB | {"n_epochs": 3}).json()["error"]

    assert "Did you mean 'hyperparameters.n_epochs'?" in error["message"]


def test_all_problems_of_a_request_are_told_at_once(team: TeamHandle) -> None:
    body = {"model": 5, "sufix": "tea", "seed": -1, "hyperparameters": {"n_epochs": 51}}
    error = team.http.post(JOBS, json=body).json()["error"]

    for told in ("'model'", "Did you mean 'suffix'?", "'seed'", "from 1 to 50", "'training_file'"):
        assert told in error["message"]
    assert error["param"] == "model"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The body is missing. Send a JSON object with the fields model, training_file"),
        (b"[]", "The body must be an object. Send a JSON object with the fields model, training_file"),
        (b"model=sandbox-mini", "It looks like a form"),
        (b"{'model': 'sandbox-mini'}", "double quotes"),
    ],
)
def test_a_body_of_another_kind_is_told_what_to_send(team: TeamHandle, content: bytes, words: str) -> None:
    assert words in team.http.post(JOBS, content=content).json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("/v1/costs?start=5", "Did you mean 'start_time'?"),
        ("/v1/costs?start_time=2026-11-01T00:00:00", "must name its time zone"),
        ("/v1/costs?start_time=yesterday", "a date (2026-11-25"),
        ("/v1/costs?start_time=1&end_time=-1", "from 0 to 8589934591"),
        ("/v1/fine_tuning/jobs?metdata[team]=a", "Did you mean 'metadata[name]'?"),
        ("/v1/fine_tuning/jobs?limit=0&after=%00", "NUL"),
        ("/v1/organization/costs?start_time=1&groupby=model", "Did you mean 'group_by[]'?"),
        ("/v1/me?verbose=1", "It takes none."),
    ],
)
def test_a_query_that_is_not_understood_is_refused(team: TeamHandle, query: str, words: str) -> None:
    answer = team.http.get(query)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_dates_are_taken_beside_unix_seconds(team: TeamHandle) -> None:
    for start in ("1793491200", "2026-11-01", "2026-11-01T00:00:00Z", "2026-11-01T02:00:00%2B02:00"):
        answer = team.http.get(f"/v1/costs?start_time={start}&end_time=2026-11-01T00:00:01Z")
        assert answer.status_code == 200, answer.text
        answer = team.http.get(f"/v1/costs?start_time={start}&end_time=2026-11-01T00:00:00Z")
        assert answer.json()["error"]["message"] == "'end_time' must be after 'start_time'."


def test_every_route_refuses_unknown_query_names_and_words_its_own(
    service: Service, team: TeamHandle
) -> None:
    api = service.admin.get("/openapi.json").json()
    components = api["components"]["schemas"]
    client = service.http(service.admin_key)
    client.headers["OpenAI-Project"] = team.id
    walked, wrong = 0, []
    for path, operations in api["paths"].items():
        if path in PUBLIC:
            continue
        url = "/".join("none" if part.startswith("{") else part for part in path.split("/"))
        for method, operation in operations.items():
            error = client.request(method, url, params={"no_such_name": "1"}).json()["error"]
            if (error["code"], error["param"]) != ("unknown_parameter", "no_such_name"):
                wrong.append(f"{method} {path}: {error}")
            for parameter in operation.get("parameters", ()):
                bad = out_of_bounds(parameter["schema"], components) if parameter["in"] == "query" else None
                if bad is None:
                    continue
                walked += 1
                error = client.request(method, url, params={parameter["name"]: bad}).json()["error"]
                told = allowed(parameter["schema"], components) in error["message"]
                if error["param"] != parameter["name"] or not told:
                    wrong.append(f"{method} {path} {parameter['name']}={bad!r:.40}: {error}")
    assert wrong == []
    assert walked > 20


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/openai/deployments/gpt/chat/completions", "instead of AzureOpenAI"),
        ("/openai/fine_tuning/jobs", "instead of AzureOpenAI"),
        ("/fine_tuning/jobs", "end the base URL in /v1"),
        ("/files/file-none/content", "end the base URL in /v1"),
        ("/v1/v1/files", "twice"),
        ("/v1/fine-tunes", "use /v1/fine_tuning/jobs"),
        ("/v1/embeddings", "does not offer OpenAI's embeddings"),
        ("/v1/fine_tuning/job", "Did you mean /v1/fine_tuning/jobs?"),
    ],
)
def test_an_unknown_path_gets_a_hint(team: TeamHandle, path: str, words: str) -> None:
    answer = team.http.get(path)

    assert answer.status_code == 404
    assert words in answer.json()["error"]["message"]


def test_a_key_in_azures_header_is_told_where_keys_go(service: Service, team: TeamHandle) -> None:
    url = "/openai/deployments/gpt/chat/completions?api-version=2025-04-01-preview"
    answer = service.http(None).post(url, json={}, headers={"api-key": team.key})

    assert answer.status_code == 401
    assert "Use OpenAI(base_url=" in answer.json()["error"]["message"]


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
