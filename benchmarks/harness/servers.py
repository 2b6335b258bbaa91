"""What an api and a worker of a benchmark need: a migrated PostgreSQL, Valkey, a folder and an admin key."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness.database import migrated
from service.local.postgres import PostgresServer
from service.local.valkey import ValkeyServer

ADMIN_KEY = "th-admin-key-of-the-benchmark"


@contextmanager
def servers() -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a folder, and the environment of processes that use the servers; both end with the block."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        postgres, valkey = PostgresServer(folder / "postgres", durable=False), ValkeyServer(folder / "valkey")
        postgres.start()
        try:
            settings = {
                "TUNEHOUSE_DATABASE_URL": migrated(postgres, "tunehouse"),
                "TUNEHOUSE_REDIS_URL": valkey.start(),
                "TUNEHOUSE_ADMIN_KEY": ADMIN_KEY,
                "TUNEHOUSE_STORAGE_URL": f"file://{folder / 'storage'}",
            }
            yield folder, os.environ | settings
        finally:
            valkey.stop()
            postgres.stop()
