"""The dataset report. It stands above `files` because it names the models trained on the dataset."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from service.core.clock import unix
from service.core.http.web import RequestSession, Route, as_text
from service.files import counting
from service.files.costs import costs_of
from service.files.overlap import shared_rows
from service.files.queries import get_file, report_of
from service.files.report_page import HEADERS, page
from service.files.schemas import ProblemOut, ReportOut, TrainedOut, report_out
from service.files.tables import File
from service.models.queries import trained_on
from service.teams.access import Reader

router = APIRouter(prefix="/v1/files", tags=["files"], route_class=Route)

_MOST_TRAINED = 100
_MOST_SHARED = 25
_PAGES: dict[int | str, dict[str, Any]] = {200: {"content": as_text("text/html")}}


@router.get("/{file_id}/report", response_model=ReportOut, responses=_PAGES)
def retrieve_report(
    file_id: str,
    session: RequestSession,
    caller: Reader,
    validation_file: Annotated[
        str | None, Query(description="The id of a file to find rows in that this one has too.")
    ] = None,
    accept: Annotated[str, Header(description="`text/html` for a page, else JSON.")] = "",
) -> ReportOut | Response:
    """Get a file's check report, with the cost of training on it for every model that it fits.

    With `validation_file`, the warnings include the rows that both files contain. Send `Accept: text/html`
    for a page.
    """
    file = get_file(session, caller.team, file_id)
    report = report_of(file)
    counting.order(session, file)  # for bases that have come on offer since the file was checked
    counted = counting.counted(session, file)
    out = report_out(file, report, costs_of(session, report, counted), counted)
    out.trained_models = [
        TrainedOut(id=model.id, job_id=model.job_id, created_at=unix(model.created_at))
        for model in trained_on(session, file, _MOST_TRAINED)
    ]
    if validation_file is not None:
        _compare(session, out, file, get_file(session, caller.team, validation_file))
    if "text/html" in accept:
        return HTMLResponse(page(out, file.filename), headers=HEADERS)
    return out


def _compare(session: Session, out: ReportOut, training: File, validation: File) -> None:
    shared, count = shared_rows(session, training, validation, _MOST_SHARED)
    if count:
        out.warnings += [ProblemOut.model_validate(problem) for problem in shared]
        out.warning_count += count
        out.warning_counts[shared[0].code] = count
