"""Settings: where secrets come from, and where they do not go."""

from pathlib import Path

import pytest

from service.local.checks import read_settings
from service.local.errors import EmbeddedError
from service.settings import Settings

URLS = ["TUNEHOUSE_DATABASE_URL", "TUNEHOUSE_REDIS_URL"]


@pytest.mark.parametrize("name", URLS)
def test_an_url_with_a_password_can_stand_in_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_text("scheme://user:pa55@host/db\n")
    monkeypatch.setenv(name, f"file:{tmp_path / 'url'}")
    url = getattr(Settings(), name.removeprefix("TUNEHOUSE_").lower())
    assert url.get_secret_value() == "scheme://user:pa55@host/db"


@pytest.mark.parametrize("name", URLS)
def test_the_password_in_an_url_is_not_printed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "scheme://user:pa55@host/db")
    assert "pa55" not in repr(Settings())


@pytest.mark.parametrize("key", ["x", "admin", "a" * 64, "th-short-key", "abcabcabcabcabcabcabcabcabcabc"])
def test_an_admin_key_that_can_be_guessed_stops_the_start(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEHOUSE_ADMIN_KEY", key)
    with pytest.raises(
        EmbeddedError, match=r"TUNEHOUSE_ADMIN_KEY: .*too weak.*openssl rand -hex 24"
    ) as refusal:
        read_settings()
    assert f"'{key}'" not in str(refusal.value)


def test_an_empty_admin_key_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEHOUSE_ADMIN_KEY", "")
    assert Settings().admin_key is None
