"""A catalogue file of one's own, as an operator writes it, for this process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.catalog import files, models
from service.catalog.seed import sync_prices
from service.core.db import transaction
from service.settings import settings


def forget_catalogue() -> None:
    """Make this process read its catalogue again."""
    for remembered in (settings, files.load, models.offered):
        remembered.cache_clear()


@contextmanager
def own_catalogue(path: Path, text: str) -> Iterator[None]:
    """Models and prices of one's own while the block lasts; the prices stay in the database."""
    path.write_text(text, "utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(os.environ, "TUNEHOUSE_CATALOG_FILE", str(path))
        forget_catalogue()
        with transaction() as session:
            sync_prices(session)
        yield
    forget_catalogue()
