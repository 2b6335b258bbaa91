"""What the OpenAPI document says of every route; a new route has to keep to it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from service.app import create_app
from service.app.openapi.words import FIELDS, PARAMETERS
from service.gateway.dialects.choices import CHAT, COMPLETIONS
from service.gateway.dialects.responses import RESPONSES
from service.gateway.fields.rules import Object, ProviderState, Unpriced
from service.gateway.schemas import ChatIn, CompletionIn, ResponseIn

Document = Mapping[str, Any]
_PUBLIC = {"/healthz", "/readyz", "/status", "/metrics", "/webhooks/{provider}"}
_ERROR = {"$ref": "#/components/schemas/Error"}


@pytest.fixture(scope="module")
def document() -> Document:
    return create_app().openapi()


def operations(document: Document) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_operation_ids_are_short_and_unique(document: Document) -> None:
    ids = Counter(operation["operationId"] for _, _, operation in operations(document))

    assert [one for one, count in ids.items() if count > 1] == []
    assert [one for one in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)*", one) or len(one) > 40] == []
    assert {"files_create", "jobs_list", "jobs_cancel", "teams_budget_set", "estimates_create"} <= set(ids)


def test_every_operation_has_one_described_tag_and_says_what_it_does(document: Document) -> None:
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    for method, path, operation in operations(document):
        assert len(operation["tags"]) == 1, (method, path)
        assert operation["tags"][0] in tags, (method, path)
        assert operation["description"], (method, path)
        assert len(operation["summary"]) <= 110, (method, path)


def test_every_error_has_the_one_schema_and_none_is_a_422(document: Document) -> None:
    for method, path, operation in operations(document):
        responses = operation["responses"]
        assert "422" not in responses, (method, path)
        assert {"400", "500", "503"} <= responses.keys(), (method, path)
        for status, response in responses.items():
            if int(status) >= 400:
                name = response["$ref"].removeprefix("#/components/responses/")
                described = document["components"]["responses"][name]
                assert described["content"]["application/json"]["schema"] == _ERROR
                assert described["description"]


def test_every_operation_with_a_key_names_its_scope_and_documents_401_403_404_and_429(
    document: Document,
) -> None:
    for method, path, operation in operations(document):
        if path in _PUBLIC:
            assert operation["security"] == [], path
            continue
        [needed] = operation["security"]
        assert list(needed) == ["TunehouseKey"]
        expected = {"401", "404", "429"} | ({"403"} if path != "/v1/me" else set())
        assert expected <= operation["responses"].keys(), (method, path)
        assert needed["TunehouseKey"] or path == "/v1/me", (method, path)


def test_every_answer_that_is_not_an_error_has_a_schema(document: Document) -> None:
    for method, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) < 400:
                assert response["content"], (method, path)
                for media_type, content in response["content"].items():
                    assert content.get("schema"), (method, path, media_type)


def test_schemas_have_names_of_their_own(document: Document) -> None:
    schemas = document["components"]["schemas"]
    titles = Counter(schema.get("title", name) for name, schema in schemas.items())

    assert [name for name in schemas if "__" in name or "_" in name] == []
    assert [title for title, count in titles.items() if count > 1] == []


@pytest.mark.parametrize(
    ("schema", "table"),
    [(ChatIn, CHAT.table), (CompletionIn, COMPLETIONS.table), (ResponseIn, RESPONSES.table)],
)
def test_the_inference_schemas_name_the_fields_that_the_gateway_takes(
    schema: type[BaseModel], table: Object
) -> None:
    taken = {name for name, rule in table.fields.items() if not isinstance(rule, ProviderState | Unpriced)}

    assert set(schema.model_fields) == taken


def described(document: Document) -> Iterator[tuple[str, str, Any]]:
    """Yield every parameter and field as its place, name and definition, with references resolved."""
    for method, path, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            yield f"{method} {path}", parameter["name"], parameter
    yield from fields_in(document, document, "")


def fields_in(document: Document, node: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(node, dict):
        for name, field in node.get("properties", {}).items():
            target = field.get("$ref", "").removeprefix("#/components/schemas/")
            yield place, name, document["components"]["schemas"].get(target, {}) | field
        for key, inner in node.items():
            yield from fields_in(document, inner, f"{place}/{key}")
    elif isinstance(node, list):
        for inner in node:
            yield from fields_in(document, inner, place)


def test_every_field_and_parameter_has_a_description_that_is_a_sentence(document: Document) -> None:
    found = [(place, name, field.get("description", "")) for place, name, field in described(document)]
    assert len(found) > 1000
    assert [one for one in found if not re.fullmatch(r"[A-Z0-9`].*[.]\s*", one[2], re.DOTALL)] == []
    assert [one for one in found if letters(one[2]) == letters(one[1])] == []


def letters(text: str) -> str:
    return re.sub(r"\W|_", "", text).lower()


def test_fields_of_one_schema_do_not_share_a_description(document: Document) -> None:
    """A text under two names of one object was copied, or says nothing of either."""
    by_schema: dict[str, Counter[str]] = {}
    for place, name, definition in fields_in(document, document["components"]["schemas"], ""):
        if name != "object":
            by_schema.setdefault(place, Counter())[definition.get("description", "")] += 1
    assert {place: text.most_common(1) for place, text in by_schema.items() if max(text.values()) > 1} == {}


def test_shared_words_are_all_in_use_and_none_hides_a_field_s_own(document: Document) -> None:
    said = {(name, definition.get("description")) for _, name, definition in described(document)}
    for words in (FIELDS, PARAMETERS):
        assert [name for name, text in words.items() if (name, text) not in said] == []
