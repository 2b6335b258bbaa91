"""Hold what is left after the chaos against what must be true."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from openai import OpenAI
from psycopg.rows import dict_row

from service.providers.registry import open_provider
from service.settings import ProviderSettings
from tests.chaos.teams import TeamAtWork
from tests.chaos.town import Town
from tests.support.webhook_receiver import Received

ENDED = ("succeeded", "failed", "cancelled")
USD_PER_TOKEN = Decimal(3) / 1_000_000  # sandbox-mini
# An upload that was cut by a kill leaves bytes, whose deletion is due an hour later.
_LEFT = """
    SELECT w.kind, w.subject_id, w.attempts, w.generation, w.next_step_at - now() AS due_in,
        w.leased_until - now() AS leased_for, now() - w.woken_at AS woken_ago, w.last_error,
        j.status, j.requested, j.provider_status, j.intended_at IS NOT NULL AS intended, j.sent_at,
        d.state AS delivery, d.failures
    FROM work_items w
    LEFT JOIN jobs j ON w.kind = 'job.advance' AND j.id = w.subject_id
    LEFT JOIN webhook_deliveries d ON d.id = w.subject_id
    WHERE w.kind <> 'storage.reap' OR w.next_step_at <= now()
    ORDER BY w.next_step_at
"""


@dataclass(frozen=True)
class ProviderSide:
    """A job as its provider has it; `stamp` is our job's id."""

    id: str
    stamp: str
    status: str
    owed_usd: Decimal


@dataclass(frozen=True)
class Finding:
    """One line of the table: what must be so, the figures, and whether it is."""

    claim: str
    figures: str
    holds: bool


def work_left(town: Town) -> list[str]:
    """A line for each unit of work that is not done yet: what it is, and why it may be waiting."""
    return [" ".join(f"{name}={value}" for name, value in row.items()) for row in _rows(town, _LEFT)]


def reckon(town: Town, teams: Sequence[TeamAtWork], received: Sequence[Received]) -> list[Finding]:
    """Every claim with its figures."""
    jobs = {row["id"]: row for row in _rows(town, "SELECT * FROM jobs")}
    there = _provider_jobs(town)
    asked = [job_id for team in teams for job_id in team.job_ids]
    return [
        _created(asked, jobs),
        _ended(jobs),
        _once(jobs, there),
        _agree(jobs, there),
        _no_holds(town),
        _billed(town, jobs, there),
        _gapless(town, jobs),
        _one_end(town, jobs),
        *_webhooks(town, teams, received),
    ]


def _created(asked: Sequence[str], jobs: dict[str, Any]) -> Finding:
    lost = set(asked) - jobs.keys()
    extra = jobs.keys() - set(asked)
    figures = f"{len(asked)} created, {len(jobs)} in the database, {len(lost)} lost, {len(extra)} unasked"
    return Finding(
        "each create, retried as often as it took, made one job",
        figures,
        not lost and not extra and len(set(asked)) == len(asked),
    )


def _ended(jobs: dict[str, Any]) -> Finding:
    statuses = Counter(job["status"] for job in jobs.values())
    figures = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    return Finding("every job has ended", figures, statuses.keys() <= set(ENDED))


def _once(jobs: dict[str, Any], there: Sequence[ProviderSide]) -> Finding:
    stamps = Counter(job.stamp for job in there)
    doubles = sum(count - 1 for count in stamps.values())
    sent = {job["provider_job_id"] for job in jobs.values() if job["provider_job_id"]}
    unknown = {job.id for job in there} - sent
    figures = f"{len(there)} at the provider, {len(sent)} of ours, {doubles} doubled, {len(unknown)} unknown"
    return Finding(
        "provider jobs are our jobs, one each",
        figures,
        not doubles and not unknown and len(sent) == len(there),
    )


def _agree(jobs: dict[str, Any], there: Sequence[ProviderSide]) -> Finding:
    ours = {job["provider_job_id"]: job["status"] for job in jobs.values()}
    apart = [job.id for job in there if ours.get(job.id) != job.status]
    return Finding("each ended as the provider says", f"{len(apart)} differ", not apart)


