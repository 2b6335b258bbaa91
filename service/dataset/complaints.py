"""Translate msgspec's errors into flaws."""

import re

from service.dataset.problems import Flaw

_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"^Object (?:missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)
_QUOTED = re.compile("`([^`]*)`")
_JSON_WORDS = {"str": "string", "int": "integer", "bool": "boolean", "float": "number"}


def described(complaint: str, prefix: str = "") -> Flaw:
    """Return an msgspec error as a flaw: its path, its code, and a message for the file's author."""
    found = _WHERE.match(complaint)
    what, path = (found["what"], found["path"] or "") if found else (complaint, "")
    path = f"{prefix}.{path}" if prefix and path and not path.startswith("[") else prefix + path
    field = _FIELD.match(what)
    if field:
        path = f"{path}.{field['name']}" if path else field["name"]
        if what.startswith("Object missing"):
            return Flaw(path, "missing_field", "is missing")
        return Flaw(path, "unknown_field", "is not a field that the training API accepts here; remove it")
    if path.endswith("role") and "preferred_output" in path:
        return Flaw(path, "unknown_role", "must be 'assistant'")
    if path.endswith("role") and what.startswith("Invalid value"):
        known = "system, developer, user, assistant, tool or function"
        return Flaw(path, "unknown_role", f"{what.removeprefix('Invalid value ')} is not a role; use {known}")
    if path.endswith("weight"):
        return Flaw(path, "invalid_weight", "must be 0 or 1")
    if what.endswith("of length >= 1"):
        return Flaw(path, "empty_content", "must not be empty")
    if path.endswith("preferred_output") and what.endswith("of length <= 1"):
        return Flaw(path, "too_many_messages", "must be exactly one assistant message")
    if what.startswith("Expected"):
        return Flaw(path, "wrong_type", "expected" + _in_json_words(what.removeprefix("Expected")))
    return Flaw(path, "invalid_value", what[:1].lower() + what[1:])


def _in_json_words(what: str) -> str:
    def words(quoted: re.Match[str]) -> str:
        return " or ".join(_JSON_WORDS.get(word, word) for word in quoted[1].split(" | "))

    return _QUOTED.sub(words, what)
