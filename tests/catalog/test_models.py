"""The catalogue and what the settings make of it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from service.catalog import models
from service.catalog.files import KINDS, load
from service.catalog.offers import check_trainable, find_base, names_on_offer, offers
from service.core import clock
from service.errors import InvalidRequest, TrainingNotAvailable
from service.settings import settings
from trainer.settings import SANDBOX_BASES, parse_bases


@pytest.fixture
def _two_providers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(
        "TUNEHOUSE_PROVIDERS",
        '[{"name":"cloud","kind":"openai","base_url":"http://localhost:1/v1","api_key":"x","timeout_s":1},'
        '{"name":"blue","kind":"azure","base_url":"http://localhost:2/v1","api_key":"x","timeout_s":1}]',
    )
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_training_ends_on_its_date_and_serving_later() -> None:
    model = models.find("openai", "gpt-4.1-mini-2025-04-14")
    assert model is not None
    assert model.trains_on(date(2027, 1, 5))
    assert not model.trains_on(date(2027, 1, 6))
    assert model.shutdown_date == date(2027, 1, 14)


def test_each_method_says_which_format_it_takes() -> None:
    babbage = models.find("openai", "babbage-002")
    large = models.find("trainer", "sandbox-large")
    assert babbage is not None
    assert large is not None
    assert babbage.formats["supervised"] == "completion"
    assert dict(large.formats) == {
        "supervised": "chat",
        "dpo": "preference",
        "reinforcement": "reinforcement",
    }


def named(name: str) -> tuple[str, str] | None:
    """Return the provider and the base that a name stands for."""
    offer = find_base(name)
    return (offer.provider_name, offer.model.id) if offer else None


@pytest.mark.usefixtures("_two_providers")
@pytest.mark.parametrize("base", ["gpt-4o-mini-2024-07-18", "gpt-4o-mini"])
def test_a_base_comes_from_the_first_provider_that_has_it_or_from_the_one_named_before_it(base: str) -> None:
    assert named(base) == ("cloud", "gpt-4o-mini-2024-07-18")
    assert named(f"blue/{base}") == ("blue", "gpt-4o-mini-2024-07-18")
    assert named("gpt-9") is named("green/gpt-4o-mini") is None


@pytest.mark.usefixtures("_two_providers")
def test_what_is_on_offer_leaves_out_what_has_shut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 25, tzinfo=UTC))
    assert names_on_offer().startswith("gpt-4.1-2025-04-14, gpt-4.1-mini-2025-04-14")
    assert "gpt-3.5-turbo" not in names_on_offer()


@pytest.mark.parametrize("kind", KINDS)
def test_no_name_stands_for_two_bases_of_a_provider(kind: str) -> None:
    names = [name for model in models.offered(kind) for name in (model.id, *model.names)]
    assert len(set(names)) == len(names)


@pytest.mark.usefixtures("_two_providers")
def test_a_base_past_its_training_end_is_refused_with_the_alternatives() -> None:
    offer = find_base("cloud/gpt-4.1-mini-2025-04-14")
    assert offer is not None
    named = r"since 2027-01-06\. Models that do, for 'supervised': gpt-4\.1-2025-04-14"
    with pytest.raises(TrainingNotAvailable, match=named):
        check_trainable(offer, "supervised", date(2027, 1, 6))


@pytest.mark.usefixtures("_two_providers")
def test_a_method_that_the_base_does_not_take_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="Supported: supervised, dpo"):
        check_trainable(offers()[0], "reinforcement", date(2026, 11, 21))


def test_the_sandbox_offers_the_bases_and_methods_of_the_catalogue() -> None:
    listed = {one["id"]: set(one["methods"]) for one in load("trainer")["models"]}
    offered = {base.name: set(base.methods) for base in parse_bases(SANDBOX_BASES)}
    assert {name: listed.get(name) for name in offered} == offered
