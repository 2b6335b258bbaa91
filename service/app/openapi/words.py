"""Descriptions of fields and parameters that mean the same wherever they occur.

A field or parameter that means more has a description of its own, beside its definition, which wins.
"""

from collections.abc import Iterator, Mapping
from typing import Any

FIELDS: Mapping[str, str] = {
    "id": "The id of this object. Treat it as an opaque text.",
    "data": "The objects of this list.",
    "first_id": "The id of the first object in `data`; null if `data` is empty.",
    "last_id": "The id of the last object in `data`, to pass as `after`; null if `data` is empty.",
    "has_more": "Whether more objects follow.",
    "created_at": "When it was created, in unix seconds.",
    "deleted": "Always true.",
    "team_id": "The id of the team.",
    "team_name": "The team's current name; null if it is not known.",
    "job_id": "The id of the job.",
    "file_id": "The id of the file.",
    "provider": "The provider's name, as the operator configured it.",
    "provider_kind": "The kind of provider, which decides on the catalogue and the wire format.",
    "base_model": "The base, as the catalogue names it.",
    "price_id": "The id of the price.",
    "shutdown_date": "The day (ISO 8601) on which the provider stops serving it; null if none is announced.",
}

PARAMETERS: Mapping[str, str] = {
    "after": "Continue after the object with this id: the `last_id` of the previous page.",
    "limit": "The most objects to return.",
    "order": "Newest first (`desc`) or oldest first (`asc`).",
    "team_id": "The id of the team.",
    "key_id": "The id of the key.",
    "file_id": "The id of the file.",
    "upload_id": "The id of the upload.",
    "job_id": "The id of the job.",
    "model_id": "The name of the model, checkpoint or alias.",
    "retrain_id": "The id of the retrain.",
    "migration_id": "The id of the migration.",
    "comparison_id": "The id of the comparison.",
    "department_id": "The id of the department.",
    "shared_cost_id": "The id of the shared cost.",
    "review_id": "The id of the review.",
    "webhook_endpoint_id": "The id of the endpoint.",
    "delivery_id": "The id of the delivery.",
    "provider": "The provider's name, as the operator configured it.",
    "start_time": "The first moment of the range; if it is optional, a range without it has no start.",
    "end_time": "The moment after the range; without it, the range ends now.",
}
_OF_OBJECTS = "The kind of this object: always `{}`."


def describe(document: Mapping[str, Any]) -> None:
    """Add the descriptions that an OpenAPI document lacks, in place."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in PARAMETERS:
                    parameter.setdefault("description", PARAMETERS[parameter["name"]])
    for name, schema in _properties(document):
        if "description" not in schema:
            if name == "object" and "const" in schema:
                schema["description"] = _OF_OBJECTS.format(schema["const"])
            elif name in FIELDS:
                schema["description"] = FIELDS[name]


def _properties(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each property of each object schema with its name."""
    if isinstance(node, dict):
        if isinstance(named := node.get("properties"), dict):
            yield from named.items()
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _properties(inner)
