"""Routes for comparisons."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from service.comparisons import actions, page, queries
from service.comparisons.report import comparison_out
from service.comparisons.schemas import ComparisonCreate, ComparisonOut
from service.core.db import transaction
from service.core.http.pages import ListOut, list_out
from service.core.http.web import RequestSession, as_text
from service.models.deployments.actions import wake_named
from service.models.deployments.queries import Asleep
from service.teams.access import Inferer, Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/comparisons", tags=["inference"], route_class=IdempotentRoute)

Limit = Annotated[int, Query(ge=1, le=100)]
_AS_PAGE: dict[int | str, dict[str, Any]] = {200: {"content": as_text("text/html")}}


@router.post("")
def create_comparison(body: ComparisonCreate, session: RequestSession, caller: Inferer) -> ComparisonOut:
    """Compare two models on prompts of a held-out file, in the background, on the team's budget."""
    try:
        comparison = actions.create_comparison(session, caller.team, caller.account_id, body)
    except Asleep as asleep:
        session.rollback()  # its locks are not held meanwhile
        with transaction() as own:
            wake_named(own, caller.team, asleep.model_id)
        raise
    return comparison_out(comparison, [], [], with_results=False)


@router.get("")
def list_comparisons(
    session: RequestSession, caller: Reader, after: str | None = None, limit: Limit = 20
) -> ListOut[ComparisonOut]:
    """List comparisons, newest first, without the individual answers."""
    found = queries.list_comparisons(session, caller.team, after, limit)
    ids = [one.id for one in found.rows]
    prompts, answers = queries.prompts_of(session, ids), queries.answers_of(session, ids, with_texts=False)
    wires = [
        comparison_out(
            one,
            [prompt for prompt in prompts if prompt.comparison_id == one.id],
            [answer for answer in answers if answer.comparison_id == one.id],
            with_results=False,
        )
        for one in found.rows
    ]
    return list_out(wires, found.has_more)


@router.get("/{comparison_id}", response_model=ComparisonOut, responses=_AS_PAGE)
def retrieve_comparison(
    comparison_id: str, request: Request, session: RequestSession, caller: Reader
) -> ComparisonOut | Response:
    """Get a comparison with all its answers; with `Accept: text/html`, as an HTML page."""
    comparison = queries.get_comparison(session, caller.team, comparison_id)
    prompts = queries.prompts_of(session, [comparison.id])
    answers = queries.answers_of(session, [comparison.id], with_texts=True)
    report = comparison_out(comparison, prompts, answers, with_results=True)
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(page.render(report), headers=page.HEADERS)
    return report
