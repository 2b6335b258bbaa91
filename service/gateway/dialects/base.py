"""What the gateway needs to know about a form of request and its answers."""

from collections.abc import Collection, Mapping
from typing import Protocol

from msgspec import Struct

from service.catalog.price import PriceKind
from service.dataset.countable import Countable
from service.errors import TunehouseError
from service.gateway.body import Asked, Fields
from service.gateway.fields.rules import Object
from service.gateway.metering.usage import Usage
from service.providers.kinds.capabilities import Capabilities


class Naming(Struct, frozen=True):
    """The ids under which the caller sees the answer and its model, in place of the provider's."""

    answer_id: str
    model: str


class Answer(Struct, frozen=True):
    """A whole answer in our names.

    `texts` is what was produced, `tier` the service tier that it names, `calls` what the provider's own tools
    did.
    """

    body: bytes
    usage: Usage | None
    texts: list[str]
    tier: str | None = None
    calls: Mapping[PriceKind, int] = {}


class Malformed(Exception):
    """The provider sent something that is not an answer."""


class ProviderComplaint(Exception):
    """The provider reports an error in the middle of a stream; holds its `error` object as bytes."""

    def __init__(self, error: bytes) -> None:
        self.error = error
        super().__init__("the provider reported an error in its stream")


class Stream(Protocol):
    """Reads one streamed answer, event by event.

    `usage`, `texts`, `tier` and `calls` are those of `Answer`, so far. `is_ending` turns true with the first
    event that completes the answer: from there on the caller waits until the use is on record.
    """

    usage: Usage | None
    texts: list[str]
    tier: str | None
    is_ending: bool

    @property
    def calls(self) -> Mapping[PriceKind, int]:
        """What hosted tools did so far."""
        ...

    def read(self, event: bytes) -> bytes:
        """Return the event as the caller is to see it, empty if not at all.

        Raises `Malformed` and `ProviderComplaint`.
        """
        ...


class Dialect(Protocol):
    """One form of request.

    `path` is where providers take it, `id_prefix` how its answers' ids begin, `table` which fields it has.
    `shows_calls` says whether answers list the calls of hosted tools; otherwise each request makes one.
    """

    path: str
    id_prefix: str
    table: Object
    shows_calls: bool

    def ask(self, body: bytes) -> Asked:
        """Read a request. Raises `InvalidRequest`."""
        ...

    def pin(self, fields: Fields, meters: Collection[PriceKind], known: Capabilities) -> None:
        """Set the fields that would otherwise leave cost or storage to settings of the provider's account."""
        ...

    def write(self, asked: Asked, provider_model: str) -> bytes:
        """Return the body for the provider."""
        ...

    def prompt(self, asked: Asked) -> Countable:
        """Return what the model has to read, for counting."""
        ...

    def answer(self, body: bytes, naming: Naming) -> Answer:
        """Read a whole answer. Raises `Malformed`."""
        ...

    def open(self, asked: Asked, naming: Naming) -> Stream:
        """Return a reader for a streamed answer."""
        ...

    def error_event(self, error: TunehouseError) -> bytes:
        """Return an error as an event of a stream, as SDKs understand it."""
        ...
