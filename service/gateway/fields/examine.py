"""Examine a request against the table of its dialect: what is free, charged or refused.

Every field is understood or refused. A null in an unknown field means "not given" and is left out, because
SDKs send back all fields of their objects. Structured values are written again from what was understood, so
that a name that occurs twice inside them cannot mean one thing here and another at the provider.
"""

from collections.abc import Collection
from typing import Any, NoReturn

import msgspec
from msgspec import Raw, Struct

from service.catalog.price import PriceKind
from service.errors import InvalidRequest
from service.gateway.body import Fields
from service.gateway.fields.rules import (
    Free,
    Items,
    Object,
    Ours,
    ProviderState,
    Rule,
    Tags,
    Tier,
    Unpriced,
    Variants,
    WordList,
)
from service.gateway.fields.tags import tags_of


class Demand(Struct):
    """What a request asks for beyond plain tokens at the standard tier; `fields` is the body to send."""

    fields: Fields
    meters: set[PriceKind] = set()
    tags: dict[str, str] = {}
    tier: str | None = None
    has_media: bool = False


class _Place(Struct, frozen=True):
    """Where a value stands: `path` in this body, `name` in the table and in `extra_free_fields`.

    It is a step from its parent, because only refusals need the texts.
    """

    parent: "_Place | None"
    path_step: str
    name_step: str

    def field(self, key: str) -> "_Place":
        return _Place(self, f".{key}", f".{key}")

    def item(self, index: int) -> "_Place":
        return _Place(self, f".{index}", "")

    def variant(self, tag: str) -> "_Place":
        return _Place(self, "", f"[{tag}]")

    @property
    def path(self) -> str:
        return (self.parent.path if self.parent else "") + self.path_step

    @property
    def name(self) -> str:
        return (self.parent.name if self.parent else "") + self.name_step


def examine(fields: Fields, table: Object, extra_free: Collection[str], provider: str) -> Demand:
    """Return what the request demands.

    `extra_free` are names of the table that the provider's settings declare free.
    Raises `InvalidRequest` (`unsupported_parameter`) naming the field and how to have it allowed.
    """
    demand = Demand(dict(fields))
    examiner = _Examiner(demand, extra_free, provider)
    for key, raw in fields.items():
        rule = table.fields.get(key)
        if type(rule) in _PASSES:
            continue
        value = _decode(raw, key)
        if value is None and rule is None:
            del demand.fields[key]
            continue
        examiner.check(value, rule, _Place(None, key, key))
        if isinstance(rule, Tags) and not rule.is_sent:
            del demand.fields[key]
        elif isinstance(value, dict | list):
            demand.fields[key] = Raw(msgspec.json.encode(value))
    return demand


_PASSES = (Free, Ours)


class _Examiner:
    def __init__(self, demand: Demand, extra_free: Collection[str], provider: str) -> None:
        self._demand = demand
        self._extra_free = extra_free
        self._provider = provider

    def check(self, value: Any, rule: Rule | None, at: _Place) -> None:
        """Raise `InvalidRequest` unless the rule lets the value pass."""
        match rule:
            case Items():
                self._items(value, rule, at)
            case Object() | Variants() if not isinstance(value, dict):
                self._scalar(value, rule.scalar, at)
            case Object():
                self._object(value, rule, at)
            case Variants():
                self._variant(value, rule, at)
            case Free() | Ours():
                return
            case WordList():
                self._words(value, rule, at)
            case Tags():
                self._tags(value, at)
            case Tier():
                self._tier(value, at)
            case ProviderState():
                if value:
                    self._refuse(
                        at,
                        "refers to state at the provider, whose account all teams share, and is not sent. "
                        f"{rule.instead}",
                    )
            case Unpriced():
                if value is not None:
                    self._refuse_unless_extra(at, "may cost money that Tunehouse cannot price")
            case None:
                self._refuse_unless_extra(at, "is not a parameter that Tunehouse knows")

    def _scalar(self, value: Any, rule: Rule, at: _Place) -> None:
        if isinstance(value, list):
            self._invalid(at, "must not be a list")
        self.check(value, rule, at)

    def _object(self, value: dict[str, Any], rule: Object, at: _Place) -> None:
        if rule.meter is not None:
            self._demand.meters.add(rule.meter)
        self._demand.has_media |= rule.is_media
        for key, inner in list(value.items()):
            known = rule.fields.get(key)
            if known is None and inner is None:
                del value[key]
            elif type(known) is not Free:
                self.check(inner, known, at.field(key))
        for key in rule.required:
            if value.get(key) is None:
                self._invalid(at.field(key), "is required here")

    def _variant(self, value: dict[str, Any], rule: Variants, at: _Place) -> None:
        tag = value.get(rule.by) or rule.missing
        if not isinstance(tag, str):
            self._invalid(at.field(rule.by), f"must be one of: {', '.join(rule.of)}")
        self.check(value, rule.of.get(tag), at.variant(tag))

    def _items(self, value: Any, rule: Items, at: _Place) -> None:
        if isinstance(value, dict):
            self._invalid(at, "must be a list")
        if isinstance(value, list):
            for index, item in enumerate(value):
                self.check(item, rule.each, at.item(index))

    def _words(self, value: Any, rule: WordList, at: _Place) -> None:
        for word in value if isinstance(value, list) else [value]:
            if word is None or (isinstance(word, str) and word in rule.free):
                continue
            if isinstance(word, str) and word in rule.metered:
                self._demand.meters.add(rule.metered[word])
            else:
                self._refuse_unless_extra(at.variant(str(word)), f"has the unknown value {str(word)[:60]!r}")

    def _tags(self, value: Any, at: _Place) -> None:
        try:
            self._demand.tags = tags_of(value)
        except ValueError as wrong:
            self._invalid(at, str(wrong))

    def _tier(self, value: Any, at: _Place) -> None:
        if value is not None and not isinstance(value, str):
            self._invalid(at, "must be a text")
        self._demand.tier = value

    def _refuse_unless_extra(self, at: _Place, why: str) -> None:
        if at.name not in self._extra_free:
            self._refuse(
                at,
                f"{why}. Leave it out, or have an admin add '{at.name}' to extra_free_fields of the provider "
                f"'{self._provider}'.",
            )

    def _refuse(self, at: _Place, why: str) -> NoReturn:
        what = at.name if at.name.endswith("]") else at.path
        raise InvalidRequest(f"'{what}' {why}", param=at.path, code="unsupported_parameter")

    def _invalid(self, at: _Place, why: str) -> NoReturn:
        raise InvalidRequest(f"'{at.path}' in the body {why}.", param=at.path, code="invalid_value")


def _decode(raw: Raw, key: str) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as malformed:
        raise InvalidRequest(f"'{key}' is not valid JSON: {malformed}.", code="invalid_json") from None
