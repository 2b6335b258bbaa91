"""The Responses API: typed events instead of choices.

All teams share the provider's key, so one team could name another's stored response. Nothing is stored, and
the table of fields refuses what refers to stored state.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from service.catalog.price import PriceKind
from service.dataset.countable import Countable, strings_in
from service.errors import TunehouseError
from service.gateway import body as bodies
from service.gateway.body import DEFAULT_TOOL_CALLS, Asked, Fields
from service.gateway.dialects import texts
from service.gateway.dialects.base import Answer, Malformed, Naming, ProviderComplaint
from service.gateway.fields.responses import RESPONSES_FIELDS
from service.gateway.metering import usage as usages
from service.gateway.metering.usage import Usage
from service.gateway.sse import data_of, with_data
from service.providers.kinds.capabilities import Capabilities

_CALLS = {"web_search_call": PriceKind.WEB_SEARCH_CALLS, "mcp_call": PriceKind.MCP_CALLS}
# The fields of items, beside texts, that the model writes: what it calls a tool with.
_WRITTEN = ("name", "arguments", "input", "code", "action", "operation")
_LAST = ("response.completed", "response.incomplete", "response.failed")


class _ResponsesProbe(Struct):
    model: str
    stream: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    max_tool_calls: Annotated[int, Meta(ge=0, le=1000)] | None = None


class _Event(Struct):
    type: str = ""
    delta: Any = None
    response: Raw = Raw()
    item: Raw = Raw()


_probe = msgspec.json.Decoder(_ResponsesProbe)
_event = msgspec.json.Decoder(_Event)
_fields = msgspec.json.Decoder(dict[str, Raw])
_items = msgspec.json.Decoder(list[Any])


class Responses:
    """The dialect of `/responses`."""

    path = "/responses"
    id_prefix = "resp_"
    table = RESPONSES_FIELDS
    shows_calls = True

    def ask(self, body: bytes) -> Asked:
        """See `Dialect`."""
        probe = bodies.read_probe(body, _probe)
        fields = bodies.read_fields(body)
        return Asked(
            fields=fields,
            model=probe.model,
            stream=bool(probe.stream),
            wants_usage=True,
            answers=1,
            max_output_tokens=probe.max_output_tokens,
            size_bytes=len(body),
            max_tool_calls=probe.max_tool_calls,
        )

    def pin(self, fields: Fields, meters: Collection[PriceKind], known: Capabilities) -> None:
        """Store nothing, bound the calls of hosted tools, and name the tier that an account could change."""
        fields["store"] = bodies.raw(False)  # providers store by default
        if any(kind.unit == "calls" for kind in meters):
            fields.setdefault("max_tool_calls", bodies.raw(DEFAULT_TOOL_CALLS))
        if known.account_defaults:
            fields.setdefault("service_tier", bodies.raw("default"))

    def write(self, asked: Asked, provider_model: str) -> bytes:
        """See `Dialect`."""
        return bodies.write(asked.fields, model=bodies.raw(provider_model))

    def prompt(self, asked: Asked) -> Countable:
        """See `Dialect`."""
        return texts.prompt_of(asked.fields, "input")

    def answer(self, body: bytes, naming: Naming) -> Answer:
        """See `Dialect`."""
        try:
            fields = _fields.decode(body)
            usage = usages.from_responses(fields.get("usage"))
            items = _items.decode(fields.get("output", b"[]"))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise Malformed from None
        tier = _tier(fields)
        return Answer(_renamed(fields, naming), usage, list(_written(items)), tier, _calls(items))

    def open(self, asked: Asked, naming: Naming) -> "ResponsesStream":
        """See `Dialect`."""
        return ResponsesStream(naming)

    def error_event(self, error: TunehouseError) -> bytes:
        """See `Dialect`."""
        said = error.as_wire()
        event = {key: said[key] for key in ("code", "message", "param")} | {"type": "error"}
        return b"event: error\ndata: " + msgspec.json.encode(event) + b"\n\n"


class ResponsesStream:
    """See `Stream`."""

    def __init__(self, naming: Naming) -> None:
        self.usage: Usage | None = None
        self.texts: list[str] = []
        self.tier: str | None = None
        self.is_ending = False
        self._items: list[Any] = []
        self._naming = naming

    @property
    def calls(self) -> Mapping[PriceKind, int]:
        """What the provider's own tools did so far."""
        return _calls(self._items)

    def read(self, event: bytes) -> bytes:
        """See `Stream`."""
        data = data_of(event)
        if data is None:
            return event
        try:
            known = _event.decode(data)
            if known.type == "error":
                raise ProviderComplaint(data)
            if isinstance(known.delta, str):
                self.texts.append(known.delta)
            self.is_ending = self.is_ending or known.type in _LAST
            if known.type == "response.output_item.done" and bytes(known.item):
                self._items.append(msgspec.json.decode(known.item))
            if not bytes(known.response):
                return event
            response = _fields.decode(known.response)
            fields = _fields.decode(data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise Malformed from None
        self.usage = usages.from_responses(response.get("usage")) or self.usage
        self.tier = _tier(response) or self.tier
        renamed = Raw(_renamed(response, self._naming))
        return with_data(event, bodies.write(fields, response=renamed))


def _renamed(fields: dict[str, Raw], naming: Naming) -> bytes:
    return bodies.write(fields, id=bodies.raw(naming.answer_id), model=bodies.raw(naming.model))


def _tier(response: Fields) -> str | None:
    tier = msgspec.json.decode(response.get("service_tier", b"null"))
    return tier if isinstance(tier, str) else None


def _written(items: list[Any]) -> Iterator[str]:
    """Yield what the model wrote: not what tools returned, log probabilities or encrypted reasoning."""
    for item in items:
        if not isinstance(item, dict):
            continue
        for parts in (item.get("content"), item.get("summary")):
            for part in parts if isinstance(parts, list) else ():
                if isinstance(part, dict):
                    yield from strings_in([part.get("text"), part.get("refusal")])
        if item.get("type") != "web_search_call":  # its action lists the pages that it found
            yield from strings_in([item.get(name) for name in _WRITTEN])


def _calls(items: list[Any]) -> dict[PriceKind, int]:
    """Return how often hosted tools were called, and in how many containers code ran."""
    found: dict[PriceKind, int] = {}
    containers = set()
    for item in items:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind in _CALLS:
            found[_CALLS[kind]] = found.get(_CALLS[kind], 0) + 1
        elif kind == "code_interpreter_call":
            containers.add(str(item.get("container_id")))
    return found | ({PriceKind.CODE_INTERPRETER_SESSIONS: len(containers)} if containers else {})


RESPONSES = Responses()
