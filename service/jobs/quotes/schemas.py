"""Quotes on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from service.core.http.wire import WireIn, WireOut
from service.jobs.schemas import Id


class UseIn(WireIn):
    """How much the tuned model is expected to be used; tokens are those of one request."""

    requests_per_day: Annotated[int, Field(ge=0, le=10**9)]
    input_tokens: Annotated[int, Field(ge=0, le=10**7)]
    output_tokens: Annotated[int, Field(ge=0, le=10**7)]


class QuoteIn(WireIn):
    """A dataset to price everywhere, with the model's expected use, for so many months of 30 days."""

    training_file: Id
    use: UseIn | None = None
    months: Annotated[int, Field(ge=1, le=60)] = 12


class QuoteOut(WireOut):
    """One base at one provider.

    `total_usd` is the training and all months of use and hosting; null if a part is not known, which
    `explanation` names. `break_even_months` is when this has cost less than the quote with the cheapest
    training; null if never. `problem` says why the job cannot run there; then there is no training cost.
    """

    object: Literal["fine_tuning.quote"] = "fine_tuning.quote"
    provider: str
    provider_kind: str
    model: str
    method: str
    n_epochs: int | None
    trained_tokens: int | None
    training_usd: str | None
    price_id: str | None
    use_usd_per_month: str | None
    hosting_usd_per_month: str | None
    total_usd: str | None
    break_even_months: str | None
    methods: list[str]
    trains_until: str | None
    shutdown_date: str | None
    notes: list[str]
    problem: str | None
    explanation: str


class QuotesOut(WireOut):
    """Every base that fits, the cheapest in all first."""

    object: Literal["list"] = "list"
    data: list[QuoteOut]
    months: int
    has_more: Literal[False] = False
