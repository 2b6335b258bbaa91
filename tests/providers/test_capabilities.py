"""The table of what each kind of provider can do, and the translation of hyperparameters."""

import pytest

from service.catalog.files import KINDS
from service.providers.kinds import capabilities
from service.providers.kinds.capabilities import Capabilities, Hyperparameter, capabilities_of, translate


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_in_the_table(kind: capabilities.ProviderKind) -> None:
    assert capabilities_of(kind).stamp in ("metadata", "suffix", "id")


def test_a_kind_that_speaks_openai_s_terms_gets_hyperparameters_unchanged() -> None:
    asked = {"n_epochs": 3, "learning_rate_multiplier": "auto"}
    assert translate("openai", asked) == asked


@pytest.fixture
def absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that takes an absolute learning rate, between 1e-6 and 1e-3."""
    table = {
        "n_epochs": Hyperparameter("epochs", 1, 20),
        "batch_size": Hyperparameter("batch", 8, 32, auto="max"),
        "learning_rate_multiplier": Hyperparameter("learning_rate", 1e-6, 1e-3, unit=1e-5),
    }
    rows = {"openai_compatible": Capabilities(hyperparameters=table)}
    monkeypatch.setattr(capabilities, "_CAPABILITIES", rows)


@pytest.mark.usefixtures("absolute")
def test_names_and_units_are_translated_and_auto_becomes_what_the_provider_says_for_it() -> None:
    asked = {"n_epochs": 3, "batch_size": "auto", "learning_rate_multiplier": 2, "beta": "auto"}
    sent = {"epochs": 3, "batch": "max", "learning_rate": 2e-05}
    assert translate("openai_compatible", asked) == pytest.approx(sent)


@pytest.mark.usefixtures("absolute")
def test_a_value_out_of_range_is_refused_in_our_own_units() -> None:
    with pytest.raises(ValueError, match=r"between 0\.1 and 100 "):
        translate("openai_compatible", {"learning_rate_multiplier": 1000})


@pytest.mark.usefixtures("absolute")
def test_a_hyperparameter_that_the_provider_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="do not take 'beta'"):
        translate("openai_compatible", {"beta": 0.2})
