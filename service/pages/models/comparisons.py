"""The pages of comparisons: two models on the same prompts, side by side."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.comparisons.routes import list_comparisons, retrieve_comparison
from service.comparisons.schemas import ComparisonOut
from service.core.http.web import RequestSession
from service.pages.listing import Column, Field, Listing, amount, more_after, rows_of
from service.pages.render import show
from service.pages.words import moment, short_model
from service.teams.access import Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)


@router.get("/comparisons")
def comparisons(
    request: Request, session: RequestSession, caller: Reader, after: str | None = None
) -> Response:
    """List the team's comparisons."""
    page = list_comparisons(session, caller, after=after, limit=rows_of(request))
    listing = Listing(
        "comparisons",
        "Comparisons",
        (
            Column("Models"),
            Column("Id", only_csv=True),
            Column("State"),
            Column("Grader"),
            Column("Graded", True),
            Column("Won", True),
            Column("Cost, USD", True),
            Column("Created", True),
        ),
        [
            (
                Field(
                    " and ".join(short_model(side.model) for side in one.models),
                    href=f"/comparisons/{one.id}",
                ),
                Field(one.id),
                Field(one.status, state=one.status),
                Field(one.grader),
                Field(f"{one.graded} of {one.prompts}"),
                Field(" : ".join(str(side.wins) for side in one.models)),
                amount(one.cost_usd),
                Field(moment(one.created_at)),
            )
            for one in page.data
        ],
        empty="No comparison yet. Create one with POST /v1/comparisons.",
        more=more_after(request, page.last_id, page.has_more),
    )
    return show(request, "comparisons.html", lists=[listing])


@router.get("/comparisons/{comparison_id}")
def comparison(request: Request, comparison_id: str, session: RequestSession, caller: Reader) -> Response:
    """Show a comparison: its sums, and every prompt with both answers."""
    # The API would answer a browser with a page of its own.
    plain_request = Request({**request.scope, "headers": []})
    found = retrieve_comparison(comparison_id, plain_request, session, caller)
    assert isinstance(found, ComparisonOut)  # noqa: S101
    sides = Listing(
        "sides",
        "Result",
        (
            Column("Model"),
            Column("Wins", True),
            Column("Ties", True),
            Column("Losses", True),
            Column("Mean score", True),
            Column("p50, ms", True),
            Column("Cost, USD", True),
        ),
        [
            (
                Field(short_model(side.model)),
                Field(str(side.wins)),
                Field(str(side.ties)),
                Field(str(side.losses)),
                Field("" if side.mean_score is None else f"{side.mean_score:.2f}"),
                Field("" if side.latency_ms_p50 is None else str(side.latency_ms_p50)),
                amount(side.cost_usd),
            )
            for side in found.models
        ],
    )
    answers = Listing(
        "answers",
        "Answers",
        (
            Column("Line", True),
            Column("Verdict"),
            *(Column(short_model(side.model)) for side in found.models),
        ),
        [
            (
                Field(str(one.line)),
                Field(one.verdict or ""),
                Field((one.first.text or one.first.error or "") if one.first else ""),
                Field((one.second.text or one.second.error or "") if one.second else ""),
            )
            for one in found.results or ()
        ],
    )
    return show(request, "comparison.html", lists=[sides, answers], comparison=found)
