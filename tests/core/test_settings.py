"""Settings: where secrets come from, and where they do not go."""

from pathlib import Path

import pytest

from service.local.checks import read_settings
from service.local.errors import EmbeddedError
from service.settings import Settings
from service.settings.redis import parse

URLS = ["TUNEHOUSE_DATABASE_URL", "TUNEHOUSE_REDIS_URL"]


@pytest.mark.parametrize("name", URLS)
def test_an_url_with_a_password_can_stand_in_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_text("redis://user:pa55@host/1\n")
    monkeypatch.setenv(name, f"file:{tmp_path / 'url'}")
    url = getattr(Settings(), name.removeprefix("TUNEHOUSE_").lower())
    assert url.get_secret_value() == "redis://user:pa55@host/1"


@pytest.mark.parametrize("name", URLS)
def test_the_password_in_an_url_is_not_printed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "redis://user:pa55@host/1")
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


@pytest.mark.parametrize(
    ("variable", "complaint"),
    [
        ("TUNEHOUSE_DB_POL_SIZE", "is not a setting. Did you mean TUNEHOUSE_DB_POOL_SIZE?"),
        ("TUNEHOUSE_ZZZZ", "is not a setting. See docs/operations/settings.md."),
        ("TUNEHOUSE_SANDBOX_STANDINS", "is not a setting. Did you mean TUNEHOUSE_SANDBOX_STAND_INS?"),
    ],
)
def test_a_misspelt_setting_stops_the_start(
    variable: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "60")
    with pytest.raises(EmbeddedError) as refusal:
        read_settings()
    assert str(refusal.value) == f"{variable} {complaint}"


def test_a_variable_that_holds_a_secret_for_a_setting_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEHOUSE_OUR_DATABASE", "postgresql+psycopg://here/db")
    monkeypatch.setenv("TUNEHOUSE_DATABASE_URL", "env:TUNEHOUSE_OUR_DATABASE")
    assert read_settings().database_url.get_secret_value() == "postgresql+psycopg://here/db"


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("TUNEHOUSE_STORAGE_URL", "ftp://bucket/x", "must be file:///some/folder, or a bucket"),
        ("TUNEHOUSE_STORAGE_URL", "s3:///prefix", "must be file:///some/folder, or a bucket"),
        ("TUNEHOUSE_STORAGE_URL", "/var/lib/tunehouse", "must be file:///some/folder, or a bucket"),
        ("TUNEHOUSE_CATALOG_FILE", "/nowhere/models.toml", "there is no file /nowhere/models.toml"),
    ],
)
def test_a_place_that_cannot_be_used_stops_the_start(
    variable: str, value: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(EmbeddedError, match=f"{variable}: .*{complaint}"):
        read_settings()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("amqp://host", "must be redis://"),
        ("redis+sentinel://host:26379/0/1", None),
        ("redis+sentinel://host:26379", "must be redis://"),
        ("redis://host/zero", "must be redis://"),
        ("redis://host/0?ssl_ca_certs=x", "unknown option ssl_ca_certs; allowed: none"),
        ("rediss://host/0?ssl_ca_cert=x", "unknown option ssl_ca_cert; allowed: ssl_ca_certs"),
    ],
)
def test_a_broker_address_that_cannot_be_understood_is_refused(url: str, complaint: str | None) -> None:
    if complaint is None:
        assert parse(url).master == "0"
        return
    with pytest.raises(ValueError, match=complaint):
        parse(url)
