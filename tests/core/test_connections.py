"""What the connections of the pool are set to, directly and through a pooler."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from service.core.db import dispose_engines, engine, reading, transaction
from tests.support.clean import start_over

SHOW_JIT = text("SHOW jit")


@pytest.fixture
def pooled(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connections are made as if the database's address led to a pooler."""
    monkeypatch.setenv("TUNEHOUSE_DIRECT_DATABASE_URL", database)
    start_over()
    yield
    monkeypatch.undo()
    start_over()


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("reports", [False, True])
def test_queries_of_reports_are_not_compiled(reports: bool) -> None:
    with reading(reports=reports) as session:
        assert session.scalar(SHOW_JIT) == "off"


@pytest.mark.usefixtures("pooled")
def test_through_a_pooler_each_transaction_makes_its_settings_and_a_read_sends_its_statement_alone() -> None:
    with transaction() as session:
        assert session.scalar(SHOW_JIT) == "off"
    sent = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine(), "before_cursor_execute", note)
    with reading() as session:
        session.execute(text("SELECT 1"))
    assert sent == ["SELECT 1"]


@pytest.mark.usefixtures("database")
def test_a_connection_in_use_when_the_pool_is_disposed_of_is_closed_once_it_is_returned() -> None:
    with transaction() as session:
        session.execute(text("SELECT 1"))
        connection = session.connection().connection.driver_connection
        dispose_engines()
        assert connection is not None
        assert not connection.closed

    assert connection.closed
