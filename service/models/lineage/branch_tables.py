"""What models cost, kept in the order of their branches. See `docs/decisions/012-branch-keys.md`."""

from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base
from service.ledger.tables import AMOUNT


class BranchCost(Base):
    """What one model cost, from the team's entries up to its mark.

    `made_usd` is what its job cost (of a job's several models one carries that), `tried_usd` what jobs cost
    that started from it and made nothing, `use_usd` what was paid for its answers.
    """

    __tablename__ = "branch_costs"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("tuned_models.id"), primary_key=True)
    branch_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    made_usd: Mapped[Decimal] = mapped_column(AMOUNT)
    tried_usd: Mapped[Decimal] = mapped_column(AMOUNT)
    use_usd: Mapped[Decimal] = mapped_column(AMOUNT)

    __table_args__ = (
        Index(
            None, "team_id", "branch_key", postgresql_include=["model_id", "made_usd", "tried_usd", "use_usd"]
        ),
    )


class BranchMark(Base):
    """How far a team's entries are in `branch_costs`: those numbered up to `number` are."""

    __tablename__ = "branch_marks"

    team_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
