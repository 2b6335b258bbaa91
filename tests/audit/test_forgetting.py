"""The audit log forgets what is old, and lets nobody delete what is not."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import ProgrammingError

from service.audit.actions import forget
from service.audit.tables import AuditEvent
from service.core import clock
from service.core.db import transaction

YEAR = timedelta(days=365)
pytestmark = pytest.mark.usefixtures("database")


def noted(*days_ago: int) -> None:
    """Events from so many days ago, in that order."""
    row: dict[str, Any] = {
        "key_id": "key_1",
        "by_admin": False,
        "action": "x",
        "params": {},
        "status_code": 200,
    }
    with transaction() as session:
        for days in days_ago:
            moment = clock.now() - timedelta(days=days)
            session.add(AuditEvent(id=f"audit_{days}", created_at=moment, **row))
            session.flush()


def left() -> list[str]:
    with transaction() as session:
        return list(session.scalars(select(AuditEvent.id).order_by(AuditEvent.position)))


def test_what_is_older_than_was_asked_is_forgotten_oldest_first() -> None:
    noted(900, 800, 400, 100, 1)
    with transaction() as session:
        assert forget(session, YEAR, limit=2) == 2
    assert left() == ["audit_400", "audit_100", "audit_1"]
    with transaction() as session:
        assert forget(session, YEAR, limit=2) == 1
        assert forget(session, YEAR, limit=2) == 0
    assert left() == ["audit_100", "audit_1"]


def test_the_database_lets_nobody_delete_the_last_ninety_days() -> None:
    noted(100, 89)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction() as session:
        session.execute(delete(AuditEvent).where(AuditEvent.id == "audit_89"))
    with transaction() as session:
        assert forget(session, timedelta(days=30), limit=10) == 1
    assert left() == ["audit_89"]
