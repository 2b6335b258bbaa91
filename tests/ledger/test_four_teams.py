"""A scripted month of four teams, with every amount computed again by plain arithmetic in this file."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.core.db import transaction
from service.errors import BudgetExceeded
from service.ledger.actions import place_hold, release_hold, settle
from service.ledger.adjustments.actions import NewAdjustment, adjust
from service.ledger.audit import begin, findings
from service.ledger.budgets.actions import set_budget
from service.ledger.charges import Charge, Review
from service.ledger.closing.months import present_month
from service.ledger.closing.statement import statements
from service.ledger.departments.actions import allocate, create_department
from service.ledger.queries import budget_view, standing
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.reviews.actions import adjust_to
from service.ledger.reviews.tables import CostReview
from service.ledger.rollups.sums import roll_up
from tests.ledger.make import charge, price, team

PRICES = {
    PriceKind.TRAINING_TOKENS: "3.21",
    PriceKind.INPUT_TOKENS: "0.123457",
    PriceKind.OUTPUT_TOKENS: "1.7",
}
LIMIT = Fraction(1)  # of the department that the first two teams share


@dataclass
class Books:
    """The second set of books: it uses fractions, no database and none of the service's code."""

    spent: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    held: dict[str, dict[str, Fraction]] = field(default_factory=lambda: defaultdict(dict))
    by_center: dict[tuple[str, str | None], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    adjusted: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    center: dict[str, str | None] = field(default_factory=dict)
    flagged: list[tuple[str, str | None, Fraction]] = field(default_factory=list)

    def book(self, team_id: str, amount: Fraction) -> None:
        self.spent[team_id] += amount
        self.by_center[team_id, self.center.get(team_id)] += amount

    def used(self, team_ids: list[str]) -> Fraction:
        return sum((self.spent[one] + sum(self.held[one].values()) for one in team_ids), Fraction(0))


def cost(kind: PriceKind, tokens: int) -> Fraction:
    return Fraction(PRICES[kind]) * tokens / 1_000_000


def used(kind: PriceKind, tokens: int, key: str, review: Review | None = None) -> Charge:
    return charge(key, tokens, kind=kind, price=price(kind, PRICES[kind]), review=review)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("seed", [1, 2])
def test_a_month_of_four_teams_costs_what_plain_arithmetic_says(seed: int) -> None:
    chance, books = random.Random(seed), Books()
    refusals = 0
    with transaction() as session:
        teams = [team(session) for _ in range(4)]
        department = create_department(session, "Shared").id
        set_budget(session, department, limit_usd=Decimal(1), scope="department")
        for member in teams[:2]:
            allocate(session, member, department_id=department, cost_center="cc-1")
            books.center[member] = "cc-1"
        for number in range(120):
            if number == 60:  # the third team gets a cost center, and the first another one
                move(session, books, teams[2], None, "cc-3")
                move(session, books, teams[0], department, "cc-2")
            refusals += work(session, books, chance, teams, f"work-{number}")
            if number % 40 == 0:
                roll_up(session)
        resolve(session, books)
        assert refusals > 0
        check(session, books, teams, department)
        roll_up(session)
        check(session, books, teams, department)
    with transaction() as session:
        begin(session)
        assert [str(one) for one in findings(session) if "the price it names" not in one.check] == []


def work(session: Session, books: Books, chance: random.Random, teams: list[str], subject: str) -> int:
    """Place one hold and end it. Returns 1 if the department's budget refuses it, else 0."""
    who, kind = chance.choice(teams), chance.choice(list(PRICES))
    tokens = chance.randrange(1, 60_000)
    asked = cost(kind, tokens)
    fits = who not in teams[:2] or books.used(teams[:2]) + asked <= LIMIT
    amount = Decimal(asked.numerator) / Decimal(asked.denominator)
    try:
        place_hold(session, team_id=who, subject_id=subject, amount_usd=amount)
    except BudgetExceeded:
        assert not fits
        return 1
    assert fits
    ending = chance.choice(["whole", "part", "flagged", "free", "runs", "credit"])
    if ending == "runs":
        books.held[who][subject] = asked
    elif ending == "free":
        release_hold(session, team_id=who, subject_id=subject)
    else:
        actual = tokens if ending != "part" else tokens // 2
        review = Review("implausible", "too many", 2**53, tokens) if ending == "flagged" else None
        for _ in range(2):  # a settlement that is sent again charges nothing
            settle(session, team_id=who, subject_id=subject, charges=[used(kind, actual, subject, review)])
        books.book(who, cost(kind, actual))
        if review:
            books.flagged.append((who, books.center.get(who), cost(kind, actual)))
    if ending == "credit":
        credit = Fraction(-chance.randrange(1, 1000), 10_000)
        exact = Decimal(credit.numerator) / Decimal(credit.denominator)
        adjust(session, NewAdjustment(who, exact, "goodwill"), created_by="key_admin")
        books.book(who, credit)
        books.adjusted[who] += credit
    return 0


def move(session: Session, books: Books, who: str, department: str | None, center: str) -> None:
    allocate(session, who, department_id=department, cost_center=center)
    books.center[who] = center


def resolve(session: Session, books: Books) -> None:
    """Adjust every flagged charge to zero. Each adjustment counts where its charge does."""
    reviews = session.scalars(select(CostReview)).all()
    assert len(reviews) == len(books.flagged) > 0
    for review in reviews:
        adjust_to(session, review, Decimal(0), resolved_by="key_admin", note="never happened")
    for who, center, amount in books.flagged:
        books.spent[who] -= amount
        books.adjusted[who] -= amount
        books.by_center[who, center] -= amount


def check(session: Session, books: Books, teams: list[str], department: str) -> None:
    for who in teams:
        view = budget_view(session, who)
        assert Fraction(view.spent_usd) == books.spent[who]
        assert Fraction(view.held_usd) == sum(books.held[who].values())
        (statement,) = statements(session, present_month(), who)
        assert Fraction(statement.total_usd) == books.spent[who]
        assert Fraction(statement.section_usd("adjustments")) == books.adjusted[who]
        rows = cost_report(session, CostScope(who), ["cost_center"]).rows
        found = {(who, row["cost_center"]): Fraction(row["amount_usd"]) for row in rows}
        assert found == {key: amount for key, amount in books.by_center.items() if key[0] == who}
    shared = standing(session, department)
    assert Fraction(shared.spent_usd) + Fraction(shared.held_usd) == books.used(teams[:2])
    assert Fraction(cost_report(session, CostScope(None), ["team"]).total_usd) == sum(books.spent.values())
