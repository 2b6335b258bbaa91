"""Build the OpenAPI document of the application."""

import json
import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from service.app.openapi.errors import Error, error_components, error_responses
from service.app.openapi.tags import TAGS
from service.app.openapi.words import describe
from service.gateway.answers import EVENTS
from service.gateway.routes import PATHS as INFERENCE

# Pydantic names a generic model `ListOut_FileOut_`, titled `ListOut[FileOut]`; here it is `FileList`.
_GENERIC = re.compile(r"\b(?:Bucket)?(List|Bucket|Page)(?:Out)?[_\[](\w+?)(?:Out)?[_\]](?!\w)")
_UNUSED = ("HTTPValidationError", "ValidationError")


def build(app: FastAPI) -> dict[str, Any]:
    """Return the document: FastAPI's, with our errors, scopes, tags and summaries."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        license_info=app.license_info,
        contact=app.contact,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        servers=[{"url": "/", "description": "The server that answered with this document."}],
    )
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, path, method)
    schemas = document["components"]["schemas"]
    for name in _UNUSED:  # FastAPI's 422, which the service never answers
        schemas.pop(name, None)
    for model in (Error, *EVENTS):
        schemas |= _schemas_of(model)
    document["components"]["responses"] = error_components()
    describe(document)
    named: dict[str, Any] = json.loads(_GENERIC.sub(r"\2\1", json.dumps(document)))
    return named


def _schemas_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schemas of a model and of those that it contains, by name."""
    schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    inner: dict[str, Any] = schema.pop("$defs", {})
    return {**inner, model.__name__: schema}


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    operation["summary"] = operation["description"].splitlines()[0].partition(". ")[0].rstrip(".")
    operation.setdefault("security", [])  # for routes without a key
    operation["responses"].pop("422", None)
    operation["responses"] |= error_responses(operation, method, is_inference=path in INFERENCE)
