"""OpenAI's costs and usage on the wire. `project_id` is the team; for exact amounts, use `/v1/costs`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

from service.core.http.wire import WireOut
from service.ledger.reports.usage.queries import UsageBucket

Result = TypeVar("Result", bound=WireOut)


class AmountOut(WireOut):
    """An amount of money."""

    value: float
    currency: Literal["usd"] = "usd"


class CostResult(WireOut):
    """The cost of one group in one bucket."""

    object: Literal["organization.costs.result"] = "organization.costs.result"
    amount: AmountOut
    line_item: str | None = None
    project_id: str | None = None
    api_key_id: str | None = None
    user_id: str | None = None
    api_source: str | None = None
    quantity: float | None = None
    quantity_unit: str | None = None


class CompletionsResult(WireOut):
    """The usage of one group in one bucket."""

    object: Literal["organization.usage.completions.result"] = "organization.usage.completions.result"
    input_tokens: int
    input_cached_tokens: int
    output_tokens: int
    num_model_requests: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    batch: bool | None = None
    service_tier: str | None = None
    api_source: str | None = None


class BucketOut(WireOut, Generic[Result]):
    """One span of time. `results` is empty if nothing was used."""

    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[Result]


class BucketPage(WireOut, Generic[Result]):
    """A page of buckets. Pass `next_page` as `page` to get the next one."""

    object: Literal["page"] = "page"
    data: list[BucketOut[Result]]
    has_more: bool
    next_page: str | None


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
