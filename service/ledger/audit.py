"""Check that counters, sums and rows agree to the last digit, in one snapshot, while the service runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.ledger.archive.audited import load

_SHOWN = 20  # findings per check; one mistake often shows in thousands of rows

# Runs before a transaction's first query, so that all checks read the same snapshot. The lock comes first,
# because rows that are archived after the snapshot was taken would be missing from it.
_AT_ONE_MOMENT = text("""
    SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; LOCK TABLE ledger_rows IN ACCESS SHARE MODE""")

# Each query returns one row per problem: the id it concerns, the expected value and the actual one.
# `audited_entries` are those in the database and in archived months.
_CHECKS: Mapping[str, str] = {
    "an account's counters are not the sum of its rows": """
        WITH groups AS (
            SELECT team_id, key_id, job_id, department_id, ledger_month(booked_at) AS month, in_month_budget,
                   sum(amount_usd) AS amount_usd
            FROM audited_entries GROUP BY 1, 2, 3, 4, 5, 6
        ), spent AS (
            SELECT a.id, sum(g.amount_usd) AS total,
                   sum(g.amount_usd) FILTER (WHERE g.month = a.month AND g.in_month_budget) AS month
            FROM groups g, LATERAL (VALUES (g.team_id), (g.key_id), (g.job_id), (g.department_id),
                                            ('organization')) AS v(id)
            JOIN accounts a USING (id)
            GROUP BY a.id
        ), held AS (
            SELECT v.id, sum(h.amount_usd) AS total
            FROM holds h, LATERAL (VALUES (h.team_id), (h.key_id), (h.subject_id), (h.department_id),
                                           ('organization')) v(id)
            GROUP BY v.id
        )
        SELECT a.id, concat_ws(' / ', trim_scale(coalesce(s.total, 0)), trim_scale(coalesce(s.month, 0)),
                               trim_scale(coalesce(h.total, 0))) AS due,
               concat_ws(' / ', trim_scale(a.spent_usd), trim_scale(a.month_spent_usd),
                         trim_scale(a.held_usd)) AS found
        FROM accounts a LEFT JOIN spent s USING (id) LEFT JOIN held h USING (id)
        WHERE a.spent_usd <> coalesce(s.total, 0) OR a.month_spent_usd <> coalesce(s.month, 0)
           OR a.held_usd <> coalesce(h.total, 0)
        ORDER BY a.id""",
    "a team's rows are not numbered without gaps": """
        SELECT coalesce(a.id, n.id) AS id, a.last_number::text AS due,
               concat(n.rows, ' rows to ', n.last) AS found
        FROM (SELECT id, last_number FROM accounts WHERE scope = 'team') a
        FULL JOIN (SELECT team_id AS id, count(*) AS rows, max(number) AS last
                   FROM audited_entries GROUP BY team_id) n USING (id)
        WHERE coalesce(a.last_number, 0) <> coalesce(n.rows, 0)
           OR coalesce(a.last_number, 0) <> coalesce(n.last, 0)
        ORDER BY 1""",
    "a day's sum is not the sum of its rows": """
        WITH due AS (
            SELECT e.team_id, key_id, kind, unit, tier, model, base_model, provider, method, job_id, price_id,
                   corrects IS NOT NULL AS is_correction, tags, department_id, cost_center,
                   ledger_day(booked_at) AS day,
                   count(*) AS entries, sum(quantity) AS quantity, sum(amount_usd) AS amount_usd
            FROM audited_entries e JOIN ledger_marks m USING (team_id) WHERE e.number <= m.number
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
        ), found AS (
            SELECT d.team_id, key_id, kind, unit, tier, model, base_model, provider, method, job_id, price_id,
                   is_correction, tags, department_id, cost_center, day, entries, quantity, amount_usd
            FROM ledger_days d LEFT JOIN ledger_groups g ON g.id = d.group_id AND g.team_id = d.team_id
        ), wrong AS (
            (SELECT 'due' AS side, * FROM (SELECT * FROM due EXCEPT ALL SELECT * FROM found) a)
            UNION ALL (SELECT 'found', * FROM (SELECT * FROM found EXCEPT ALL SELECT * FROM due) b)
        )
        SELECT concat_ws(' ', team_id, day, kind, model, key_id, job_id) AS id,
               max(concat_ws(' in ', trim_scale(amount_usd), entries)) FILTER (WHERE side = 'due') AS due,
               max(concat_ws(' in ', trim_scale(amount_usd), entries)) FILTER (WHERE side = 'found')
               AS found
        FROM wrong GROUP BY 1 ORDER BY 1""",
    "a month's sum is not the sum of its days": """
        WITH due AS (
            SELECT team_id, date_trunc('month', day)::date AS month, group_id, sum(entries) AS entries,
                   sum(quantity) AS quantity, sum(amount_usd) AS amount_usd
            FROM ledger_days GROUP BY 1, 2, 3
        )
        SELECT concat_ws(' ', team_id, month, group_id) AS id,
               concat_ws(' in ', trim_scale(d.amount_usd), d.entries) AS due,
               concat_ws(' in ', trim_scale(m.amount_usd), m.entries) AS found
        FROM due d FULL JOIN ledger_months m USING (team_id, month, group_id)
        WHERE (d.entries, d.quantity, d.amount_usd) IS DISTINCT FROM (m.entries, m.quantity, m.amount_usd)
        ORDER BY 1""",
    "a row was not computed from the price it names": """
        SELECT concat_ws(' ', e.team_id, e.number) AS id,
               coalesce(trim_scale(p.amount_usd) || ' per ' || p.unit_quantity, 'a price') AS due,
               concat_ws(' per ', trim_scale(e.price_usd), e.unit_quantity) AS found
        FROM audited_entries e LEFT JOIN prices p ON p.id = e.price_id
        WHERE e.price_id IS NOT NULL
          AND (p.id IS NULL OR (p.amount_usd, p.unit_quantity, p.kind, p.tier)
                               IS DISTINCT FROM (e.price_usd, e.unit_quantity, e.kind, e.tier))
        ORDER BY 1""",
    "a correction does not take back what it corrects": """
        SELECT concat_ws(' ', r.team_id, r.number) AS id, trim_scale(-e.amount_usd)::text AS due,
               trim_scale(r.amount_usd)::text AS found
        FROM audited_entries r
        LEFT JOIN audited_entries e ON e.team_id = r.team_id AND e.number = r.corrects
        WHERE r.corrects IS NOT NULL AND r.quantity < 0 AND r.kind <> 'adjustment'
          AND (e.number IS NULL OR (r.quantity, r.amount_usd) IS DISTINCT FROM (-e.quantity, -e.amount_usd))
        ORDER BY 1""",
    "a flagged row and its review do not match": """
        SELECT concat_ws(' ', team_id, number) AS id, e.state AS due, r.state AS found
        FROM (SELECT team_id, number, state FROM audited_entries WHERE state IS NOT NULL) e
        FULL JOIN cost_reviews r USING (team_id, number)
        WHERE e.state IS DISTINCT FROM r.state
        ORDER BY 1""",
    "an adjustment and its record do not match": """
        SELECT concat_ws(' ', team_id, number) AS id, e.unique_key AS due, a.id AS found
        FROM (SELECT team_id, number, unique_key FROM audited_entries WHERE kind = 'adjustment') e
        FULL JOIN cost_adjustments a USING (team_id, number)
        WHERE e.unique_key IS DISTINCT FROM a.id
        ORDER BY 1""",
    "a month's shared cost is not the sum of what was booked": """
        SELECT concat_ws(' ', m.rule_id, m.month) AS id, trim_scale(m.amount_usd)::text AS due,
               trim_scale(coalesce(sum(e.amount_usd), 0))::text AS found
        FROM shared_cost_months m
        LEFT JOIN audited_entries e ON e.kind = 'shared_cost' AND e.subject_id = m.rule_id
            AND starts_with(e.unique_key, concat(m.rule_id, ':', to_char(m.month, 'YYYY-MM'), ':'))
        GROUP BY m.rule_id, m.month, m.amount_usd
        HAVING m.amount_usd <> coalesce(sum(e.amount_usd), 0)
        ORDER BY 1""",
    "a review's adjustment was not booked": """
        SELECT r.id, trim_scale(r.adjusted_usd)::text AS due, NULL AS found
        FROM cost_reviews r
        WHERE r.adjusted_usd <> 0 AND NOT EXISTS (
            SELECT FROM audited_entries e
            WHERE e.team_id = r.team_id AND e.corrects = r.number AND e.kind = 'adjustment'
              AND e.amount_usd = r.adjusted_usd)
        ORDER BY 1""",
    "an entry that was kept from an archived month is not in its file": """
        WITH kept AS (
            SELECT team_id, number, unique_key, kind, amount_usd, job_id, corrects, state, booked_at
            FROM ledger_entries WHERE ledger_month(booked_at) IN (SELECT month FROM archived_months)
            EXCEPT
            SELECT team_id, number, unique_key, kind, amount_usd, job_id, corrects, state, booked_at
            FROM archived_entries
        )
        SELECT concat_ws(' ', team_id, number) AS id, NULL AS due, trim_scale(amount_usd)::text AS found
        FROM kept ORDER BY 1""",
    "an archived month's file does not have its entries": """
        SELECT m.month::text AS id, concat_ws(' in ', trim_scale(m.amount_usd), m.entries) AS due,
               concat_ws(' in ', trim_scale(coalesce(sum(e.amount_usd), 0)), count(e.number)) AS found
        FROM archived_months m LEFT JOIN archived_entries e ON ledger_month(e.booked_at) = m.month
        GROUP BY m.month
        HAVING (m.entries, m.amount_usd) <> (count(e.number), coalesce(sum(e.amount_usd), 0))
        ORDER BY 1""",
}


_EXTENT = text("""
    SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM audited_entries),
           (SELECT count(*) FROM ledger_days), (SELECT count(*) FROM holds)""")


@dataclass(frozen=True)
class Finding:
    """One discrepancy: the check that failed, the id it concerns, the expected value and the actual one."""

    check: str
    subject: str
    due: str | None
    found: str | None

    def __str__(self) -> str:
        return f"{self.check}: {self.subject}: due {self.due}, found {self.found}"


@dataclass(frozen=True)
class Extent:
    """How many rows the audit covers."""

    accounts: int
    entries: int
    sums: int
    holds: int


def begin(session: Session) -> None:
    """Make the transaction read from one snapshot. Call this before its first query."""
    session.execute(_AT_ONE_MOMENT)


def extent(session: Session) -> Extent:
    """Count the rows that the audit covers."""
    return Extent(*session.execute(_EXTENT).one())


def findings(session: Session) -> Iterator[Finding]:
    """Yield what does not add up, at most 20 findings per check.

    Reads the files of archived months first, into a temporary table.
    """
    for month, found in load(session):
        yield Finding(
            "an archived month's file is missing or was changed", month.storage_key, month.sha256, found
        )
    for check, query in _CHECKS.items():
        for row in session.execute(text(f"{query} LIMIT {_SHOWN}")):
            yield Finding(check, row.id, row.due, row.found)
