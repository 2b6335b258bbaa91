"""What the gateway needs to know of a form of request and its answers."""

from dataclasses import dataclass
from typing import Protocol

from service.dataset.countable import Countable
from service.errors import TunehouseError
from service.gateway.body import Asked
from service.gateway.usage import Usage


@dataclass(frozen=True, slots=True)
class Naming:
    """How the answer names itself and its model to the caller, whatever the provider calls them."""

    answer_id: str
    model: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer in our names; `texts` is what was produced, read only when `usage` is missing."""

    body: bytes
    usage: Usage | None
    texts: list[str]


class Malformed(Exception):
    """The provider sent something that is not an answer."""


class ProviderComplaint(Exception):
    """The provider reports an error in the middle of a stream; holds its `error` object as bytes."""

    def __init__(self, error: bytes) -> None:
        self.error = error
        super().__init__("the provider reported an error in its stream")


class Stream(Protocol):
    """Reads one streamed answer, event by event.

    `usage` and `texts` tell what was used so far. `is_ending` turns true with the first event that completes
    the answer: from there on the caller must wait until the use is on record.
    """

    usage: Usage | None
    texts: list[str]
    is_ending: bool

    def read(self, event: bytes) -> bytes:
        """The event as the caller shall see it, empty when not at all.

        Raises `Malformed` and `ProviderComplaint`.
        """
        ...


class Dialect(Protocol):
    """One form of request. `path` is where providers take it, `id_prefix` how its answers' ids begin."""

    path: str
    id_prefix: str

    def ask(self, body: bytes) -> Asked:
        """Read a request. Raises `InvalidRequest`."""
        ...

    def write(self, asked: Asked, provider_model: str) -> bytes:
        """The body for the provider."""
        ...

    def prompt(self, asked: Asked) -> Countable:
        """What the model has to read, for counting."""
        ...

    def answer(self, body: bytes, naming: Naming) -> Answer:
        """Read a whole answer. Raises `Malformed`."""
        ...

    def open(self, asked: Asked, naming: Naming) -> Stream:
        """A reader for a streamed answer."""
        ...

    def error_event(self, error: TunehouseError) -> bytes:
        """An error in the midst of a stream, as SDKs understand it."""
        ...
