"""A scripted past month of four teams that is repriced, billed a shared cost, closed, and repriced again.

Every amount is computed a second time in this file, with fractions and whole micro-dollars.
"""

import random
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy.orm import Session

from service.catalog.price import STANDARD, PriceKind
from service.catalog.prices import NewPrice, add_price
from service.core import clock
from service.core.db import transaction
from service.ledger.actions import settle
from service.ledger.audit import findings
from service.ledger.closing.months import Month, close_month, present_month
from service.ledger.closing.reprice import RepriceRange, plan_reprice, reprice
from service.ledger.closing.statement import MonthStatement, statements
from service.ledger.queries import budget_view
from service.ledger.rollups.sums import roll_up
from service.ledger.shared.actions import book_until, create_rule
from service.ledger.shared.tables import SharedCostRule
from tests.ledger.closing.test_reprice import shipped
from tests.ledger.make import charge
from tests.ledger.shared.test_shared_costs import LAST, old_team

SHIPPED, SECOND, THIRD = Fraction("1.2"), Fraction("0.777777"), Fraction("2.5")  # dollars per million tokens
BILL = 17_310_001  # micro-dollars


def charged(tokens: list[int], per_million: Fraction) -> Fraction:
    return sum((per_million * each / 1_000_000 for each in tokens), Fraction(0))


def divided(bill: int, weights: dict[str, int]) -> dict[str, Fraction]:
    """Shares of a bill by the largest remainder method, in dollars."""
    total = sum(weights.values())
    shares = {one: bill * weight // total for one, weight in weights.items()}
    by_rest = sorted(weights, key=lambda one: (-(bill * weights[one] % total), one))
    for one in by_rest[: bill - sum(shares.values())]:
        shares[one] += 1
    return {one: Fraction(share, 1_000_000) for one, share in shares.items()}


def reprice_month(session: Session, per_million: Fraction, number: int) -> None:
    price = NewPrice(
        provider_kind="trainer",
        model="ft:sandbox-mini",
        method=None,
        kind=PriceKind.OUTPUT_TOKENS,
        tier=STANDARD,
        unit_quantity=1_000_000,
        amount_usd=Decimal(per_million.numerator) / Decimal(per_million.denominator),
        effective_from=clock.now() + timedelta(days=20_000 + number),  # nothing else uses it
        source="a contract",
    )
    wanted = RepriceRange(add_price(session, price).id, LAST.start, LAST.end)
    reprice(session, wanted, confirm=plan_reprice(session, wanted).confirm, reason="a contract")


def statement_of(session: Session, who: str, month: Month) -> MonthStatement:
    (found,) = statements(session, month, who)
    return found


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("seed", [1, 2])
def test_shared_costs_and_repricing_cost_what_plain_arithmetic_says(seed: int) -> None:
    chance, used = random.Random(seed), defaultdict[str, list[int]](list)
    price = shipped()
    with transaction() as session:
        teams = [old_team(session) for _ in range(4)]
        for number in range(40):
            who, tokens = chance.choice(teams), chance.randrange(1, 3_000_000)
            moment = LAST.start + timedelta(hours=chance.randrange(24 * 28))
            use = charge(f"use-{number}", tokens, price=price, occurred_at=moment)
            settle(session, team_id=who, subject_id=f"use-{number}", charges=[use])
            used[who].append(tokens)
            if number % 15 == 0:
                roll_up(session)
        bill = SharedCostRule(
            name="Hosting",
            amount_usd=Decimal(BILL) / 1_000_000,
            per="month",
            by="tokens",
            default_team_id=teams[0],
            base_model="sandbox-mini",
            effective_from=LAST.start,
        )
        create_rule(session, bill, created_by="key_admin")
        reprice_month(session, SECOND, 1)
        assert book_until(session, LAST) == 1
        close_month(session, LAST)
        shares = divided(BILL, {who: sum(tokens) for who, tokens in used.items()})
        assert sum(shares.values()) == Fraction(BILL, 1_000_000)
        for _ in range(2):  # before and after the last entries are in the sums
            for who in teams:
                final = statement_of(session, who, LAST)
                assert Fraction(final.section_usd("inference")) == charged(used[who], SHIPPED)
                assert Fraction(final.section_usd("adjustments")) == charged(used[who], SECOND - SHIPPED)
                assert Fraction(final.section_usd("shared")) == shares[who]
                assert Fraction(final.total_usd) == charged(used[who], SECOND) + shares[who]
            roll_up(session)
        before = [statement_of(session, who, LAST) for who in teams]
        reprice_month(session, THIRD, 2)
        assert [statement_of(session, who, LAST) for who in teams] == before
        for who in teams:
            now = statement_of(session, who, present_month())
            assert Fraction(now.total_usd) == charged(used[who], THIRD - SECOND)
            assert Fraction(now.section_usd("adjustments")) == Fraction(now.total_usd)
            assert {line["reason"] for line in now.lines} == {"a contract"}
            assert budget_view(session, who).spent_usd == 0  # a correction of an earlier month
        assert [str(one) for one in findings(session)] == []
