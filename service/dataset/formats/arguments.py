"""Check the arguments of a function call against the parameters that the function declares.

Only what takes linear time is checked: required names, undeclared names, the types of the values at the top
level, and the choices of those that are neither lists nor objects. Schemas come from strangers, and
validating all of JSON Schema has no bound.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_NESTED = (list, dict)


class ArgumentsSchema:
    """The arguments that one function takes; without parameters, any object fits."""

    def __init__(self, name: str, parameters: Mapping[str, Any] | None) -> None:
        given = parameters or {}
        self._name = name
        self._properties: Mapping[str, Any] = given.get("properties", {})
        self._required: list[str] = given.get("required", [])
        # Sets, because one line can have hundreds of thousands of calls and of choices.
        self._choices = {
            name: frozenset(one for one in declared["enum"] if not isinstance(one, _NESTED))
            for name, declared in self._properties.items()
            if isinstance(declared, dict) and "enum" in declared
        }
        self._is_closed = given.get("additionalProperties") is False and "patternProperties" not in given

    def misfit(self, arguments: Mapping[str, Any]) -> str | None:
        """Return how arguments differ from what is declared; None if they fit."""
        for name in self._required:
            if name not in arguments:
                return f"lacks {name[:60]!r}, which {self._name!r} requires"
        for name, value in arguments.items():
            declared = self._properties.get(name)
            if declared is None and self._is_closed and name not in self._properties:
                return f"has {name[:60]!r}, which {self._name!r} does not declare"
            if isinstance(declared, dict) and not _has_type(value, declared.get("type")):
                return f"has another type in {name[:60]!r} than the {declared['type']!r} of {self._name!r}"
            choices = None if isinstance(value, _NESTED) else self._choices.get(name)
            if choices is not None and value not in choices:
                return f"has a value in {name[:60]!r} that is not among those that {self._name!r} declares"
        return None


def wrong_arguments(arguments: str, schema: ArgumentsSchema | None) -> str | None:
    """Return what is wrong with the arguments of a call, as the model would learn to write them."""
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return "is not valid JSON; the model would learn to write invalid arguments"
    if isinstance(value, str):
        return "is JSON that is encoded twice; encode the arguments once"
    if not isinstance(value, dict):
        return "must be a JSON object with the named arguments"
    return schema.misfit(value) if schema else None


def _has_type(value: Any, declared: str | list[str] | None) -> bool:
    if declared is None:
        return True
    names = [declared] if isinstance(declared, str) else declared
    if isinstance(value, bool):
        return "boolean" in names
    if isinstance(value, float) and value.is_integer() and "integer" in names:
        return True
    return any(isinstance(value, _TYPES[name]) for name in names)
