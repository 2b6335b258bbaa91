"""Run comparisons: a few calls per step, each stored and charged separately."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from service.comparisons import actions, prompts, queries
from service.comparisons.answered import Answered, AnswerLost
from service.comparisons.queries import Call
from service.comparisons.tables import Comparison, Role, Status
from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.errors import TunehouseError, Unavailable
from service.files.queries import find_content, stream
from service.files.tables import File
from service.gateway.targets import Priced, priced

if TYPE_CHECKING:
    from httpx2 import Client

log = structlog.get_logger(__name__)

# Steps are short, so that a worker can shut down between them and comparisons share it with other work.
_CALLS_A_STEP = 16
_AT_ONCE = 4
# Failed attempts per prompt, over all models: enough for an outage of some minutes.
_MOST_FAILURES = 12
_PAUSE, _LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=1)
_NO_PAUSE = timedelta(0)


def advance(lease: Lease) -> None:
    """Choose the prompts, make the remaining calls, then end the comparison."""
    with transaction() as session:
        comparison = session.get_one(Comparison, lease.subject_id)
        is_new = comparison.status == Status.QUEUED
    if is_new:
        _begin(lease, comparison)
    else:
        _ask_some(lease, comparison)


def _begin(lease: Lease, comparison: Comparison) -> None:
    with transaction() as session:
        content = find_content(session, session.get_one(File, comparison.file_id))
        report = (session.get_one(File, comparison.file_id).report or {}).get("examples", 0)
    assert content is not None, "a file in use keeps its content"  # noqa: S101
    chosen = prompts.choose(report, comparison.prompts, comparison.seed)
    found = list(prompts.read(stream(content), chosen))
    with transaction() as session:
        comparison = session.get_one(Comparison, lease.subject_id)
        actions.begin(session, comparison, found)
        work.finish(session, lease, next_in=timedelta(0) if comparison.status == Status.RUNNING else None)


def _ask_some(lease: Lease, comparison: Comparison) -> None:
    try:
        with transaction() as session:
            calls = queries.calls_left(session, comparison, _CALLS_A_STEP)
            targets = {call.model: priced(session, comparison.team_id, call.model) for call in calls}
    except TunehouseError as gone:  # a model was deleted, or its price or provider is gone
        with transaction() as session:
            actions.fail(session, session.get_one(Comparison, comparison.id), gone.message)
            work.finish(session, lease)
        return
    if not calls:
        with transaction() as session:
            actions.complete(session, session.get_one(Comparison, comparison.id))
            work.finish(session, lease)
        log.info("comparison_completed", prompts=comparison.prompts)
        return
    from service.comparisons.asking import open_client

    with ExitStack() as opened, ThreadPoolExecutor(_AT_ONCE) as pool:
        clients = {
            name: opened.enter_context(open_client(name))
            for name in {one.target.provider for one in targets.values()}
        }
        tries = [pool.submit(_try, lease, comparison, call, targets[call.model], clients) for call in calls]
        pauses = [one.result() for one in tries]
    with transaction() as session:
        work.finish(session, lease, next_in=max(pauses))


def _try(
    lease: Lease, comparison: Comparison, call: Call, target: Priced, clients: Mapping[str, "Client"]
) -> timedelta:
    """Make one call and record it; returns how long to wait before its next attempt, zero if it is done."""
    from service.comparisons.asking import prepare

    most = actions.JUDGE_TOKENS if call.role is Role.JUDGE else comparison.max_output_tokens
    temperature = None if call.role is Role.JUDGE else comparison.temperature
    answer: Answered | TunehouseError
    note_id: str | None = None
    unknown: AnswerLost | None = None
    try:
        question = prepare(target, call.messages, most, temperature)
        lost_use = question.most_use(actions.tags_of(comparison))
        with transaction() as session:
            work.confirm(session, lease)
            note_id = actions.note_sent(session, comparison, call, lost_use)
        answer = question.ask(clients[target.target.provider])
    except AnswerLost as lost:
        answer, unknown = lost.failure, lost
    except TunehouseError as failure:
        answer = failure
    with transaction() as session:
        # The lock also orders two answers to one prompt: the later sees the earlier.
        work.confirm(session, lease)
        current = session.get_one(Comparison, comparison.id)
        if note_id is not None:
            actions.erase_note(session, current, note_id)
        if unknown is not None:
            actions.charge_unknown(session, current, call, unknown.used)
        return _record(session, current, call, answer)


def _record(
    session: Session, comparison: Comparison, call: Call, answer: Answered | TunehouseError
) -> timedelta:
    if isinstance(answer, Answered):
        actions.record_answer(session, comparison, call, answer)
    elif isinstance(answer, Unavailable) and call.failures < _MOST_FAILURES:
        actions.note_failure(session, comparison, call)
        asked_for = timedelta(seconds=answer.retry_after_s or 0)
        return min(_LONGEST_PAUSE, max(asked_for, _PAUSE * (1 << call.failures)))
    else:
        actions.record_refusal(session, comparison, call, answer.message)
    return _NO_PAUSE
