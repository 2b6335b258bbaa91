"""The sandbox under the names of OpenAI's bases."""

import pytest

from service.catalog.files import shipped
from service.catalog.stand_ins import stand_ins
from service.settings import Settings

TRAINER = '{"name":"t","kind":"trainer","base_url":"http://localhost:1/v1","api_key":"x","timeout_s":1}'
CLOUD = '{"name":"c","kind":"openai","base_url":"http://localhost:2/v1","api_key":"x","timeout_s":1}'


def test_a_stand_in_is_tuned_like_its_model_and_has_no_end() -> None:
    made = stand_ins(shipped("openai"), ["gpt-3.5-turbo", "babbage-002", "gpt-3.5-turbo-0125"])
    (chat, completion) = made["models"]
    assert (chat["id"], chat["names"], chat["stands_in"]) == ("gpt-3.5-turbo-0125", ["gpt-3.5-turbo"], True)
    assert completion["formats"] == {"supervised": "completion"}
    assert not {"trains_until", "shutdown_date"} & (chat.keys() | completion.keys())


def test_a_stand_in_has_notional_prices_for_training_and_for_use() -> None:
    (prices,) = stand_ins(shipped("openai"), ["gpt-3.5-turbo"])["prices"]
    assert prices["source"].startswith("Notional")
    assert prices["usd"]["gpt-3.5-turbo-0125"] == {
        "training_tokens": "8",
        "input_tokens": "3",
        "output_tokens": "6",
    }


def test_an_unknown_model_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"names 'gpt-9', .* Known: gpt-4\.1-2025-04-14"):
        stand_ins(shipped("openai"), ["gpt-9"])


def test_real_and_simulated_models_are_not_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEHOUSE_SANDBOX_STAND_INS", " gpt-4o-mini ,babbage-002,")
    monkeypatch.setenv("TUNEHOUSE_PROVIDERS", f"[{TRAINER}]")
    assert Settings().stand_in_names == ["gpt-4o-mini", "babbage-002"]
    monkeypatch.setenv("TUNEHOUSE_PROVIDERS", f"[{TRAINER},{CLOUD}]")
    with pytest.raises(ValueError, match="could be answered by a simulated one"):
        Settings()
