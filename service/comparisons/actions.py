"""Create comparisons, record answers, and end them.

A comparison holds its maximum cost on the budget. Each answer is charged in the transaction that stores it,
and the hold shrinks with each finished prompt.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import null, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.catalog.prices import PriceKind
from service.comparisons import grading, queries
from service.comparisons.answered import ENDPOINT, Answered, Used
from service.comparisons.grading import Grader
from service.comparisons.prompts import HeldOut
from service.comparisons.queries import Call
from service.comparisons.schemas import ComparisonCreate
from service.comparisons.tables import Comparison, ComparisonAnswer, ComparisonPrompt, Role, Status, Verdict
from service.core import clock, work
from service.core.ids import new_id
from service.dataset.report import CheckReport
from service.errors import InvalidRequest
from service.files.actions import mark_used, unmark_used
from service.files.queries import get_file, report_of
from service.files.tables import File
from service.gateway.metering import amounts
from service.gateway.payer import Payer
from service.gateway.targets import Priced, priced
from service.ledger import actions as ledger
from service.ledger.charges import HoldAsk, LostUse
from service.models.actions import ADVANCE_MIGRATION
from service.settings import settings

ADVANCE_COMPARISON = "comparison.advance"
# A judge answers with one word; the rest is for models that reason first.
JUDGE_TOKENS = 256
_JUDGE_FRAME_TOKENS = 200
_FRAME_TOKENS = 16


def create_comparison(
    session: Session, team_id: str, key_id: str, body: ComparisonCreate, *, migration_id: str | None = None
) -> Comparison:
    """Create a comparison.

    Raises `NotFound` for an unknown model or file, `Conflict` while the file is being checked,
    `InvalidRequest` if it is not a chat file, `PriceUnknown` and `BudgetExceeded`.
    """
    file = get_file(session, team_id, body.file_id, lock=True)
    report = prompts_report(file)
    models = [priced(session, team_id, model) for model in body.models]
    judge = priced(session, team_id, body.judge_model) if body.judge_model else None
    comparison = Comparison(
        id=new_id("cmp_"),
        team_id=team_id,
        key_id=key_id,
        file_id=file.id,
        models=[one.target.model_id for one in models],
        grader=body.grader.value,
        judge_model=judge.target.model_id if judge else None,
        prompts=min(report.examples, body.max_prompts),
        seed=body.seed,
        max_output_tokens=body.max_output_tokens,
        temperature=body.temperature,
        prompt_hold_usd=most_of_a_prompt(models, judge, report.tokens.max, body.max_output_tokens),
        status=Status.QUEUED,
        migration_id=migration_id,
        created_at=clock.now(),
    )
    session.add(comparison)
    session.flush()
    mark_used(session, file.id, used_by=comparison.id)
    _hold(session, comparison, comparison.prompts)
    work.schedule(session, ADVANCE_COMPARISON, comparison.id, team_id=comparison.team_id)
    return comparison


def prompts_report(file: File) -> CheckReport:
    """Return the report of a file with prompts.

    Raises `Conflict` while it is being checked, `InvalidRequest` if it is not a chat file.
    """
    report = report_of(file)
    if report.format != "chat" or not report.passed or not report.examples:
        raise InvalidRequest(
            f"{file.id} is not a valid chat file. Use chats that end with the expected answer.",
            param="file_id",
            code="invalid_file_format",
        )
    return report


def most_of_a_prompt(models: Iterable[Priced], judge: Priced | None, longest: int, answer: int) -> Decimal:
    """Return the maximum cost of one prompt in US dollars: the longest example, with full-length answers."""
    asked = [(model, longest + _FRAME_TOKENS, answer) for model in models]
    if judge is not None:
        asked.append((judge, longest + 2 * answer + _JUDGE_FRAME_TOKENS, JUDGE_TOKENS))
    return sum(
        (
            model.prices[PriceKind.INPUT_TOKENS].amount_for(read)
            + model.prices[PriceKind.OUTPUT_TOKENS].amount_for(written)
            for model, read, written in asked
        ),
        Decimal(0),
    )


def _hold(session: Session, comparison: Comparison, prompts: int) -> None:
    amount_usd = comparison.prompt_hold_usd * prompts
    ledger.place_hold(
        session,
        team_id=comparison.team_id,
        subject_id=comparison.id,
        amount_usd=amount_usd,
        key_id=comparison.key_id,
    )


def begin(session: Session, comparison: Comparison, prompts: Iterable[HeldOut]) -> None:
    """Store the prompts until the comparison ends."""
    rows = [
        {
            "comparison_id": comparison.id,
            "line": prompt.line,
            "messages": prompt.messages,
            "expected": prompt.expected,
            "failures": 0,
        }
        for prompt in prompts
    ]
    if not rows:
        fail(session, comparison, "None of the selected examples ends with a plain-text answer.")
        return
    session.execute(insert(ComparisonPrompt).on_conflict_do_nothing(), rows)
    comparison.prompts = len(rows)
    comparison.status = Status.RUNNING
    _hold(session, comparison, len(rows))


def note_sent(session: Session, comparison: Comparison, call: Call, lost: LostUse) -> str:
    """Note that a call is about to be sent, and return the note's id for `erase_note`.

    The note is a hold of $0, because the comparison's own hold covers the call. If the worker dies, the note
    expires, and the most that the call can have used is charged as uncertain.
    """
    note_id = new_id(f"{comparison.id}:{call.line}:{call.role}:")
    expires_at = clock.now() + timedelta(seconds=settings().inference_hold_s)
    ask = HoldAsk(comparison.team_id, note_id, Decimal(0), comparison.key_id, expires_at, lost)
    ledger.place_holds(session, [ask])
    return note_id


def erase_note(session: Session, comparison: Comparison, note_id: str) -> None:
    """Erase the note of a call whose outcome is being recorded."""
    ledger.release_hold(session, team_id=comparison.team_id, subject_id=note_id)


def tags_of(comparison: Comparison) -> dict[str, str]:
    """Return the tags of a comparison's charges."""
    return {"comparison": comparison.id}


