"""What came of one call to a model, apart from how calls are made: the api only reads it."""

from dataclasses import dataclass

from service.errors import TunehouseError
from service.gateway.metering.amounts import Terms
from service.gateway.metering.belief import Reviews
from service.gateway.metering.usage import Usage

ENDPOINT = "comparisons"  # the tag of their charges


@dataclass(frozen=True)
class Used:
    """What a call used, as far as the provider's report can be believed, and why to review it."""

    usage: Usage
    terms: Terms
    reviews: Reviews
    tier: str | None = None


@dataclass(frozen=True)
class Answered:
    """An answer, what it used, and the milliseconds until it was complete."""

    text: str
    used: Used
    latency_ms: int


class AnswerLost(Exception):
    """The provider may have answered, but no answer came; `used` is the most that the call can have used.

    `failure` says what happened: `Unavailable` if the call can be repeated.
    """

    def __init__(self, failure: TunehouseError, used: Used) -> None:
        self.failure = failure
        self.used = used
        super().__init__(failure.message)
