"""The parameter types of the installed openai SDK, walked beside a table of request fields."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

from service.gateway.fields.rules import Items, Object, Rule, Variants, WordList

_WRAPPERS = (Annotated, Required, NotRequired)


def missing(kind: Any, rule: Rule | None, at: str) -> Iterator[str]:
    """The places of the SDK's type that the rule does not know, as paths."""
    if rule is None:
        yield at
        return
    members = list(_members(kind))
    objects = [member for member in members if is_typeddict(member)]
    if isinstance(rule, Object):
        for one in objects:
            for name, inner in _fields(one).items():
                yield from missing(inner, rule.fields.get(name), f"{at}.{name}")
    elif isinstance(rule, Variants):
        for one in objects:
            for tag in _tags(_fields(one).get(rule.by)) or [rule.missing]:
                yield from missing(one, rule.of.get(str(tag)), f"{at}[{tag}]")
    elif isinstance(rule, Items):
        for one in members:
            for each in get_args(one) if get_origin(one) is not Literal else ():
                yield from missing(each, rule.each, at)
    elif isinstance(rule, WordList):
        known = rule.free | set(rule.metered)
        for one in members:
            for inner in [one, *get_args(one)]:
                yield from (f"{at}[{word}]" for word in _tags(inner) if word not in known)


def _members(kind: Any) -> Iterator[Any]:
    if get_origin(kind) in _WRAPPERS:
        yield from _members(get_args(kind)[0])
    elif get_origin(kind) is Union:
        for member in get_args(kind):
            yield from _members(member)
    else:
        yield kind


def _fields(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _tags(kind: Any) -> list[Any]:
    return [tag for one in _members(kind) if get_origin(one) is Literal for tag in get_args(one)]
