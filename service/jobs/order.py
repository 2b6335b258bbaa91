"""The order in which waiting jobs get a place at their provider.

Teams take turns: next is the job whose team would then have the fewest jobs at the provider; among equals,
that of the team whose last job was sent longest ago. Within a team, the higher priority goes first. The order
follows from the rows alone, and an index has each team's waiting jobs in their order, so that the next jobs
are found without reading the rest of the queue.
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
_WITHIN_TEAM = "priority DESC, queued_at, id"
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
# Of each team only the jobs that can be before the last of `ids`.
_POSITIONS = text(f"""{_TEAMS}, own AS (
        SELECT max(standing.living + (
            SELECT count(*) FROM jobs WHERE {_WAITING} AND team_id = standing.team_id
            AND (-priority, queued_at, id) <= (-asked.priority, asked.queued_at, asked.id))) AS latest
        FROM jobs asked JOIN standing USING (team_id) WHERE asked.id = ANY (:ids)
    )
    SELECT id, position FROM (
        SELECT id, row_number() OVER (ORDER BY {_ORDER}) AS position
        {_HEADS} greatest((SELECT latest FROM own) - living, 0)) head
    ) numbered WHERE id = ANY (:ids)""")  # noqa: S608


def next_jobs(session: Session, name: QueueName, most: int) -> list[str]:
    """Return the ids of the waiting jobs that come next, in their order, at most `most`."""
    found = session.scalars(_NEXT, {**name._asdict(), "most": most})
    return list(found)


def positions(session: Session, name: QueueName, job_ids: Collection[str]) -> dict[str, int]:
    """Map the ids of those jobs that wait in this queue to their positions, from 1."""
    rows = session.execute(_POSITIONS, {**name._asdict(), "ids": list(job_ids)})
    return {row.id: row.position for row in rows}
