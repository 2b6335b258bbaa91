"""OpenAI's routes for costs and usage: `client.admin.organization.usage.costs` and `.completions`."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import ColumnElement, Text, literal, null

from service.core import clock
from service.core.http.web import ReportSession, Route
from service.core.moments import Moment
from service.errors import InvalidRequest
from service.ledger.reports.usage.queries import (
    Buckets,
    Columns,
    Filters,
    Group,
    completion_buckets,
    cost_buckets,
    line_item,
)
from service.ledger.reports.usage.schemas import (
    BucketPage,
    CompletionsResult,
    CostResult,
    completions_result,
    cost_result,
    page_out,
)
from service.teams.access import Caller, Reader

router = APIRouter(prefix="/v1/organization", tags=["money"], route_class=Route)

Page = Annotated[str | None, Query(description="The `next_page` of the previous page.")]

_PAGE_PREFIX = "page_"
_WIDTHS_S = {"1m": 60, "1h": 3600, "1d": 86_400}
# OpenAI's default and maximum number of buckets per width.
_LIMITS = {"1m": (60, 1440), "1h": (24, 168), "1d": (7, 31)}
_COST_LIMITS = (7, 180)


def _none(_: Columns) -> ColumnElement[Any]:
    return null().cast(Text)


_SHARED: Mapping[str, Group] = {
    "project_id": lambda of: of.team_id,
    "api_key_id": lambda of: of.key_id,
    "user_id": _none,  # Tunehouse knows keys, not people
    "api_source": lambda _: literal("unlabeled", literal_execute=True).cast(Text),
}
_COST_GROUPS: Mapping[str, Group] = {**_SHARED, "line_item": line_item}
_USE_GROUPS: Mapping[str, Group] = {
    **_SHARED,
    "model": lambda of: of.model,
    "batch": _none,
    "service_tier": lambda of: of.tier,
}


def _many(request: Request, name: str) -> list[str]:
    """Read a repeatable parameter, spelled as the SDK does (`name[]`) or without brackets."""
    return request.query_params.getlist(f"{name}[]") + request.query_params.getlist(name)


_REPEATABLE = {
    "group_by": "Fields to group by, such as `project_id`; without any, each bucket has one result.",
    "project_ids": "Only these teams, by id.",
    "api_key_ids": "Only these keys, by id.",
    "line_items": "Only these line items, such as `gpt-4o-mini-2024-07-18, input_tokens`.",
    "models": "Only these models.",
}


def _documented(*names: str) -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}}
    return {
        "parameters": [
            {"name": f"{name}[]", "in": "query", "description": _REPEATABLE[name], "schema": texts}
            for name in names
        ]
    }


@router.get("/costs", openapi_extra=_documented("group_by", "project_ids", "api_key_ids", "line_items"))
def list_costs(
    request: Request,
    session: ReportSession,
    caller: Reader,
    start_time: Moment,
    end_time: Moment | None = None,
    bucket_width: Annotated[Literal["1d"], Query(description="The length of a bucket: a day (UTC).")] = "1d",
    limit: Annotated[int, Query(ge=1, le=_COST_LIMITS[1], description="The most buckets.")] = _COST_LIMITS[0],
    page: Page = None,
) -> BucketPage[CostResult]:
    """Get costs per day: your team's, or those of all teams for admins."""
    buckets, next_page = _buckets(start_time, end_time, _WIDTHS_S[bucket_width], limit, page)
    groups = _groups(request, _COST_GROUPS)
    filled = cost_buckets(session, buckets, _filters(request, caller), groups)
    return page_out(filled, partial(cost_result, grouped=list(groups)), next_page)


@router.get(
    "/usage/completions", openapi_extra=_documented("group_by", "project_ids", "api_key_ids", "models")
)
def list_completions_usage(
    request: Request,
    session: ReportSession,
    caller: Reader,
    start_time: Moment,
    end_time: Moment | None = None,
    bucket_width: Annotated[
        Literal["1m", "1h", "1d"],
        Query(description="The length of a bucket: minute, hour or day (UTC)."),
    ] = "1d",
    limit: Annotated[
        int | None,
        Query(ge=1, description="The most buckets. By default 60 minutes, 24 hours or 7 days."),
    ] = None,
    page: Page = None,
) -> BucketPage[CompletionsResult]:
    """Get tokens and requests per minute, hour or day: your team's, or those of all teams for admins."""
    default, most = _LIMITS[bucket_width]
    if limit is not None and limit > most:
        raise InvalidRequest(f"'limit' must be at most {most} for buckets of {bucket_width}.", param="limit")
    buckets, next_page = _buckets(start_time, end_time, _WIDTHS_S[bucket_width], limit or default, page)
    groups = _groups(request, _USE_GROUPS)
    filled = completion_buckets(session, buckets, _filters(request, caller), groups)
    return page_out(filled, partial(completions_result, grouped=list(groups)), next_page)


def _buckets(
    start_time: int, end_time: int | None, width_s: int, limit: int, page: str | None
) -> tuple[Buckets, str | None]:
    """Return the buckets of a page, and the cursor of the next one."""
    end = clock.unix(clock.now()) + 1 if end_time is None else end_time
    start = start_time if page is None else _page_start(page)
    if end <= start:
        raise InvalidRequest("'end_time' must be after 'start_time'.", param="end_time")
    first = start - start % width_s
    stop = first + limit * width_s
    return Buckets(first, min(stop, end), width_s), (f"{_PAGE_PREFIX}{stop}" if stop < end else None)


def _page_start(page: str) -> int:
    digits = page.removeprefix(_PAGE_PREFIX)
    if not (page.startswith(_PAGE_PREFIX) and digits.isascii() and digits.isdigit() and len(digits) <= 10):
        raise InvalidRequest("'page' must be the 'next_page' of an earlier answer.", param="page")
    return int(digits)


def _groups(request: Request, known: Mapping[str, Group]) -> dict[str, Group]:
    asked: Sequence[str] = _many(request, "group_by")
    for name in asked:
        if name not in known:
            raise InvalidRequest(
                f"'group_by' must be one of {', '.join(known)}; got {name!r}.", param="group_by"
            )
    return {name: known[name] for name in dict.fromkeys(asked)}


def _filters(request: Request, caller: Caller) -> Filters:
    return Filters(
        team_id=caller.team_or_all,
        team_ids=_many(request, "project_ids"),
        key_ids=_many(request, "api_key_ids"),
        models=_many(request, "models"),
        line_items=_many(request, "line_items"),
    )
