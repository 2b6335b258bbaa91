"""Quotes on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from service.core.http.wire import WireIn, WireOut
from service.jobs.schemas import Id


class UseIn(WireIn):
    """How much the tuned model is expected to be used."""

    requests_per_day: Annotated[int, Field(ge=0, le=10**9)]
    """Requests a day."""
    input_tokens: Annotated[int, Field(ge=0, le=10**7)]
    """Tokens of input per request."""
    output_tokens: Annotated[int, Field(ge=0, le=10**7)]
    """Tokens of output per request."""


class QuoteIn(WireIn):
    """A dataset to price at every provider."""

    training_file: Id
    """The id of a checked file."""
    use: UseIn | None = None
    """The model's expected use; null means only the training and hosting are priced."""
    months: Annotated[int, Field(ge=1, le=60)] = 12
    """Months of 30 days to add up, 1 to 60."""


class QuoteOut(WireOut):
    """One base at one provider, with one method."""

    object: Literal["fine_tuning.quote"] = "fine_tuning.quote"
    provider: str
    provider_kind: str
    model: str
    """The base."""
    method: str
    """The method: `supervised` or `dpo`."""
    n_epochs: int | None
    """Epochs that the estimate assumes; null if the job cannot run there."""
    trained_tokens: int | None
    """Tokens that would be trained, over all epochs; null if the job cannot run there."""
    training_usd: str | None
    """The cost of the training; null if the job cannot run there."""
    price_id: str | None
    """The id of the training's price; null if the job cannot run there."""
    use_usd_per_month: str | None
    """The cost of the expected use per month; null if a price is not known."""
    hosting_usd_per_month: str | None
    """The cost of keeping the model deployed per month; null if it is not known."""
    total_usd: str | None
    """Training and all months of use and hosting; null if a part is not known, named in `explanation`."""
    break_even_months: str | None
    """Months until this costs less than the quote with the cheapest training; null for never."""
    methods: list[str]
    """All methods that the base can be tuned with there."""
    trains_until: str | None
    """The day (ISO 8601) from which the base cannot be tuned; null if none is announced."""
    shutdown_date: str | None
    notes: list[str]
    """What would be translated, lost or unusual at this provider."""
    problem: str | None
    """Why the job cannot run there; null if it can."""
    explanation: str
    """The calculation in a sentence."""


class QuotesOut(WireOut):
    """Every base that fits, the cheapest in all first."""

    object: Literal["list"] = "list"
    data: list[QuoteOut]
    months: int
    """The months that the totals cover."""
    has_more: Literal[False] = False
