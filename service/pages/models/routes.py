"""The pages of models: the list, and one model with its family."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.core.clock import unix
from service.core.http.web import RequestSession
from service.models import queries
from service.models.aliases.routes import list_aliases
from service.models.lineage.graph import Graph
from service.models.lineage.queries import lineage
from service.models.routes import every_model, retrieve_model
from service.models.shutdowns.routes import list_shutdowns
from service.pages import charts
from service.pages.listing import Column, Field, Listing, amount
from service.pages.models.family import boxes
from service.pages.render import show
from service.pages.words import dollars, moment
from service.settings import settings
from service.teams.access import Reader
from service.teams.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute)

_MOST_RELATIVES = 40
_WIDTH = 1060


@router.get("/models")
def models(request: Request, session: RequestSession, caller: Reader) -> Response:
    """List the team's models, and the bases on offer."""
    found = every_model(session, caller)
    pointed: dict[str, list[str]] = {}
    for alias in list_aliases(session, caller).data:
        if alias.model:
            pointed.setdefault(alias.model, []).append(alias.name)
    tuned = Listing(
        "tuned",
        "Your models",
        (
            Column("Model"),
            Column("Base"),
            Column("Aliases"),
            Column("Created", True),
            Column("Shuts down", True),
        ),
        [
            (
                Field(model.id, href=f"/models/{model.id}"),
                Field(model.tunehouse.base_model),
                Field(", ".join(pointed.get(model.id, ()))),
                Field(moment(model.created)),
                Field(model.shutdown_date or ""),
            )
            for model in found
            if model.tunehouse.job_id
        ],
        empty="No model yet. Train one on a dataset.",
    )
    bases = Listing(
        "bases",
        "Base models on offer",
        (
            Column("Model"),
            Column("Provider"),
            Column("Methods"),
            Column("Training ends", True),
            Column("Shuts down", True),
        ),
        [
            (
                Field(model.id),
                Field(model.tunehouse.provider),
                Field(", ".join(model.tunehouse.methods or ())),
                Field(model.tunehouse.training_ends or ""),
                Field(model.shutdown_date or ""),
            )
            for model in found
            if not model.tunehouse.job_id
        ],
        empty="No provider is configured.",
    )
    return show(request, "models.html", lists=[tuned, bases])


@router.get("/models/{model_id:path}")
def model(request: Request, model_id: str, session: RequestSession, caller: Reader) -> Response:
    """Show a model: where it comes from, who uses it, when it stops answering."""
    shown = retrieve_model(model_id, session, caller)
    if not shown.tunehouse.job_id:
        return show(request, "base_model.html", model=shown)
    row = queries.get_model(session, caller.team, shown.id, deleted_too=True)
    graph = lineage(session, row, "both", _MOST_RELATIVES, _MOST_RELATIVES)
    dying = {name for one in list_shutdowns(session, caller).data for name in one.models}
    aliases = [one for one in list_aliases(session, caller).data if one.model == shown.id]
    return show(
        request,
        "model.html",
        lists=[_family(graph)],
        model=shown,
        created=unix(row.created_at),
        training_file=row.training_file,
        aliases=aliases,
        drawing=charts.lineage(boxes(graph, dying), _WIDTH),
        is_truncated=graph.truncated,
        cost=[
            ("Training", dollars(graph.cumulative_cost_usd.training)),
            ("Of that, failed attempts", dollars(graph.cumulative_cost_usd.attempts)),
            ("Use", dollars(graph.cumulative_cost_usd.use)),
            ("Together", dollars(graph.cumulative_cost_usd.total)),
        ],
        base=settings().public_url,
    )


def _family(graph: Graph) -> Listing:
    return Listing(
        "family",
        "Family",
        (Column("Kind"), Column("Name"), Column("Id"), Column("Created", True), Column("Cost, USD", True)),
        [
            (
                Field(node.kind),
                Field(node.label),
                Field(node.id),
                Field(moment(node.created_at)),
                amount(node.cost_usd),
            )
            for node in graph.nodes
        ],
    )
