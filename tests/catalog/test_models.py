"""The catalogue and what the settings make of it."""

from collections.abc import Iterator
from datetime import date

import pytest

from service.catalog import models
from service.catalog.files import load
from service.catalog.offers import check_trainable, offers, resolve_base
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


@pytest.mark.usefixtures("_two_providers")
def test_a_base_is_had_from_the_first_provider_that_has_it() -> None:
    assert resolve_base("gpt-4o-mini-2024-07-18").provider_name == "cloud"


@pytest.mark.usefixtures("_two_providers")
def test_a_provider_can_be_named_before_the_base() -> None:
    assert resolve_base("blue/gpt-4o-mini-2024-07-18").provider_name == "blue"


@pytest.mark.usefixtures("_two_providers")
def test_an_unknown_base_is_refused_with_what_there_is() -> None:
    with pytest.raises(InvalidRequest, match=r"On offer: gpt-4\.1-2025-04-14"):
        resolve_base("gpt-9")


@pytest.mark.usefixtures("_two_providers")
def test_a_base_past_its_training_end_is_refused_with_the_alternatives() -> None:
    offer = resolve_base("cloud/gpt-4.1-mini-2025-04-14")
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
