"""Archiving a team and making it a key at the same moment: no key is left alive."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from service.core.db import transaction
from service.errors import Conflict
from service.teams import actions
from service.teams.actions import LeftJobs
from service.teams.keys.actions import create_key
from service.teams.keys.tables import ApiKey
from service.teams.queries import get_team
from service.teams.quotas.actions import Quota, require_room
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("database")
_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def make_team() -> str:
    with transaction() as session:
        return actions.create_team(session, name="Tea", slug="tea", labels={}).id


def make_key(team_id: str) -> None:
    with transaction() as session:
        create_key(session, team=get_team(session, team_id), name="late", scopes=["read"])


def archive(team_id: str) -> None:
    with transaction() as session:
        actions.archive_team(session, get_team(session, team_id), LeftJobs.FINISH)


def living_keys() -> int:
    with transaction() as session:
        return len(session.scalars(select(ApiKey).where(ApiKey.revoked_at.is_(None))).all())


def test_a_key_asked_for_while_the_team_is_being_archived_is_refused() -> None:
    team_id = make_team()
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            actions.archive_team(session, get_team(session, team_id), LeftJobs.FINISH)
            late = pool.submit(make_key, team_id)
            wait_until(lambda: bool(session.scalar(_WAITING)))
        assert isinstance(late.exception(timeout=30), Conflict)
    assert living_keys() == 0


def test_nothing_with_a_quota_is_made_while_the_team_is_being_archived() -> None:
    team_id = make_team()

    def take_room() -> None:
        with transaction() as session:
            require_room(session, team_id, Quota.KEYS)

    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            actions.archive_team(session, get_team(session, team_id), LeftJobs.FINISH)
            late = pool.submit(take_room)
            wait_until(lambda: bool(session.scalar(_WAITING)))
        assert isinstance(late.exception(timeout=30), Conflict)


def test_a_key_that_was_being_made_when_the_team_was_archived_is_revoked() -> None:
    team_id = make_team()
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            create_key(session, team=get_team(session, team_id), name="early", scopes=["read"])
            archiving = pool.submit(archive, team_id)
            wait_until(lambda: bool(session.scalar(_WAITING)))
        archiving.result(timeout=30)
    assert living_keys() == 0
