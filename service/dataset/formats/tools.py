"""Tool definitions in an example: are they well formed, and how many tokens do they cost? Pure.

The API shows a model its tools as TypeScript declarations (no published contract; seen by asking models
and by comparing `usage`). The same text is written here and counted, plus 9 tokens for the system
message that carries it: an estimate, exact to a few tokens per example. All else in a report is exact.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from service.dataset import tokens
from service.dataset.complaints import described
from service.dataset.problems import Flaw

CARRIER_TOKENS = 9
_REMEMBERED = 512
_TYPE_NAMES = {
    "integer": "number",
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "null": "null",
}


class FunctionDefinition(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A function the model may call."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolDefinition(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A tool the model may call; functions are the only kind that can be trained."""

    type: Literal["function"]
    function: FunctionDefinition


_TOOLS = msgspec.json.Decoder(Annotated[list[ToolDefinition], Meta(max_length=128)] | None)
_FUNCTIONS = msgspec.json.Decoder(
    Annotated[list[FunctionDefinition], Meta(min_length=1, max_length=128)] | None
)


class ToolBook:
    """Token counts of the tool definitions seen so far: examples of one file mostly repeat a few."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self._known: dict[tuple[bool, bytes], int | Flaw] = {}

    def look_up(self, raw: bytes, *, legacy: bool = False) -> int | Flaw:
        """Tokens of the `tools` (or, legacy, `functions`) array in `raw` JSON, or what is wrong with it."""
        known = self._known.get((legacy, raw))
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[legacy, raw] = self._measure(raw, legacy)
        return known

    def _measure(self, raw: bytes, legacy: bool) -> int | Flaw:
        try:
            functions = _functions_in(raw, legacy)
            if not functions:
                return 0
            return tokens.count([declare(functions)], self.encoding)[0] + CARRIER_TOKENS
        except RecursionError:
            return Flaw("", "too_deep", "is nested too deeply")
        except UnicodeDecodeError as bad:
            return Flaw("", "not_utf8", f"is not UTF-8: {bad.reason}")
        except msgspec.MsgspecError as bad:
            return described(str(bad))


def _functions_in(raw: bytes, legacy: bool) -> list[FunctionDefinition]:
    if legacy:
        return _FUNCTIONS.decode(raw) or []
    return [tool.function for tool in _TOOLS.decode(raw) or []]


def declare(functions: list[FunctionDefinition]) -> str:
    """The functions as the TypeScript namespace a model reads."""
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
