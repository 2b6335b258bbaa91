"""Chat completions and the legacy completions: answers made of choices, streams that end with `[DONE]`."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from service.catalog.price import PriceKind
from service.dataset.countable import Countable, strings_in
from service.errors import TunehouseError
from service.gateway import body as bodies
from service.gateway.body import Asked, Fields
from service.gateway.dialects import texts
from service.gateway.dialects.base import Answer, Malformed, Naming, ProviderComplaint
from service.gateway.fields.chat import CHAT_FIELDS, COMPLETION_FIELDS
from service.gateway.fields.rules import Object
from service.gateway.metering import usage as usages
from service.gateway.metering.usage import Usage
from service.gateway.sse import data_of, with_data
from service.providers.kinds.capabilities import Capabilities

_Answers = Annotated[int, Meta(ge=1, le=128)]
_Tokens = Annotated[int, Meta(ge=0, le=10_000_000)]
_DONE = b"[DONE]"


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _Probe(Struct):
    model: str
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: _Tokens | None = None
    max_completion_tokens: _Tokens | None = None
    n: _Answers | None = None
    best_of: _Answers | None = None
    echo: bool | None = None


class _Piece(Struct):
    """A message, or the part of one that a chunk brings."""

    content: str | None = None
    refusal: str | None = None
    tool_calls: Raw = Raw()  # read only where we count ourselves
    function_call: Raw = Raw()


class _Choice(Struct):
    index: int = 0
    finish_reason: str | None = None
    text: str | None = None
    delta: _Piece | None = None
    message: _Piece | None = None


class _Answered(Struct):
    choices: list[_Choice] = []
    service_tier: str | None = None


_probe = msgspec.json.Decoder(_Probe)
_answered = msgspec.json.Decoder(_Answered)
_stream_options = msgspec.json.Decoder(dict[str, Raw])
_fields = msgspec.json.Decoder(dict[str, Raw])


class Choices:
    """The dialect of `/chat/completions` and `/completions`, which differ in where the prompt is."""

    shows_calls = False

    def __init__(self, path: str, id_prefix: str, prompt_field: str, table: Object) -> None:
        self.path = path
        self.id_prefix = id_prefix
        self.table = table
        self._prompt_field = prompt_field

    def ask(self, body: bytes) -> Asked:
        """See `Dialect`."""
        probe = bodies.read_probe(body, _probe)
        fields = bodies.read_fields(body)
        answers = max(probe.n or 1, probe.best_of or 1)
        prompts = texts.prompts_in(fields.get("prompt")) if self._prompt_field == "prompt" else 1
        return Asked(
            fields=fields,
            model=probe.model,
            stream=bool(probe.stream),
            wants_usage=bool(probe.stream_options and probe.stream_options.include_usage),
            answers=answers * prompts,
            max_output_tokens=probe.max_completion_tokens or probe.max_tokens,
            size_bytes=len(body),
            prompts=prompts,
            echoes=(probe.n or 1) if probe.echo and self._prompt_field == "prompt" else 0,
        )

    def pin(self, fields: Fields, meters: Collection[PriceKind], known: Capabilities) -> None:
        """Name the tier and storage that settings of the provider's account could otherwise change."""
        if known.account_defaults and self._prompt_field == "messages":
            fields.setdefault("service_tier", bodies.raw("default"))
            fields["store"] = bodies.raw(False)

    def write(self, asked: Asked, provider_model: str) -> bytes:
        """Return the body for the provider; a stream is always asked for its usage."""
        model = bodies.raw(provider_model)
        if not asked.stream or asked.wants_usage:
            return bodies.write(asked.fields, model=model)
        options: dict[str, Any] = {}
        if bytes(asked.fields.get("stream_options", b"null")) != b"null":
            options = _stream_options.decode(asked.fields["stream_options"])
        return bodies.write(
            asked.fields, model=model, stream_options=bodies.raw(options | {"include_usage": True})
        )

    def prompt(self, asked: Asked) -> Countable:
        """See `Dialect`."""
        return texts.prompt_of(asked.fields, self._prompt_field)

    def answer(self, body: bytes, naming: Naming) -> Answer:
        """See `Dialect`."""
        fields, answered = _decode(body)
        usage = usages.from_chat(fields.get("usage"))
        produced = [text for choice in answered.choices for text in _texts(choice)]
        return Answer(_renamed(fields, naming), usage, produced, answered.service_tier)

    def open(self, asked: Asked, naming: Naming) -> "ChoicesStream":
        """See `Dialect`."""
        return ChoicesStream(asked, naming)

    def error_event(self, error: TunehouseError) -> bytes:
        """See `Dialect`."""
        return b"data: " + msgspec.json.encode({"error": error.as_wire()}) + b"\n\n"


class ChoicesStream:
    """See `Stream`."""

    def __init__(self, asked: Asked, naming: Naming) -> None:
        self.usage: Usage | None = None
        self.texts: list[str] = []
        self.tier: str | None = None
        self.calls: Mapping[PriceKind, int] = {}
        self.is_ending = False
        self._naming = naming
        self._wants_usage = asked.wants_usage
        self._unfinished = asked.answers

    def read(self, event: bytes) -> bytes:
        """See `Stream`."""
        data = data_of(event)
        if data is None:
            return event
        if data == _DONE:
            self.is_ending = True
            return event
        fields, chunk = _decode(data)
        if "error" in fields:
            raise ProviderComplaint(bytes(fields["error"]))
        self._take_note(chunk)
        usage = usages.from_chat(fields.get("usage"))
        if usage is not None:
            self.usage = usage
            if not chunk.choices and not self._wants_usage:
                return b""
        if not self._wants_usage:
            fields.pop("usage", None)
        return with_data(event, _renamed(fields, self._naming))

    def _take_note(self, chunk: _Answered) -> None:
        self.tier = chunk.service_tier or self.tier
        for choice in chunk.choices:
            self.texts.extend(_texts(choice))
            if choice.finish_reason is not None:
                self._unfinished -= 1
        if self._unfinished <= 0:
            self.is_ending = True


def _decode(data: bytes) -> tuple[dict[str, Raw], _Answered]:
    try:
        return _fields.decode(data), _answered.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Malformed from None


def _renamed(fields: dict[str, Raw], naming: Naming) -> bytes:
    return bodies.write(fields, id=bodies.raw(naming.answer_id), model=bodies.raw(naming.model))


def _texts(choice: _Choice) -> list[str]:
    piece = choice.delta or choice.message
    found = [choice.text] if piece is None else [piece.content, piece.refusal]
    for calls in (piece.tool_calls, piece.function_call) if piece else ():
        try:
            found += strings_in(msgspec.json.decode(calls)) if bytes(calls) else []
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise Malformed from None
    return [text for text in found if text]


CHAT = Choices("/chat/completions", "chatcmpl-", "messages", CHAT_FIELDS)
COMPLETIONS = Choices("/completions", "cmpl-", "prompt", COMPLETION_FIELDS)