def record_answer(session: Session, comparison: Comparison, call: Call, answered: Answered) -> None:
    """Record an answer and charge for it, once."""
    cost_usd = _charge(session, comparison, f"{call.line}:{call.role}", answered.used, "complete")
    usage = answered.used.usage
    _keep(
        session,
        comparison,
        call,
        text=answered.text.replace("\x00", ""),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=cost_usd,
        latency_ms=answered.latency_ms,
    )


def charge_unknown(session: Session, comparison: Comparison, call: Call, used: Used) -> None:
    """Charge the most that a call can have used whose outcome is unknown, as uncertain."""
    _charge(session, comparison, f"{call.line}:{call.role}:{call.failures}", used, "uncertain")


def _charge(session: Session, comparison: Comparison, place: str, used: Used, outcome: str) -> Decimal:
    subject_id = f"{comparison.id}:{place}"
    payer = Payer(comparison.team_id, comparison.key_id)
    tags = {"endpoint": ENDPOINT, "outcome": outcome} | tags_of(comparison)
    charges = amounts.charges(
        used.usage, used.terms, payer, subject_id, tags, answered_tier=used.tier, reviews=used.reviews
    )
    ledger.settle(session, team_id=comparison.team_id, subject_id=subject_id, charges=charges)
    return sum((charge.amount_usd for charge in charges), Decimal(0))


def record_refusal(session: Session, comparison: Comparison, call: Call, reason: str) -> None:
    """Record that the provider refused the prompt."""
    _keep(session, comparison, call, error=reason[:2000])


def note_failure(session: Session, comparison: Comparison, call: Call) -> None:
    """Count a failed call that will be retried."""
    this = (ComparisonPrompt.comparison_id == comparison.id, ComparisonPrompt.line == call.line)
    session.execute(update(ComparisonPrompt).where(*this).values(failures=ComparisonPrompt.failures + 1))


def _keep(
    session: Session,
    comparison: Comparison,
    call: Call,
    *,
    text: str | None = None,
    error: str | None = None,
    input_tokens: int = 0,
    output_tokens: int = 0,
    cost_usd: Decimal = Decimal(0),
    latency_ms: int = 0,
) -> None:
    prompt = session.get_one(ComparisonPrompt, (comparison.id, call.line))
    grader, score = Grader(comparison.grader), None
    if text is not None and call.role is not Role.JUDGE and grader is not Grader.JUDGE:
        labels = queries.labels_of(session, comparison.id) if grader is Grader.LABEL_ACCURACY else ()
        score = grading.score(grader, text, prompt.expected or "", labels)
    session.add(
        ComparisonAnswer(
            comparison_id=comparison.id,
            line=call.line,
            role=call.role,
            text=text,
            error=error,
            score=score,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost_usd=cost_usd,
            latency_ms=latency_ms,
            answered_at=clock.now(),
        )
    )
    session.flush()
    prompt.verdict = _verdict(session, comparison, call.line)
    if prompt.verdict is not None:
        session.flush()
        _hold(session, comparison, queries.ungraded(session, comparison.id))


def _verdict(session: Session, comparison: Comparison, line: int) -> Verdict | None:
    """Return which model did better; None if it is not decided yet."""
    first, second, judge = (session.get(ComparisonAnswer, (comparison.id, line, role)) for role in Role)
    if first is None or second is None:
        return None
    if comparison.grader != Grader.JUDGE:
        return grading.better(first.score, second.score)
    if first.error is not None or second.error is not None:
        return grading.better(_if_any(first), _if_any(second))
    if judge is None:
        return None
    return grading.judged(judge.text or "", swapped=queries.is_swapped(line)) or Verdict.TIE


def _if_any(answer: ComparisonAnswer) -> float | None:
    return None if answer.error is not None else 1.0


def complete(session: Session, comparison: Comparison) -> None:
    """End a comparison after all prompts are graded."""
    _end(session, comparison, Status.COMPLETED, None)


def fail(session: Session, comparison: Comparison, reason: str) -> None:
    """End a comparison that cannot continue. Its answers are already charged."""
    _end(session, comparison, Status.FAILED, reason)


def _end(session: Session, comparison: Comparison, status: Status, error: str | None) -> None:
    comparison.status, comparison.error, comparison.finished_at = status, error, clock.now()
    session.execute(
        update(ComparisonPrompt)
        .where(ComparisonPrompt.comparison_id == comparison.id)
        .values(messages=null(), expected=None)
    )
    ledger.release_hold(session, team_id=comparison.team_id, subject_id=comparison.id)
    unmark_used(session, file_id=comparison.file_id, used_by=comparison.id)
    if comparison.migration_id is not None:
        work.schedule(session, ADVANCE_MIGRATION, comparison.migration_id, team_id=comparison.team_id)