def _no_holds(town: Town) -> Finding:
    held = _rows(town, "SELECT count(*) AS n FROM holds")[0]["n"]
    return Finding("no hold is open", f"{held} open", held == 0)


def _billed(town: Town, jobs: dict[str, Any], there: Sequence[ProviderSide]) -> Finding:
    rows = _rows(town, "SELECT job_id, sum(amount_usd) AS usd FROM ledger_entries GROUP BY job_id")
    charged = {row["job_id"]: row["usd"] for row in rows}
    owed = {job.stamp: job.owed_usd for job in there}
    wrong = [job_id for job_id in jobs if charged.get(job_id, Decimal(0)) != owed.get(job_id, Decimal(0))]
    paid, due = (sum(amounts.values(), Decimal(0)).normalize() for amounts in (charged, owed))
    figures = f"${paid:f} charged, ${due:f} owed, {len(wrong)} jobs off"
    return Finding("the ledger is what the providers bill", figures, not wrong)


def _gapless(town: Town, jobs: dict[str, Any]) -> Finding:
    rows = _rows(
        town,
        "SELECT subject_id, count(*) AS n, min(number) AS first, max(number) AS last FROM events GROUP BY 1",
    )
    gaps = [row["subject_id"] for row in rows if (row["first"], row["last"]) != (1, row["n"])]
    total = sum(row["n"] for row in rows)
    return Finding("event numbers have no gaps", f"{total} events, {len(gaps)} logs with gaps", not gaps)


def _one_end(town: Town, jobs: dict[str, Any]) -> Finding:
    rows = _rows(
        town,
        "SELECT subject_id FROM events WHERE type = ANY(%s)",
        [[f"fine_tuning.job.{status}" for status in ENDED]],
    )
    ends = Counter(row["subject_id"] for row in rows)
    wrong = [job_id for job_id in jobs if ends[job_id] != 1]
    return Finding("each job's log has one end", f"{len(wrong)} have none or two", not wrong)


def _webhooks(town: Town, teams: Sequence[TeamAtWork], received: Sequence[Received]) -> list[Finding]:
    owed = _rows(town, "SELECT id FROM webhook_deliveries")
    genuine: Counter[str] = Counter()
    forged = 0
    for request in received:
        if _is_signed(request, teams):
            genuine[request.headers["webhook-id"]] += 1
        else:
            forged += 1
    missing = [row["id"] for row in owed if row["id"] not in genuine]
    again = sum(count - 1 for count in genuine.values())
    return [
        Finding(
            "each webhook arrived at least once",
            f"{len(owed)} owed, {len(owed) - len(missing)} arrived, {again} more than once",
            bool(owed) and not missing,
        ),
        Finding("each webhook was signed", f"{len(received)} received, {forged} not genuine", not forged),
    ]


def _is_signed(request: Received, teams: Sequence[TeamAtWork]) -> bool:
    with OpenAI(api_key="none") as client:
        for team in teams:
            try:
                # The clock may have run on by more than the usual five minutes.
                client.webhooks.verify_signature(
                    request.body, request.headers, secret=team.secret, tolerance=86_400
                )
            except ValueError:
                continue
            return True
    return False


def _provider_jobs(town: Town) -> list[ProviderSide]:
    found = []
    for job in town.upstream.fine_tuning.jobs.list(limit=100):
        owed = 0 if job.status == "failed" else (job.trained_tokens or 0) * USD_PER_TOKEN
        stamp = str((job.metadata or {}).get("tunehouse_job"))
        found.append(ProviderSide(job.id, stamp, str(job.status), Decimal(owed)))
    for kind, vendor in town.vendors.items():
        provider = open_provider(ProviderSettings.model_validate(town.vendor_settings(kind)))
        found += [
            ProviderSide(job.id, str(job.stamp), job.status, vendor.bill_usd(job.id))
            for job in provider.iter_jobs()
        ]
        provider.close()
    return found


def _rows(town: Town, query: str, params: Sequence[Any] | None = None) -> list[dict[str, Any]]:
    dsn = town.database_url.replace("+psycopg", "")
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(query.encode(), params).fetchall()
