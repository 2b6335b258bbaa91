"""Validate the tool definitions of an example, and count their tokens.

Rules: OpenAI's API reference for `tools` (names, at most 128 functions), and JSON Schema's own meta-schema
(draft 2020-12) for `parameters`, whose top level describes an object; `strict` adds rules of its own.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from service.dataset import tokens
from service.dataset.complaints import described
from service.dataset.formats.arguments import ArgumentsSchema
from service.dataset.formats.declare import CARRIER_TOKENS, FunctionDefinition, declare
from service.dataset.formats.strict import strict_flaw
from service.dataset.problems import Flaw

_REMEMBERED = 512
_NAME = re.compile("[A-Za-z0-9_-]{1,64}")


class ToolDefinition(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A tool that the model may call; training supports only functions."""

    type: Literal["function"]
    function: FunctionDefinition


_TOOLS = msgspec.json.Decoder(Annotated[list[ToolDefinition], Meta(max_length=128)] | None)
_FUNCTIONS = msgspec.json.Decoder(
    Annotated[list[FunctionDefinition], Meta(min_length=1, max_length=128)] | None
)


class Definitions(NamedTuple):
    """The functions that an example declares: their tokens, their schemas by name, and the first flaw."""

    tokens: int = 0
    functions: Mapping[str, ArgumentsSchema] = MappingProxyType({})
    flaw: Flaw | None = None


NOT_DECLARED = Definitions()


class ToolBook:
    """A cache of tool definitions: most files repeat a few."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self._known: dict[tuple[bool, bytes], Definitions] = {}

    def look_up(self, raw: bytes, *, legacy: bool = False) -> Definitions:
        """Return the functions in a raw JSON array of `tools` (or deprecated `functions`)."""
        known = self._known.get((legacy, raw))
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[legacy, raw] = self._read(raw, legacy)
        return known

    def _read(self, raw: bytes, legacy: bool) -> Definitions:
        try:
            functions = _functions_in(raw, legacy)
            flaw = _flaw_in(functions, legacy)
            if flaw or not functions:
                return Definitions(flaw=flaw)
            counted = tokens.count([declare(functions)], self.encoding)[0] + CARRIER_TOKENS
            schemas = {one.name: ArgumentsSchema(one.name, one.parameters) for one in functions}
            return Definitions(counted, schemas)
        except RecursionError:
            return Definitions(flaw=Flaw("", "too_deep", "is nested too deeply"))
        except UnicodeDecodeError as bad:
            return Definitions(flaw=Flaw("", "not_utf8", f"is not UTF-8: {bad.reason}"))
        except msgspec.MsgspecError as bad:
            return Definitions(flaw=described(str(bad)))


def _functions_in(raw: bytes, legacy: bool) -> list[FunctionDefinition]:
    if legacy:
        return _FUNCTIONS.decode(raw) or []
    return [tool.function for tool in _TOOLS.decode(raw) or []]


def _flaw_in(functions: list[FunctionDefinition], legacy: bool) -> Flaw | None:
    seen: set[str] = set()
    for number, function in enumerate(functions):
        path = f"[{number}]" if legacy else f"[{number}].function"
        if not _NAME.fullmatch(function.name):
            allowed = "use 1 to 64 letters, digits, underscores and hyphens"
            return Flaw(
                f"{path}.name", "invalid_tool", f"{function.name[:80]!r} is not a function name; {allowed}"
            )
        if function.name in seen:
            return Flaw(f"{path}.name", "invalid_tool", f"{function.name!r} is declared twice")
        seen.add(function.name)
        flaw = schema_flaw(function.parameters, f"{path}.parameters", strict=bool(function.strict))
        if flaw:
            return flaw
    return None


def schema_flaw(schema: dict[str, Any] | None, path: str, *, strict: bool) -> Flaw | None:
    """Return the first flaw of a schema whose top level must describe an object; no schema has none."""
    if not schema:
        return None
    if schema.get("type", "object") != "object":
        return Flaw(f"{path}.type", "invalid_tool", "must be 'object', so that each value has a name")
    import jsonschema_rs

    try:
        # Always draft 2020-12, whatever `$schema` names, so that nothing is fetched.
        jsonschema_rs.meta.validate({name: value for name, value in schema.items() if name != "$schema"})
        return strict_flaw(schema, path, "invalid_tool") if strict else None
    except jsonschema_rs.ValidationError as bad:
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in bad.instance_path)
        return Flaw(path + steps, "invalid_tool", f"is not valid JSON Schema: {bad.message}")
    except (ValueError, RecursionError):
        return Flaw(path, "too_deep", "is nested too deeply")
