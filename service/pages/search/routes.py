"""Find anything by its id or a part of its name, within what the caller may see."""

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from service.core.http.web import RequestSession
from service.errors import NotFound
from service.files.queries import get_file, list_files
from service.files.tables import Purpose
from service.jobs.queries import get_job, list_jobs
from service.models.aliases.routes import list_aliases
from service.models.queries import get_model
from service.models.routes import every_model
from service.pages.listing import Column, Field, Listing
from service.pages.render import leave, show
from service.teams.access import Caller, CurrentCaller
from service.teams.idempotency import IdempotentRoute
from service.teams.keys.scopes import Scope
from service.teams.routes import list_teams

router = APIRouter(route_class=IdempotentRoute)

_MOST = 20
_MOST_TEAMS = 1000
Hit = tuple[str, str, str, str]  # kind, name, id, address


@router.get("/search")
def search(request: Request, session: RequestSession, caller: CurrentCaller, q: str = "") -> Response:
    """Open what the id names; otherwise list what has the words in its name."""
    words = q.strip()
    if caller.team_id is not None:
        caller.require_scope(Scope.READ)
        address = _by_id(session, caller, words)
        if address is not None:
            return leave(request, address)
    hits = _by_name(session, caller, words) if words else []
    listing = Listing(
        "found",
        f"{len(hits)} found",
        (Column("Name"), Column("Kind"), Column("Id")),
        [
            (Field(name, href=address), Field(kind), Field(id_, mono=True))
            for kind, name, id_, address in hits
        ],
        empty="Nothing has this id, or these words in its name."
        if words
        else "Type an id or a part of a name.",
    )
    return show(request, "search.html", lists=[listing], q=words)


def _by_id(session: Session, caller: Caller, id_: str) -> str | None:
    try:
        if id_.startswith("ftjob-"):
            return f"/jobs/{get_job(session, caller.team, id_).id}"
        if id_.startswith("file-"):
            return f"/datasets/{get_file(session, caller.team, id_).id}"
        if id_.startswith("ft:"):
            return f"/models/{quote(get_model(session, caller.team, id_).id)}"
    except NotFound:
        return None
    return None


def _by_name(session: Session, caller: Caller, words: str) -> list[Hit]:
    found: list[Hit] = []
    if caller.is_admin:
        found += [
            ("team", team.name, team.id, f"/?team={team.id}")
            for team in list_teams(session, caller, limit=_MOST_TEAMS).data
            if _matches(words, team.name, team.slug, team.id)
        ][:_MOST]
    if caller.team_id is None:
        return found
    files = list_files(
        session, caller.team, purpose=Purpose.FINE_TUNE, after=None, limit=_MOST, order="desc", name=words
    )
    found += [("dataset", file.filename, file.id, f"/datasets/{file.id}") for file in files.rows]
    jobs = list_jobs(session, caller.team, after=None, limit=_MOST, metadata=None, name=words)
    found += [("job", job.suffix or job.model, job.id, f"/jobs/{job.id}") for job in jobs.rows]
    models = [model.id for model in every_model(session, caller) if _matches(words, model.id)]
    found += [("model", model, model, f"/models/{quote(model)}") for model in models[:_MOST]]
    aliases = [alias for alias in list_aliases(session, caller).data if _matches(words, alias.name)]
    return found + [("alias", one.name, one.model or "", f"/aliases/{one.name}") for one in aliases[:_MOST]]


def _matches(words: str, *texts: str) -> bool:
    return any(words.casefold() in text.casefold() for text in texts)
