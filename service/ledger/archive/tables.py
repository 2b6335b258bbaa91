"""The table of archived months."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base
from service.ledger.tables import AMOUNT


class ArchivedMonth(Base):
    """A month (its first day, UTC) whose entries are in a Parquet file. Never changed or deleted.

    The file has all entries of the month. The database keeps those of jobs, corrections, and those that an
    admin should review; later work refers to them. `sha256` is the digest of the file.
    """

    __tablename__ = "archived_months"

    month: Mapped[date] = mapped_column(primary_key=True)
    archived_at: Mapped[datetime]
    storage_key: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    entries: Mapped[int] = mapped_column(BigInteger)
    amount_usd: Mapped[Decimal] = mapped_column(AMOUNT)
