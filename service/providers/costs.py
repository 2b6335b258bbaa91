"""OpenAI's own account of what it charged: `/organization/costs`."""

import re
from datetime import datetime
from decimal import Decimal

from openai import OpenAI, omit

from service.providers.answers import Garbage, read_items, read_object
from service.providers.bounds import PAGE
from service.providers.failures import translated
from service.providers.scrub import Clean

_DAYS_PER_PAGE = 180
_MOST_PAGES = 10
_PLAIN = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,40})?(?:[eE]-[0-9]{1,2})?")  # dollars


def read_costs(client: OpenAI, clean: Clean, start: datetime, end: datetime) -> Decimal:
    """The sum of its daily buckets, in US dollars; whole days only.

    Raises `Rejected` or `KeyRefused` where our key may not ask, `Retryable` when the answer makes no sense.
    """
    costs = client.admin.organization.usage.with_raw_response
    total, page = Decimal(0), None
    with translated(clean, repeatable=True):
        for _ in range(_MOST_PAGES):
            answer = read_object(
                costs.costs(
                    start_time=int(start.timestamp()),
                    end_time=int(end.timestamp()),
                    bucket_width="1d",
                    limit=_DAYS_PER_PAGE,
                    page=page or omit,
                ).content,
                PAGE,
            )
            for bucket in read_items(answer):
                total += sum((_amount(result) for result in _results(bucket)), Decimal(0))
            page = answer.get("next_page")
            if not answer.get("has_more") or not isinstance(page, str):
                return total
        raise Garbage(f"The provider's costs fill more than {_MOST_PAGES} pages.")


def _results(bucket: dict[str, object]) -> list[object]:
    results = bucket.get("results")
    if not isinstance(results, list):
        raise Garbage("The provider's costs have a day without results.")
    return results


def _amount(result: object) -> Decimal:
    amount = result.get("amount") if isinstance(result, dict) else None
    value = amount.get("value") if isinstance(amount, dict) else None
    # By its digits: a float of 0.1 is meant as 0.1.
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | str)
        or not _PLAIN.fullmatch(str(value))
    ):
        raise Garbage("The provider's costs hold an amount that is not a plain decimal number.")
    return Decimal(str(value))
