"""Decide whether a job may run: the one place that knows every rule.

An estimate, a create, the admission of a job whose files were still being checked, a retrain and the last
look before a job is sent all call `check_admission`; `check_budget` and `hold_cost` then ask the ledger.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from service.catalog.offers import check_trainable
from service.catalog.prices import Price
from service.core import clock
from service.dataset.limits import MIN_EXAMPLES
from service.errors import InvalidRequest, TrainingNotAvailable
from service.files.counting import tokens_of
from service.files.queries import report_of
from service.files.tables import File
from service.jobs.admission.estimate import JobEstimate, estimate_job, find_price
from service.jobs.admission.facts import AdmissionFacts, read_facts
from service.jobs.admission.fit import check_fit
from service.jobs.admission.graders import check_grader
from service.jobs.admission.request import JobRequest
from service.ledger.actions import place_hold
from service.ledger.budgets.actions import set_budget
from service.models.queries import Target
from service.models.shutdowns.checks import check_shutdown
from service.teams.actions import team_in_service

CLOSED = "The provider takes no new fine-tuning jobs"
_TRIAL = "estimate"  # holds of this subject are rolled back


@dataclass(frozen=True)
class Admission:
    """A job that may run: its model, its price, and its estimate once all its files are checked.

    `training`, `validation` and `estimate` are None while a file is still being checked. `ends_on` is the day
    on which the model shuts down, if that is known.
    """

    target: Target
    price: Price
    ends_on: date | None
    training: File | None
    validation: File | None
    estimate: JobEstimate | None


def check_admission(session: Session, request: JobRequest) -> Admission:
    """Check everything about a job but its budget.

    Raises `Conflict` for a new job of an archived team, `NotFound` for an unknown model, `InvalidRequest`,
    `TrainingNotAvailable` or `PriceUnknown`.
    """
    if request.job_id is None:
        team_in_service(session, request.team_id)
    target, facts = read_facts(session, request)
    check_trainable(target.offer, request.method, clock.now().date())
    ends_on = check_shutdown(session, target, facts.announced, acknowledged=request.acknowledges_shutdown)
    _check_open(facts)
    if request.method == "reinforcement" and request.validation_file is None:
        raise InvalidRequest(
            "The reinforcement method needs a validation file. Send 'validation_file' with the id of a file "
            "in the same format as the training file.",
            param="validation_file",
            code="validation_file_required",
        )
    check_grader(request.grader)
    check_fit(target, request)
    training = _check_files(facts, request, target.base.formats[request.method])
    price = find_price(facts, target, request)
    if training is None:
        return Admission(target, price, ends_on, None, None, None)
    estimate = estimate_job(target, request, training, price, tokens_of(facts.tokens))
    return Admission(target, price, ends_on, training, facts.validation, estimate)


def hold_cost(session: Session, request: JobRequest, estimate: JobEstimate | None) -> None:
    """Set the job's own limit and hold its estimated cost, if it is known already.

    Raises `BudgetExceeded`, with the figures, for the budget that cannot cover it: the job's, its key's or
    its team's.
    """
    job_id = request.job_id or _TRIAL
    if request.max_cost_usd is not None:
        set_budget(
            session,
            request.team_id,
            limit_usd=request.max_cost_usd,
            period="total",
            scope="job",
            account_id=job_id,
        )
    if estimate is not None:
        place_hold(
            session,
            team_id=request.team_id,
            subject_id=job_id,
            amount_usd=estimate.cost_usd,
            key_id=request.key_id,
        )


def check_budget(session: Session, request: JobRequest, estimate: JobEstimate) -> None:
    """Raise the `BudgetExceeded` that `hold_cost` would raise, and hold nothing."""
    trial = session.begin_nested()
    try:
        hold_cost(session, request, estimate)
    finally:
        trial.rollback()


def _check_open(facts: AdmissionFacts) -> None:
    """Refuse a job for a provider that has ended all training for us. Raises `TrainingNotAvailable`."""
    if facts.closed is not None:
        raise TrainingNotAvailable(f"{CLOSED}: {facts.closed.message}", param="model")


def _check_files(facts: AdmissionFacts, request: JobRequest, wanted_format: str) -> File | None:
    """The training file once all files are checked, else None. Raises `InvalidRequest`."""
    files = {"training_file": _there(facts.training, request.training_file, "training_file")}
    if request.validation_file:
        files["validation_file"] = _there(facts.validation, request.validation_file, "validation_file")
    for param, file in files.items():
        _check_file(file, wanted_format, param)
    _check_size(files["training_file"])
    return files["training_file"] if all(file.status == "processed" for file in files.values()) else None


def _check_size(training: File) -> None:
    """Refuse a training file with too few examples; a validation file may have any number."""
    if training.status != "processed" or training.report is None:
        return
    examples = report_of(training).examples
    if examples < MIN_EXAMPLES:
        raise InvalidRequest(
            f"{training.id} has {examples} example(s). A training file needs at least {MIN_EXAMPLES}.",
            param="training_file",
            code="too_few_examples",
        )


def _there(file: File | None, file_id: str, param: str) -> File:
    if file is None:
        raise InvalidRequest(f"There is no file {file_id!r}.", param=param, code="file_not_found")
    return file


def _check_file(file: File, wanted_format: str, param: str) -> None:
    """Refuse a file that cannot be used; one that is still being checked is accepted for now."""
    if file.purpose != "fine-tune":
        raise InvalidRequest(
            f"{file.id} has the purpose '{file.purpose}'. Upload it again with the purpose 'fine-tune'.",
            param=param,
        )
    if file.status == "error":
        raise InvalidRequest(
            f"{file.id} did not pass its checks ({file.status_details}). "
            f"See GET /v1/files/{file.id}/report for every problem.",
            param=param,
            code="invalid_file",
        )
    if file.status == "processed" and file.format != wanted_format:
        raise InvalidRequest(
            f"{file.id} is in the {file.format} format; this model and method train on {wanted_format} data.",
            param=param,
            code="wrong_file_format",
        )
