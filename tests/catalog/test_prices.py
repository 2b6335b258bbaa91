"""The price book."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from service.catalog.models import offered
from service.catalog.prices import NewPrice, PriceKind, add_price, price_at, prices_at
from service.catalog.seed import shipped_prices, sync_prices
from service.core.db import transaction
from service.errors import Conflict, PriceUnknown

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
_numbers = itertools.count(1)


def new_model() -> str:
    """A model that no other test has prices for: the price book is never emptied."""
    return f"model-{datetime.now(UTC).timestamp()}-{next(_numbers)}"


def add(session: Session, model: str, usd: str, since: datetime, method: str | None = None) -> None:
    add_price(
        session,
        NewPrice(
            provider_kind="openai",
            model=model,
            method=method,
            kind=PriceKind.TRAINING_TOKENS,
            tier="standard",
            unit_quantity=1_000_000,
            amount_usd=Decimal(usd),
            effective_from=since,
            source="test",
        ),
    )


def found(session: Session, model: str, at: datetime | None = None, method: str | None = None) -> Decimal:
    kind = PriceKind.TRAINING_TOKENS
    return price_at(session, provider_kind="openai", model=model, kind=kind, method=method, at=at).amount_usd


@pytest.mark.usefixtures("database")
def test_the_price_in_force_at_a_moment_is_found() -> None:
    model = new_model()
    with transaction() as session:
        add(session, model, "1", JANUARY)
        add(session, model, "2", MARCH)
        assert found(session, model, datetime(2026, 2, 28, tzinfo=UTC)) == 1
        assert found(session, model, MARCH) == 2
        assert found(session, model) == 2


@pytest.mark.usefixtures("database")
def test_a_price_from_the_future_is_not_yet_in_force() -> None:
    model = new_model()
    with transaction() as session:
        add(session, model, "1", JANUARY)
        add(session, model, "9", datetime(2200, 1, 1, tzinfo=UTC))
        assert found(session, model) == 1


@pytest.mark.usefixtures("database")
def test_a_price_for_the_method_goes_before_one_for_all_methods() -> None:
    model = new_model()
    with transaction() as session:
        add(session, model, "1", JANUARY, method="dpo")
        add(session, model, "2", MARCH)
        assert found(session, model, method="dpo") == 1
        assert found(session, model, method="supervised") == 2
        assert found(session, model) == 2


@pytest.mark.usefixtures("database")
def test_an_unknown_price_refuses_and_says_what_to_add() -> None:
    with transaction() as session, pytest.raises(PriceUnknown, match="POST /v1/prices") as refused:
        found(session, "no-such-model")
    assert "training_tokens of 'no-such-model'" in refused.value.message


@pytest.mark.usefixtures("database")
def test_the_same_price_cannot_be_given_twice() -> None:
    model = new_model()
    with transaction() as session:
        add(session, model, "1", JANUARY)
        with pytest.raises(Conflict, match="never edited"):
            add(session, model, "2", JANUARY)


@pytest.mark.parametrize(
    "change", ["UPDATE prices SET amount_usd = 0", "DELETE FROM prices", "TRUNCATE prices"]
)
@pytest.mark.usefixtures("database")
def test_the_database_refuses_to_change_prices(change: str) -> None:
    with pytest.raises(ProgrammingError) as refused, transaction() as session:
        session.execute(text(change))
    assert isinstance(refused.value.orig, InsufficientPrivilege)


@pytest.mark.usefixtures("database")
def test_shipping_the_prices_again_adds_none() -> None:
    with transaction() as session:
        sync_prices(session)
        assert sync_prices(session) == 0


@pytest.mark.usefixtures("database")
def test_every_model_that_trains_has_prices_for_training_and_for_use() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    use = (PriceKind.INPUT_TOKENS, PriceKind.CACHED_INPUT_TOKENS, PriceKind.OUTPUT_TOKENS)
    living = [m for kind in ("openai", "azure", "trainer") for m in offered(kind) if m.trains_on(now.date())]
    with transaction() as session:
        sync_prices(session)
        for model in living:
            kind = model.provider_kind
            for method in model.methods:
                paid = PriceKind.TRAINING_HOURS if method == "reinforcement" else PriceKind.TRAINING_TOKENS
                price_at(session, provider_kind=kind, model=model.id, kind=paid, method=method, at=now)
            prices_at(session, provider_kind=kind, model=model.id, kinds=use, at=now)
            prices_at(session, provider_kind=kind, model=f"ft:{model.id}", kinds=use, at=now)


def test_shipped_prices_name_their_source_and_are_for_models_of_the_catalogue() -> None:
    for price in shipped_prices():
        known = [model.id for model in offered(price.provider_kind)]
        assert price.model.removeprefix("ft:") in known
        assert price.source
