"""The reference of the HTTP API, a page for each group of operations, from the OpenAPI document."""

import os
import re
from collections.abc import Iterator
from typing import Any

from docs.site.tables import NOTICE, table

Schema = dict[str, Any]
_REF = "#/components/schemas/"


def document() -> Schema:
    """Return the OpenAPI document. It needs no database, only the address of one."""
    os.environ.setdefault("TUNEHOUSE_DATABASE_URL", "postgresql://localhost/none")
    from service.app.factory import create_app  # noqa: PLC0415  # reads the settings when it is imported

    found: Schema = create_app().openapi()
    return found


def pages() -> dict[str, str]:
    """Return the pages by file name."""
    openapi = document()
    made = {}
    for tag in openapi["tags"]:
        operations = [
            (method, path, operation)
            for path, methods in openapi["paths"].items()
            for method, operation in methods.items()
            if operation["tags"] == [tag["name"]]
        ]
        parts = [_operation(*one) for one in operations]
        schemas = openapi["components"]["schemas"]
        objects = [
            _object(name, schemas[name]) for name in sorted(_named([o for _, _, o in operations], schemas))
        ]
        head = f"{NOTICE}# {tag['name'].capitalize()}\n\n{tag['description']}\n\n"
        made[f"{file_name(tag['name'])}.md"] = (
            head + "\n".join(parts) + "\n## Objects\n\n" + "\n".join(objects)
        )
    return made


def file_name(tag: str) -> str:
    """Return the name of a group's page, without its ending."""
    return tag.replace(" ", "-")


def _operation(method: str, path: str, operation: Schema) -> str:
    scopes = sorted({scope for need in operation["security"] for one in need.values() for scope in one})
    access = f"Scope: {', '.join(f'`{scope}`' for scope in scopes)}. " if scopes else ""
    parts = [f"## {operation['summary']}\n", f"`{method.upper()} {path}`\n"]
    if operation["description"].rstrip(".") != operation["summary"]:
        parts.append(f"{operation['description']}\n")
    parameters = [
        (f"`{one['name']}`", one["in"], type_of(one["schema"]), _required(one) + one.get("description", ""))
        for one in operation.get("parameters", [])
    ]
    if parameters:
        parts.append(table(("Parameter", "In", "Type", "Meaning"), parameters))
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"Body (`{media}`): {type_of(content['schema'])}\n")
    statuses = []
    for status, answer in operation["responses"].items():
        kinds = [type_of(content.get("schema", {})) for content in answer.get("content", {}).values()]
        if status.startswith("2"):
            parts.append(f"Answer {status}: {', '.join(kinds) or 'no body'}\n")
        else:
            statuses.append(status)
    if statuses:
        parts.append(f"{access}Errors: {', '.join(statuses)}; see [errors](../errors.md).\n")
    return "\n".join(parts)


def _required(parameter: Schema) -> str:
    return "**Required.** " if parameter.get("required") and parameter["in"] != "path" else ""


def _object(name: str, schema: Schema) -> str:
    required = set(schema.get("required", []))
    rows = [
        (
            f"`{field}`",
            type_of(one),
            ("**Required.** " if field in required and _is_input(schema) else "")
            + one.get("description", ""),
        )
        for field, one in schema.get("properties", {}).items()
    ]
    described = schema.get("description", "").partition("\n\n")[0]
    fields = table(("Field", "Type", "Meaning"), rows) or f"{type_of(schema)}\n"
    return f"### {name}\n\n{described}\n\n{fields}"


def _is_input(schema: Schema) -> bool:
    return schema.get("additionalProperties") is False


def _named(value: Any, schemas: Schema) -> set[str]:
    """Return the names of all schemas that a value refers to, directly or through others."""
    found: set[str] = set()
    waiting = set(_references(value))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting |= set(_references(schemas[name])) - found
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str) and reference.startswith(_REF):
            yield reference.removeprefix(_REF)
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def type_of(schema: Schema) -> str:
    """Return a schema as a few words: its type, its range, its choices."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    if "const" in schema:
        return f"`{_literal(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{_literal(value)}`" for value in schema["enum"])
    for combined in ("anyOf", "oneOf", "allOf"):
        if combined in schema:
            return " or ".join(dict.fromkeys(type_of(one) for one in schema[combined]))
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}{_limits(schema, 'Items', 'items')}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_of(schema['additionalProperties'])}"
    kind = {"boolean": "true or false", "null": "null"}.get(
        schema.get("type", "any"), schema.get("type", "any")
    )
    return f"{kind}{_limits(schema, 'Length', 'characters')}{_range(schema)}"


def _limits(schema: Schema, noun: str, unit: str) -> str:
    low, high = schema.get(f"min{noun}"), schema.get(f"max{noun}")
    if high is None:
        return ""
    return f", {low or 0} to {high:,} {unit}" if low != high else f", {high:,} {unit}"


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    above = schema.get("exclusiveMinimum")
    return f" from {low:g}" if low is not None else f" above {above:g}" if above is not None else ""


def _literal(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower()


def _anchor(name: str) -> str:
    return re.sub(r"[^\w-]", "", name.lower())
