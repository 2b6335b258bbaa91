"""May this job run, what will it cost, and does the budget hold that? Asked before anything is sent."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from service.catalog.prices import Price, price_at
from service.dataset.auto import auto_epochs
from service.errors import InvalidRequest, NotFound
from service.files.costs import billed_tokens
from service.files.counting import BaseTokens, exact_tokens
from service.files.overlap import shared_sentence
from service.files.queries import get_file, report_of
from service.files.tables import File
from service.jobs.schemas import JobCreate, Method, Supervised
from service.ledger.actions import place_hold
from service.ledger.money import usd
from service.models.queries import Target


@dataclass(frozen=True)
class Plan:
    """What a job would take, from its training file's report and today's price.

    `training_hours` are None where training is billed by the token, else the most that are expected. `exact`
    is what the base's own tokenizer made of the file, where that was counted.
    """

    n_epochs: int
    trained_tokens: int | None
    training_hours: Decimal | None
    exact: BaseTokens | None
    price: Price
    cost_usd: Decimal
    upper_bound_usd: Decimal | None


def method_of(body: JobCreate) -> Method:
    """The method that a request means: the one it names, else supervised with the top-level settings."""
    if body.method is not None and body.hyperparameters is None:
        return body.method
    settings = Supervised(hyperparameters=body.hyperparameters) if body.hyperparameters else Supervised()
    return Method(type="supervised", supervised=settings)


def check_file(file: File, wanted_format: str, param: str) -> None:
    """Refuse a file that cannot serve; one still being checked passes for now.

    Raises `InvalidRequest` naming `param`.
    """
    if file.purpose != "fine-tune":
        raise InvalidRequest(f"{file.id} has the purpose '{file.purpose}', not 'fine-tune'.", param=param)
    if file.status == "error":
        raise InvalidRequest(
            f"{file.id} did not pass its checks ({file.status_details}); see GET /v1/files/{file.id}/report.",
            param=param,
            code="invalid_file",
        )
    if file.status == "processed" and file.format != wanted_format:
        raise InvalidRequest(
            f"{file.id} is in the {file.format} format; this model and method train on {wanted_format} data.",
            param=param,
            code="wrong_file_format",
        )


def check_files(
    session: Session, team_id: str, wanted_format: str, training_file: str, validation_file: str | None
) -> File | None:
    """The training file once all files are through their checks, else None.

    Raises `InvalidRequest` for a file that is missing, foreign or unfit.
    """
    named = {"training_file": training_file} | (
        {"validation_file": validation_file} if validation_file else {}
    )
    files = {param: _file(session, team_id, file_id, param) for param, file_id in named.items()}
    for param, file in files.items():
        check_file(file, wanted_format, param)
    return files["training_file"] if all(file.status == "processed" for file in files.values()) else None


def plan(
    session: Session,
    target: Target,
    method: str,
    hyperparameters: dict[str, Any],
    file: File,
    *,
    max_cost_usd: Decimal | None = None,
) -> Plan:
    """What training on `file` takes. Raises `PriceUnknown`.

    Training by the hour is stopped at the job's own limit `max_cost_usd`, which therefore bounds its cost.
    """
    report = report_of(file)
    asked = hyperparameters.get("n_epochs", "auto")
    n_epochs = auto_epochs(report.examples) if asked == "auto" else int(asked)
    base = target.base
    kind = base.training_kind(method)
    price = price_at(session, provider_kind=base.provider_kind, model=base.id, kind=kind, method=method)
    exact = exact_tokens(session, file, target.provider, base.id)
    tokens = billed_tokens(report, base.token_limit, n_epochs, exact)
    hours = base.training_hours(tokens) if kind.unit == "hours" else None
    cost = price.amount_for(tokens if hours is None else hours)
    bound = None if hours is not None and base.tokens_per_hour is None else cost
    if hours is not None and max_cost_usd is not None:
        cost = bound = max_cost_usd if bound is None else min(bound, max_cost_usd)
    trained = None if method == "reinforcement" else tokens
    return Plan(n_epochs, trained, hours, exact, price, cost, bound)


def hold_cost(session: Session, team_id: str, job_id: str, key_id: str, planned: Plan) -> Decimal:
    """Reserve the estimated cost on the team's, the key's and the job's own budget, and return it.

    Raises `BudgetExceeded` with the figures.
    """
    place_hold(session, team_id=team_id, subject_id=job_id, amount_usd=planned.cost_usd, key_id=key_id)
    return planned.cost_usd


def _file(session: Session, team_id: str, file_id: str, param: str) -> File:
    try:
        return get_file(session, team_id, file_id)
    except NotFound as missing:
        raise InvalidRequest(
            f"There is no file {file_id!r}.", param=param, code="file_not_found"
        ) from missing


def shared_rows(session: Session, team_id: str, training: File, validation_file: str | None) -> str | None:
    """What to say of a validation file that repeats the training file; None when there is nothing to say."""
    if validation_file is None:
        return None
    return shared_sentence(session, training, get_file(session, team_id, validation_file))


def warnings(
    target: Target,
    file: File,
    planned: Plan,
    remaining_usd: Decimal | None,
    shared: str | None = None,
    ends_on: date | None = None,
) -> list[str]:
    """What the caller should know before creating the job, in sentences; `shared` is one of them."""
    found = [shared] if shared else []
    if remaining_usd is not None and planned.cost_usd > remaining_usd:
        found.append(f"The budget has ${usd(remaining_usd)} left; this job would be refused.")
    if planned.upper_bound_usd is None:
        found.append(
            f"Nobody knows beforehand how long this trains: ${usd(planned.cost_usd)} is held for the first "
            "hour, and each further hour as it comes. A max_cost_usd bounds it."
        )
    if ends_on is not None:
        found.append(f"{target.model_id} shuts down on {ends_on}, and what is tuned from it too.")
    if planned.exact and planned.exact.truncated:
        found.append(
            f"{planned.exact.truncated} examples are longer than the model can see; their ends will be cut."
        )
    if planned.exact:
        return found
    report = report_of(file)
    lost = report.tokens.total - billed_tokens(report, target.base.token_limit, 1)
    if lost:
        found.append(f"{lost} tokens lie beyond the model's limit per example and will not be trained on.")
    return found
