"""`tunehouse archive-ledger`: move a closed month of the ledger to storage."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError
from typer import Argument

from service.cli.commands import DataDir, use_running
from service.cli.entry import app, fail
from service.core.db import transaction
from service.core.postgres.rights import owns_tables
from service.core.storage import CHUNK_BYTES
from service.errors import TunehouseError
from service.files.storing import storing
from service.ledger.archive.actions import archive, check_stored, export
from service.ledger.archive.tables import ArchivedMonth
from service.ledger.closing.months import Month, month_named
from service.local.checks import read_settings
from service.local.errors import EmbeddedError
from service.settings import settings


@app.command()
def archive_ledger(
    month: Annotated[str, Argument(help="A closed month, such as 2026-03.")],
    data_dir: DataDir = Path(".tunehouse"),
) -> None:
    """Move the rows of a closed month to a Parquet file in storage.

    Reports and `audit-ledger` include the month as before. Needs TUNEHOUSE_MIGRATE_DATABASE_URL, because only
    the owner of the tables may remove rows.
    """
    use_running(data_dir)
    try:
        read_settings()
        done = move_to_storage(month_named(month))
    except (EmbeddedError, TunehouseError, OSError) as error:
        fail(str(error))
    except SQLAlchemyError as error:
        fail(str(getattr(error, "orig", None) or error).strip().splitlines()[0])
    typer.echo(
        f"{month}: {done.entries:,} entries, ${done.amount_usd.normalize():f}, moved to {done.storage_key} "
        f"({done.size_bytes:,} bytes, SHA-256 {done.sha256})"
    )


def move_to_storage(month: Month) -> ArchivedMonth:
    """Archive a month, with no transaction open while the file is stored.

    Raises `Conflict` if the month must stay, and `EmbeddedError` without the owner of the tables.
    """
    owner_url = (settings().migrate_database_url or settings().database_url).get_secret_value()
    if not owns_tables(owner_url):
        raise EmbeddedError(
            "only the owner of the tables can remove rows; set TUNEHOUSE_MIGRATE_DATABASE_URL to the owner's "
            "URL, as for `tunehouse migrate`. Nothing was archived."
        )
    owner = create_engine(owner_url, poolclass=NullPool)
    with tempfile.TemporaryFile() as file:
        with transaction() as session:
            total = export(session, month, file)
        with storing(iter(lambda: file.read(CHUNK_BYTES), b"")) as stored:
            check_stored(stored, total)
            with transaction(owner) as owned:
                return archive(owned, month, stored, total)
