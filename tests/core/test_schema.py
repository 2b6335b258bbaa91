"""The tables that the code believes in are those that the migrations make."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from service.core.db import engine
from service.tables import METADATA


@pytest.mark.usefixtures("database")
def test_models_and_migrations_agree() -> None:
    with engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
