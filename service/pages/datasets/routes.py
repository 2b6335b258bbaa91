"""The pages of datasets."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from service.core.http.web import RequestSession
from service.errors import Conflict, NotFound, TunehouseError
from service.files import creating, queries
from service.files.intake import receive
from service.files.routes import delete_file
from service.files.schemas import ReportOut, file_out
from service.files.tables import FileStatus, Purpose
from service.models.dataset_reports.routes import retrieve_report
from service.models.lineage.impact import impact
from service.pages.datasets import report as tables
from service.pages.datasets.lines import lines_around
from service.pages.forms import require_token
from service.pages.listing import Column, Field, Listing, more_after, rows_of
from service.pages.render import leave, render, show
from service.pages.words import moment, size
from service.settings import settings
from service.teams.access import Caller, Reader, Trainer
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)
uploads = APIRouter()  # `IdempotentRoute` would read a file whole

_MOST_DESCENDANTS = 100


@router.get("/datasets")
def datasets(
    request: Request, session: RequestSession, caller: Reader, q: str = "", after: str | None = None
) -> Response:
    """List the team's datasets."""
    page = queries.list_files(
        session,
        caller.team,
        purpose=Purpose.FINE_TUNE,
        after=after,
        limit=rows_of(request),
        order="desc",
        name=q,
    )
    listing = Listing(
        "datasets",
        "Datasets",
        (Column("Name"), Column("State"), Column("Format"), Column("Uploaded", True), Column("Size", True)),
        [
            (
                Field(file.filename, href=f"/datasets/{file.id}", sub=file.id),
                Field(file.status, state=file.status, sub=file.status_details or ""),
                Field(file.format or ""),
                Field(moment(file.created_at)),
                Field(size(file.size_bytes)),
            )
            for file in page.rows
        ],
        empty="No dataset matches." if q else "No data yet. Upload a file to have it checked and priced.",
        more=more_after(request, page.rows[-1].id if page.rows else None, page.has_more),
    )
    return show(request, "datasets.html", lists=[listing], q=q)


@router.get("/datasets/new")
def upload_page(request: Request, _: Trainer) -> Response:
    """Show the form for an upload."""
    return render(request, "upload.html", error="", most=settings().max_file_bytes)


@uploads.post("/datasets/new")
async def upload(request: Request, caller: Trainer) -> Response:
    """Store an uploaded file. Its check runs in the background."""
    try:
        async with receive(
            request,
            team_id=caller.team,
            file_field="file",
            fields=("csrf", *creating.FIELDS),
            limit_bytes=settings().max_file_bytes,
        ) as received:
            require_token(received.fields.get("csrf"), request.state.csrf)
            wanted = creating.read_form(received)
            file_id = await run_in_threadpool(creating.create_now, caller.team, wanted)
    except TunehouseError as refusal:
        return render(
            request, "upload.html", status=422, error=refusal.message, most=settings().max_file_bytes
        )
    return leave(request, f"/datasets/{file_id}")


@router.get("/datasets/{file_id}")
def dataset(request: Request, file_id: str, session: RequestSession, caller: Reader) -> Response:
    """Show a dataset: whether it is good enough to pay for, and what it would cost where."""
    file = queries.get_file(session, caller.team, file_id)
    shown: dict[str, Any] = {"file": file_out(file), "is_checked": file.status != FileStatus.UPLOADED}
    try:
        report = retrieve_report(file_id, session, caller)
    except (Conflict, NotFound):
        return show(request, "dataset.html", **shown, report=None)
    assert isinstance(report, ReportOut)  # noqa: S101 - HTML is only for those who ask for it
    return show(
        request,
        "dataset.html",
        lists=[
            tables.errors(file_id, report),
            tables.warnings(file_id, report),
            tables.costs(file_id, report),
            tables.advice(report),
            _descendants(session, caller, file_id),
        ],
        **shown,
        report=report,
        histogram=tables.histogram(report),
    )


@router.get("/datasets/{file_id}/lines/{line}")
def line_page(
    request: Request,
    file_id: str,
    line: Annotated[int, Path(ge=1)],
    session: RequestSession,
    caller: Reader,
) -> Response:
    """Show one line of a dataset with its neighbours, and what was found in it."""
    file = queries.get_file(session, caller.team, file_id)
    content = queries.find_content(session, file)
    if content is None:
        raise NotFound(f"The content of {file_id} has been deleted.")
    report = queries.report_of(file)
    found = [one for one in (*report.errors, *report.warnings) if one.line == line]
    return show(
        request,
        "line.html",
        file=file_out(file),
        line=line,
        around=lines_around(queries.stream(content), line),
        problems=found,
    )


@router.get("/datasets/{file_id}/delete")
def ask_to_delete(request: Request, file_id: str, session: RequestSession, caller: Trainer) -> Response:
    """Ask whether to delete a dataset."""
    file = queries.get_file(session, caller.team, file_id)
    return render(
        request,
        "ask.html",
        title=f"Delete {file.filename}?",
        words="Its bytes are deleted here and at the providers. Models trained on it keep its hash.",
        pairs=[("Size", size(file.size_bytes)), ("Uploaded", moment(file.created_at))],
        action=f"/datasets/{file_id}/delete",
        back=f"/datasets/{file_id}",
        no="Keep it",
        yes="Delete",
    )


@router.post("/datasets/{file_id}/delete")
def delete(request: Request, file_id: str, session: RequestSession, caller: Trainer) -> Response:
    """Delete a dataset."""
    delete_file(file_id, session, caller)
    return leave(request, "/datasets", "The dataset is deleted.")


def _descendants(session: RequestSession, caller: Caller, file_id: str) -> Listing:
    found = impact(session, caller.team, file_id, _MOST_DESCENDANTS)
    return Listing(
        "descendants",
        "Models that learned from it",
        (Column("Model"), Column("How")),
        [
            (
                Field(model.id, href=f"/models/{model.id}"),
                Field("trained on it" if model.direct else "through a parent"),
            )
            for model in found.models
        ],
        empty="No model was trained on it.",
    )
