"""The order in which waiting jobs get a place at their provider.

Teams take turns: next is the job whose team would then have the fewest jobs at the provider; among equals,
that of the team whose last job was sent longest ago. Within a team, the higher priority goes first. The order
follows from the rows alone, and an index has each team's waiting jobs in their order, so that the next jobs
are found without reading the rest of the queue, and a position is counted from that index alone.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class QueueName(NamedTuple):
    """The jobs that share a provider's limits."""

    provider: str
    base_model: str


_QUEUE = "provider = :provider AND base_model = :base_model"
_WAITING = f"{_QUEUE} AND queued_at IS NOT NULL AND intended_at IS NULL AND finished_at IS NULL"
_WITHIN_TEAM = "-priority, queued_at, id"
# `team` finds each team once by jumping along the index.
_TEAMS = f"""
    WITH RECURSIVE team (id) AS (
        (SELECT team_id FROM jobs WHERE {_WAITING} ORDER BY team_id LIMIT 1)
        UNION ALL
        SELECT (SELECT team_id FROM jobs WHERE {_WAITING} AND team_id > team.id ORDER BY team_id LIMIT 1)
        FROM team WHERE team.id IS NOT NULL
    ), standing AS (
        SELECT id AS team_id,
               (SELECT count(*) FROM jobs WHERE {_QUEUE} AND team_id = team.id
                AND intended_at IS NOT NULL AND finished_at IS NULL) AS living,
               (SELECT max(intended_at) FROM jobs WHERE {_QUEUE} AND team_id = team.id) AS served_at
        FROM team WHERE id IS NOT NULL
    )"""  # noqa: S608 - every part is a constant of this file
_HEADS = f"""
    FROM standing CROSS JOIN LATERAL (
        SELECT id, queued_at, row_number() OVER (ORDER BY {_WITHIN_TEAM}) AS turn
        FROM jobs WHERE {_WAITING} AND team_id = standing.team_id
        ORDER BY {_WITHIN_TEAM} LIMIT """  # noqa: S608
_ORDER = "living + turn, served_at NULLS FIRST, queued_at, id"
_NEXT = text(f"{_TEAMS} SELECT id {_HEADS} :most) head ORDER BY {_ORDER} LIMIT :most")
# `asked`: each job with the asked one before it in its team, so that no entry is counted twice. `own`: its
# turn in its team, and how many jobs its team will have had with it. `others`: the waiting jobs of each team,
# as far as they matter. Of another team, the jobs with a lower number come first, and of equal ones the team
# that was served longest ago; only between teams that were never served, the times of the jobs decide.
_POSITIONS = text(f"""{_TEAMS}, asked AS (
        SELECT id, team_id, -priority AS rank, queued_at,
               lag(-priority, 1, -2147483648) OVER turns AS rank_before,
               lag(queued_at, 1, '-infinity') OVER turns AS queued_before,
               lag(id, 1, '') OVER turns AS id_before
        FROM jobs WHERE {_WAITING} AND id = ANY (:ids)
        WINDOW turns AS (PARTITION BY team_id ORDER BY {_WITHIN_TEAM})
    ), counted AS (
        SELECT asked.*, sum(more) OVER (PARTITION BY team_id ORDER BY rank, queued_at, id) AS turn
        FROM asked CROSS JOIN LATERAL (
            SELECT count(*) AS more FROM jobs WHERE {_WAITING} AND jobs.team_id = asked.team_id
            AND ({_WITHIN_TEAM}) > (rank_before, queued_before, id_before)
            AND ({_WITHIN_TEAM}) <= (asked.rank, asked.queued_at, asked.id)) entries
    ), own AS MATERIALIZED (
        SELECT counted.*, served_at, turn + living AS number FROM counted JOIN standing USING (team_id)
    ), others AS MATERIALIZED (
        SELECT standing.*, (SELECT count(*) FROM (
            SELECT FROM jobs WHERE {_WAITING} AND jobs.team_id = standing.team_id
            ORDER BY {_WITHIN_TEAM}
            LIMIT greatest((SELECT max(number) FROM own) - living, 0)) entries) AS waiting
        FROM standing WHERE EXISTS (SELECT FROM own WHERE own.team_id <> standing.team_id)
    )
    SELECT own.id, own.turn + coalesce(sum(
        least(greatest(own.number - 1 - others.living, 0), others.waiting)
        + CASE WHEN own.number - others.living NOT BETWEEN 1 AND others.waiting THEN 0
               WHEN others.served_at IS DISTINCT FROM own.served_at THEN
                   (own.served_at IS NOT NULL
                    AND coalesce(others.served_at, '-infinity') < own.served_at)::int
               ELSE (SELECT ((queued_at, id) < (own.queued_at, own.id))::int FROM jobs
                     WHERE {_WAITING} AND jobs.team_id = others.team_id
                     ORDER BY {_WITHIN_TEAM} OFFSET own.number - others.living - 1 LIMIT 1)
          END) FILTER (WHERE others.team_id IS NOT NULL), 0) AS position
    FROM own LEFT JOIN others ON others.team_id <> own.team_id
    GROUP BY own.id, own.turn""")  # noqa: S608


def next_jobs(session: Session, name: QueueName, most: int) -> list[str]:
    """Return the ids of the waiting jobs that come next, in their order, at most `most`."""
    found = session.scalars(_NEXT, {**name._asdict(), "most": most})
    return list(found)


def positions(session: Session, name: QueueName, job_ids: Collection[str]) -> dict[str, int]:
    """Map the ids of those jobs that wait in this queue to their positions, from 1."""
    rows = session.execute(_POSITIONS, {**name._asdict(), "ids": list(job_ids)})
    return {row.id: int(row.position) for row in rows}
