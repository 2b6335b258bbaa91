"""OpenAI's costs and usage on the wire. `project_id` is the team; for exact amounts, use `/v1/costs`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

from service.core.http.wire import WireOut
from service.ledger.reports.usage.queries import UsageBucket

Result = TypeVar("Result", bound=WireOut)


class AmountOut(WireOut):
    """An amount of money."""

    value: float
    """The amount, rounded to a float; `/v1/costs` has exact ones."""
    currency: Literal["usd"] = "usd"
    """Always `usd`."""


class CostResult(WireOut):
    """The cost of one group in one bucket."""

    object: Literal["organization.costs.result"] = "organization.costs.result"
    amount: AmountOut
    """What the group cost."""
    line_item: str | None = None
    """The model and the kind of usage; null unless you group by it."""
    project_id: str | None = None
    """The id of the team; null unless you group by it."""
    api_key_id: str | None = None
    """The id of the key; null unless you group by it."""
    user_id: str | None = None
    """Always null: Tunehouse knows keys, not people."""
    api_source: str | None = None
    """Always `unlabeled`; null unless you group by it."""
    quantity: float | None = None
    """How much was used; null unless you group by `line_item`."""
    quantity_unit: str | None = None
    """The unit of `quantity`: `tokens` or `duration_hours`."""


class CompletionsResult(WireOut):
    """The usage of one group in one bucket."""

    object: Literal["organization.usage.completions.result"] = "organization.usage.completions.result"
    input_tokens: int
    """Tokens of input, those read from a cache included."""
    input_cached_tokens: int
    """Tokens of input that were read from a cache."""
    output_tokens: int
    """Tokens of output."""
    num_model_requests: int
    """Requests."""
    project_id: str | None = None
    """The id of the team; null unless you group by it."""
    user_id: str | None = None
    """Always null: Tunehouse knows keys, not people."""
    api_key_id: str | None = None
    """The id of the key; null unless you group by it."""
    model: str | None = None
    """The model; null unless you group by it."""
    batch: bool | None = None
    """Always null: there are no batch requests."""
    service_tier: str | None = None
    """The tier that the answers named; null unless you group by it."""
    api_source: str | None = None
    """Always `unlabeled`; null unless you group by it."""


class BucketOut(WireOut, Generic[Result]):
    """One span of time."""

    object: Literal["bucket"] = "bucket"
    start_time: int
    """The first second, in unix seconds."""
    end_time: int
    """The second after the last, in unix seconds."""
    results: list[Result]
    """The groups; empty if nothing was used."""


class BucketPage(WireOut, Generic[Result]):
    """A page of buckets."""

    object: Literal["page"] = "page"
    data: list[BucketOut[Result]]
    """The buckets, the earliest first."""
    has_more: bool
    """Whether more buckets follow."""
    next_page: str | None
    """Pass it as `page` to get the next page; null on the last."""


_UNITS = {"tokens": "tokens", "hours": "duration_hours"}


def cost_result(row: Mapping[str, Any], grouped: Sequence[str]) -> CostResult:
    """The wire form of one group's cost. Only groups by `line_item` with a single unit have a quantity."""
    counted = "line_item" in grouped and row["units"] == 1 and row["unit"] in _UNITS
    return CostResult(
        amount=AmountOut(value=float(row["amount_usd"])),
        quantity=float(row["quantity"]) if counted else None,
        quantity_unit=_UNITS[row["unit"]] if counted else None,
        **{name: row[name] for name in grouped},
    )


def completions_result(row: Mapping[str, Any], grouped: Sequence[str]) -> CompletionsResult:
    """The wire form of one group's usage."""
    counted = ("input_tokens", "input_cached_tokens", "output_tokens", "num_model_requests")
    return CompletionsResult(**{name: row[name] for name in (*counted, *grouped)})


def page_out(
    buckets: Sequence[UsageBucket], result: Callable[[Mapping[str, Any]], Result], next_page: str | None
) -> BucketPage[Result]:
    """The wire form of a page of buckets."""
    data = [
        BucketOut[Result](
            start_time=bucket.start, end_time=bucket.end, results=[result(row) for row in bucket.rows]
        )
        for bucket in buckets
    ]
    return BucketPage[Result](data=data, has_more=next_page is not None, next_page=next_page)
