"""Providers are found by their configured names, and unusable settings are refused at the start."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.local.checks import read_settings
from service.local.errors import EmbeddedError
from service.providers import registry
from service.providers.errors import NotConfigured
from service.providers.kinds.azure import AzureWire
from service.settings import Settings, settings

ONE = {"name": "one", "kind": "openai", "base_url": "https://api.openai.com/v1", "api_key": "sk-one-key"}
TWO = {"name": "two", "kind": "azure", "base_url": "https://r.openai.azure.com/openai/v1/", "api_key": "k2"}


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TUNEHOUSE_PROVIDERS", json.dumps([ONE, TWO]))
    monkeypatch.setenv("TUNEHOUSE_CREATE_GRACE_S", "90")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("configured")
def test_a_provider_is_opened_once_per_process() -> None:
    assert registry.get_provider("one") is registry.get_provider("one")
    assert [provider.name for provider in registry.all_providers()] == ["one", "two"]
    assert isinstance(registry.get_provider("two"), AzureWire)


def test_a_key_in_a_file_is_replaced_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text("sk-first\n")
    monkeypatch.setenv("TUNEHOUSE_PROVIDERS", json.dumps([ONE | {"api_key": f"file:{file}"}]))
    monkeypatch.setenv("TUNEHOUSE_CREATE_GRACE_S", "90")
    settings.cache_clear()

    def sent() -> str:
        return registry.endpoint_of(registry.provider_settings("one")).headers["Authorization"]

    before = registry.get_provider("one")
    assert sent() == "Bearer sk-first"
    for unusable in ("", "half a\nfile"):
        file.write_text(unusable)
        assert sent() == "Bearer sk-first"
    assert registry.get_provider("one") is before
    file.write_text("sk-second\n")
    assert sent() == "Bearer sk-second"
    settings.cache_clear()


@pytest.mark.usefixtures("configured")
def test_a_name_that_is_not_configured_may_be_so_later() -> None:
    with pytest.raises(NotConfigured):
        registry.get_provider("three")


@pytest.mark.parametrize(
    "providers",
    [
        [ONE | {"base_url": "api.openai.com/v1"}],
        [ONE | {"base_url": "ftp://api.openai.com/v1"}],
        [ONE | {"base_url": "https://user:pass@api.openai.com/v1"}],
        [ONE | {"base_url": "https://api.openai.com/v1?a=b"}],
        [ONE | {"api_key": ""}],
        [ONE | {"api_key": "sk-one-key\n"}],
        [ONE | {"api_key": "env:SURELY_NOT_SET"}],
        [ONE | {"name": "Not A Name"}],
        [ONE | {"kind": "other"}],
        [ONE | {"timeout_s": 0}],
        [ONE | {"colour": "blue"}],
        [ONE, ONE],
    ],
)
def test_settings_that_could_not_work_are_refused_without_showing_the_key(
    providers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEHOUSE_PROVIDERS", json.dumps(providers))

    with pytest.raises(ValidationError) as raised:
        Settings()

    assert "sk-one-key" not in str(raised.value)


@pytest.mark.parametrize("name", ["TUNEHOUSE_CREATE_GRACE_S", "TUNEHOUSE_LEASE_S"])
def test_a_call_may_not_outlast_what_keeps_others_from_sending_the_job_again(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEHOUSE_PROVIDERS", json.dumps([ONE | {"timeout_s": 30}]))
    monkeypatch.setenv("TUNEHOUSE_CREATE_GRACE_S", "31")
    monkeypatch.setenv("TUNEHOUSE_LEASE_S", "31")
    assert Settings().lease_s == 31

    monkeypatch.setenv(name, "30")
    with pytest.raises(
        EmbeddedError, match=f"^{name}: .* 30 s must be longer than the timeout_s of the provider 'one'"
    ):
        read_settings()
