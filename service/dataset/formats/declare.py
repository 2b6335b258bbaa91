"""Tool definitions as a model reads them.

The API shows a model its tools as TypeScript declarations (unpublished; found by asking models and comparing
`usage`). This module writes and counts the same text, plus 9 tokens for the system message that contains it:
an estimate, accurate to a few tokens per example. Everything else in a report is exact.
"""

from typing import Any

import msgspec

CARRIER_TOKENS = 9
_TYPE_NAMES = {
    "integer": "number",
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "null": "null",
}


class FunctionDefinition(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A function the model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


def declare(functions: list[FunctionDefinition]) -> str:
    """Return the functions as the TypeScript namespace that a model reads."""
    lines = ["namespace functions {", ""]
    for function in functions:
        if function.description:
            lines.append(f"// {function.description}")
        properties = (function.parameters or {}).get("properties")
        if properties:
            lines += [f"type {function.name} = (_: {_type_of(function.parameters)}) => any;", ""]
        else:
            lines += [f"type {function.name} = () => any;", ""]
    return "\n".join([*lines, "} // namespace functions"])


def _type_of(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "any"
    options = schema.get("enum")
    if isinstance(options, list):
        return " | ".join(msgspec.json.encode(option).decode() for option in options)
    either = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(either, list):
        return " | ".join(_type_of(option) for option in either)
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_TYPE_NAMES.get(str(one), str(one)) for one in kind)
    if kind == "array":
        return f"{_type_of(schema.get('items'))}[]"
    if isinstance(schema.get("properties"), dict):
        return _object(schema)
    return _TYPE_NAMES.get(str(kind), "object" if kind == "object" else "any")


def _object(schema: dict[str, Any]) -> str:
    required = schema.get("required")
    needed = set(map(str, required)) if isinstance(required, list) else set()
    lines = ["{"]
    for name, value in schema["properties"].items():
        description = value.get("description") if isinstance(value, dict) else None
        if description:
            lines.append(f"// {description}")
        lines.append(f"{name}{'' if name in needed else '?'}: {_type_of(value)},")
    return "\n".join([*lines, "}"])
