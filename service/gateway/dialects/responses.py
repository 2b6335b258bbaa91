"""The Responses API: typed events instead of choices, and state that providers would keep for us.

All teams share the provider's key, so one team could name another's stored response. What refers to stored
state is refused, and nothing is stored.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from service.dataset.countable import Countable, strings_in
from service.errors import InvalidRequest, TunehouseError
from service.gateway import body as bodies
from service.gateway import usage as usages
from service.gateway.body import Asked
from service.gateway.dialects import texts
from service.gateway.dialects.base import Answer, Malformed, Naming, ProviderComplaint
from service.gateway.sse import data_of, with_data
from service.gateway.usage import Usage

_STATE = ("previous_response_id", "conversation", "prompt")
_LAST = ("response.completed", "response.incomplete", "response.failed")


class _Probe(Struct):
    model: str
    stream: bool | None = None
    background: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None


class _Event(Struct):
    type: str = ""
    delta: Any = None
    response: Raw = Raw()


_probe = msgspec.json.Decoder(_Probe)
_event = msgspec.json.Decoder(_Event)
_fields = msgspec.json.Decoder(dict[str, Raw])
_items = msgspec.json.Decoder(list[Any])


class Responses:
    """The dialect of `/responses`."""

    path = "/responses"
    id_prefix = "resp_"

    def ask(self, body: bytes) -> Asked:
        """See `Dialect`. Raises `InvalidRequest` also for what needs state kept at the provider."""
        probe = bodies.read_probe(body, _probe)
        fields = bodies.read_fields(body)
        for name in _STATE:
            if bytes(fields.get(name, b"null")) != b"null":
                raise InvalidRequest(
                    f"'{name}' refers to state kept by the provider, which Tunehouse does not keep: "
                    "send the whole conversation in 'input'.",
                    param=name,
                    code="unsupported_parameter",
                )
        if probe.background:
            raise InvalidRequest(
                "Tunehouse runs no responses in the background: leave 'background' out.",
                param="background",
                code="unsupported_parameter",
            )
        return Asked(
            fields=fields,
            model=probe.model,
            stream=bool(probe.stream),
            wants_usage=True,
            answers=1,
            max_output_tokens=probe.max_output_tokens,
            size_bytes=len(body),
        )

    def write(self, asked: Asked, provider_model: str) -> bytes:
        """See `Dialect`; the provider is told to store nothing."""
        return bodies.write(asked.fields, model=bodies.raw(provider_model), store=bodies.raw(False))

    def prompt(self, asked: Asked) -> Countable:
        """See `Dialect`."""
        return texts.prompt_of(asked.fields, "input")

    def answer(self, body: bytes, naming: Naming) -> Answer:
        """See `Dialect`."""
        try:
            fields = _fields.decode(body)
            usage = usages.from_responses(fields.get("usage"))
            produced = [] if usage else strings_in(_items.decode(fields.get("output", b"[]")))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise Malformed from None
        return Answer(_renamed(fields, naming), usage, produced)

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
        self.is_ending = False
        self._naming = naming

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
            if not bytes(known.response):
                return event
            response = _fields.decode(known.response)
            fields = _fields.decode(data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise Malformed from None
        self.usage = usages.from_responses(response.get("usage")) or self.usage
        renamed = Raw(_renamed(response, self._naming))
        return with_data(event, bodies.write(fields, response=renamed))


def _renamed(fields: dict[str, Raw], naming: Naming) -> bytes:
    return bodies.write(fields, id=bodies.raw(naming.answer_id), model=bodies.raw(naming.model))


RESPONSES = Responses()
