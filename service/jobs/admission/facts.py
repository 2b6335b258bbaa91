"""Everything that the database knows about a job that is asked for, read in one statement."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Select, String, bindparam, select
from sqlalchemy.orm import Session

from service.catalog.offers import Offer, find_base
from service.catalog.price import STANDARD
from service.catalog.prices import in_force
from service.catalog.tables import PriceRow
from service.core import clock
from service.core.gather import first_of_each
from service.files.queries import living
from service.files.tables import File, TokenCount
from service.jobs.admission.request import JobRequest
from service.jobs.blocks import BlockKind, blocks_on, credentials_of
from service.jobs.tables import ProviderBlock
from service.models.queries import Target, meant, named
from service.models.shutdowns.tables import AnnouncedShutdown


@dataclass(frozen=True)
class AdmissionFacts:
    """Rows about a job that is asked for; each is None if there is none.

    `tokens` is the count of the training file by the base's own tokenizer, `closed` the provider's refusal of
    all training.
    """

    training: File | None
    validation: File | None
    price: PriceRow | None
    tokens: TokenCount | None
    announced: AnnouncedShutdown | None
    closed: ProviderBlock | None


def read_facts(session: Session, request: JobRequest) -> tuple[Target, AdmissionFacts]:
    """Resolve the model of a request, and read the facts about a job on it. Raises `NotFound`.

    The facts are read together with the name, for the base of that name. If the name is a tuned model's or an
    alias, they are read again. A job that exists keeps its price and its files.
    """
    statement = _statement(request.job_id is None, request.price_id is None)
    assumed = find_base(request.model)
    alias, tuned, *rows = session.execute(statement, _values(request, assumed)).one()
    target = meant(request.model, alias, tuned)
    if target.offer != assumed:
        _, _, *rows = session.execute(statement, _values(request, target.offer)).one()
    return target, AdmissionFacts(*rows)


def _values(request: JobRequest, offer: Offer | None) -> dict[str, Any]:
    values = {
        "team_id": request.team_id,
        "name": request.model,
        "training_file": request.training_file,
        "validation_file": request.validation_file,
        "price_id": request.price_id,
        "method": request.method,
        "now": clock.now(),
    }
    of_base = dict.fromkeys(("provider", "model", "provider_kind", "price_kind", "credentials"))
    if offer is None:
        return values | of_base
    return values | {
        "provider": offer.provider_name,
        "model": offer.model.id,
        "provider_kind": offer.model.provider_kind,
        "price_kind": offer.model.training_kind(request.method).value,
        "credentials": credentials_of(offer.provider_name),
    }


@cache
def _statement(is_new: bool, at_todays_price: bool) -> Select[Any]:
    provider: BindParameter[str] = bindparam("provider")
    model: BindParameter[str] = bindparam("model")
    todays = in_force(bindparam("provider_kind"), model, bindparam("method"), STANDARD, bindparam("now"))
    training = _file(bindparam("training_file"), is_new)
    return first_of_each(
        *named(bindparam("team_id", type_=String), bindparam("name", type_=String)),
        training,
        _file(bindparam("validation_file"), is_new),
        todays.where(PriceRow.kind == bindparam("price_kind"))
        if at_todays_price
        else select(PriceRow).where(PriceRow.id == bindparam("price_id")),
        select(TokenCount).where(
            TokenCount.team_id == bindparam("team_id"),
            TokenCount.sha256 == training.with_only_columns(File.sha256).scalar_subquery(),
            TokenCount.provider == provider,
            TokenCount.model == model,
        ),
        select(AnnouncedShutdown).where(
            AnnouncedShutdown.provider == provider, AnnouncedShutdown.model == model
        ),
        blocks_on(provider, model, bindparam("credentials"), (BlockKind.WOUND_DOWN,)),
    )


def _file(file_id: Any, is_new: bool) -> Select[File]:
    # A job keeps its files, even past their expiry.
    team_id: BindParameter[str] = bindparam("team_id")
    usable = living(team_id) if is_new else select(File).where(File.team_id == team_id)
    return usable.where(File.id == file_id)
