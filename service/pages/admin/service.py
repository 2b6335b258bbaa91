"""The pages of the service's own state: status, providers, and work."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.app.providers import list_providers
from service.app.status import PartStatus, status
from service.core.backlog import count_by_kind, list_work
from service.core.http.web import RequestSession
from service.core.work import hasten
from service.jobs.blocks import BlockKind
from service.jobs.upstream.routes import delete_block, list_blocks, list_orphans
from service.pages.forms import Posted
from service.pages.listing import Column, Field, Listing, rows_of
from service.pages.render import leave, show
from service.pages.words import count, moment
from service.teams.access import Admin
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)

_MOST_ORPHANS = 50


@router.get("/admin/status")
def status_page(request: Request, _: Admin) -> Response:
    """Show whether every part works, and what to do about those that do not."""
    whole = status()
    parts: list[tuple[str, PartStatus | None]] = [
        ("Database", whole.database),
        ("Storage", whole.storage),
        ("Broker", whole.broker),
        ("Workers", whole.workers),
    ]
    listing = Listing(
        "parts",
        "Parts",
        (Column("Part"), Column("State"), Column("What to do")),
        [
            (
                Field(name),
                Field("unknown")
                if part is None
                else Field("ok" if part.ok else "down", state="ok" if part.ok else "down"),
                Field((part.problem if part else "") or ""),
            )
            for name, part in parts
        ],
    )
    return show(request, "status.html", lists=[listing], whole=whole)


@router.get("/admin/providers")
def providers(request: Request, session: RequestSession, caller: Admin) -> Response:
    """Show whether providers are up, what blocks jobs, and what is there that is nobody's."""
    found = list_providers(request, caller).data
    return show(
        request,
        "providers.html",
        lists=[
            Listing(
                "providers",
                "Providers",
                (Column("Name"), Column("Kind"), Column("State"), Column("Circuit"), Column("Checked", True)),
                [
                    (
                        Field(one.name, sub=", ".join(one.blocks)),
                        Field(one.kind),
                        Field(
                            "healthy" if one.healthy else "unreachable",
                            state="healthy" if one.healthy else "unreachable",
                            sub=one.problem or "",
                        ),
                        Field(one.circuit),
                        Field(moment(one.checked_at)),
                    )
                    for one in found
                ],
                empty="No provider is configured.",
            ),
            Listing(
                "blocks",
                "Blocks: jobs wait for these",
                (Column("Provider"), Column("Kind"), Column("Why"), Column("Until", True), Column("")),
                [
                    (
                        Field(one.provider, sub=one.model or "all models"),
                        Field(one.kind),
                        Field(one.message),
                        Field(moment(one.until) if one.until else "you lift it"),
                        Field("Lift", post=f"/admin/providers/{one.provider}/{one.kind}/lift"),
                    )
                    for one in list_blocks(session, caller).data
                ],
                empty="No block is in force.",
            ),
            Listing(
                "orphans",
                "Found at providers, and nobody’s",
                (Column("Id"), Column("Provider"), Column("Kind"), Column("Outcome"), Column("Found", True)),
                [
                    (
                        Field(one.id),
                        Field(one.provider),
                        Field(one.kind),
                        Field(one.outcome),
                        Field(moment(one.found_at)),
                    )
                    for one in list_orphans(session, caller).data[:_MOST_ORPHANS]
                ],
                empty="Nothing was found.",
            ),
        ],
    )


@router.post("/admin/providers/{provider}/{kind}/lift")
def lift(
    request: Request, provider: str, kind: BlockKind, session: RequestSession, caller: Admin
) -> Response:
    """Lift a block, and wake the jobs that waited for it."""
    delete_block(provider, kind, session, caller)
    return leave(request, "/admin/providers", "The block is lifted.")


@router.get("/admin/work")
def work(request: Request, session: RequestSession, _: Admin, only: str = "") -> Response:
    """List units of work, the longest overdue first: what is stuck, since when, and why."""
    rows = list_work(session, failing=only == "failing", limit=rows_of(request))
    listing = Listing(
        "work",
        "Work",
        (
            Column("Kind"),
            Column("Subject"),
            Column("State"),
            Column("Due", True),
            Column("Attempts", True),
            Column("Last error"),
            Column(""),
        ),
        [
            (
                Field(one.kind),
                Field(one.subject_id, sub=one.team_id or ""),
                Field(one.state, state=one.state),
                Field(moment(one.due_at)),
                Field(count(one.attempts) if one.attempts else ""),
                Field((one.last_error or "")[:200]),
                Field("Run now", post=f"/admin/work/run?{_query(one.kind, one.subject_id)}"),
            )
            for one in rows
        ],
        empty="Nothing fails." if only else "Nothing is left to do.",
    )
    kinds = Listing(
        "kinds",
        "By kind",
        (Column("Kind"), Column("Units", True), Column("Due", True)),
        [
            (Field(kind), Field(count(units)), Field(count(due) if due else ""))
            for kind, units, due in count_by_kind(session)
        ],
        empty="Nothing is left to do.",
    )
    return show(request, "work.html", lists=[listing, kinds], only=only, backlog=status().backlog)


@router.post("/admin/work/run")
def run_now(
    request: Request, _form: Posted, session: RequestSession, _: Admin, kind: str, subject_id: str
) -> Response:
    """Make a unit of work due now."""
    hasten(session, kind, subject_id)
    return leave(request, "/admin/work", "A worker takes it up now.")


def _query(kind: str, subject_id: str) -> str:
    return urlencode({"kind": kind, "subject_id": subject_id})
