"""Settings from the environment (`TUNEHOUSE_…`), and from a TOML file named by `TUNEHOUSE_CONFIG`.

The environment takes precedence. Each description has two lines, what the setting means and when to change
it: the columns of `docs/operations/settings.md`, which `python -m tests.cli.settings_table` fills.
"""

import os
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from service.settings.databases import DatabaseSettings
from service.settings.http import HttpSettings
from service.settings.offering import OfferingSettings
from service.settings.people import PeopleSettings
from service.settings.providers import ProviderSettings
from service.settings.redis import RedisUrl
from service.settings.secrets import AdminKey
from service.settings.sinks import AuditSink
from service.settings.teams import TeamSettings
from service.settings.traces import TraceSettings

__all__ = ["ProviderSettings", "Settings", "settings"]

STORAGE_BUCKETS = ("s3", "gs", "az")  # schemes of the URLs of buckets


class Settings(OfferingSettings, DatabaseSettings, HttpSettings, TeamSettings, PeopleSettings, TraceSettings):
    """All settings of one process; see the module docstring for where they come from."""

    model_config = SettingsConfigDict(
        env_prefix="TUNEHOUSE_",
        extra="forbid",  # of the TOML file; for the environment see `unknown`
        toml_file=os.environ.get("TUNEHOUSE_CONFIG"),
        hide_input_in_errors=True,  # a malformed provider's error would print its key
    )

    redis_url: RedisUrl = Field(
        default=SecretStr("redis://localhost:6379/0"),
        description="Redis or Valkey, for Celery's messages and rate-limit counters: `redis://`, `rediss://` "
        "(TLS) or `redis+sentinel://`. Its data may be lost at any time.\n"
        "Always, outside `tunehouse up`.",
    )
    admin_key: AdminKey | None = Field(
        default=None,
        description="A first admin key of at least 24 characters.\n"
        "To create named admin keys on a new installation. Remove it afterwards.",
    )
    storage_url: str = Field(
        default="file:///var/lib/tunehouse",
        description="Where datasets are stored: `file:///…`, or a bucket as `s3://…`, `gs://…` or `az://…`.\n"
        "Always, outside `tunehouse up`. The api and workers must all reach the same place.",
    )
    catalog_file: Path | None = Field(
        default=None,
        description="A TOML file with models and prices of your own.\n"
        "To offer a base model that the built-in catalogue lacks.",
    )
    public_url: str = Field(
        default="http://localhost:8800",
        description="The address under which others reach the api; used only in links.\n"
        "When the api is not at this address.",
    )
    inference_cache_s: float = Field(
        default=2.0,
        ge=0,
        le=3,
        description="How long an api process may use a key, model or price after another process has changed "
        "it.\n"
        "Lower it to make revoked keys stop sooner, at the cost of more database reads.",
    )
    inference_default_output_tokens: int = Field(
        default=1024,
        ge=1,
        description="Output tokens reserved for a request that sets no limit.\n"
        "Lower it if such requests exhaust budgets while they run; raise it if answers often cost "
        "more than was reserved.",
    )
    inference_hold_s: float = Field(
        default=3600.0,
        gt=0,
        description="How long the holds of a killed api process stay on the budget before they are charged "
        "as uncertain.\n"
        "Keep it longer than the longest answer takes.",
    )
    drain_s: float = Field(
        default=600.0,
        ge=0,
        description="How long a stopping api process lets running requests finish before it cuts and settles "
        "them.\n"
        "Lower it where processes must stop sooner. Your process manager must wait longer than this.",
    )
    shutdown_delay_s: float = Field(
        default=10.0,
        ge=0,
        description="How long a stopping api process answers as before, while `/readyz` is already 503.\n"
        "Keep it longer than your balancer needs to take out a process that is not ready; without a "
        "balancer, set it to 0.",
    )
    sweep_interval_s: float = Field(
        default=1.0,
        gt=0,
        description="How often each worker looks for overdue work. A lost wake-up is sent again after 10 s.\n"
        "Raise it if many workers load the database with sweeps.",
    )
    poll_interval_s: float = Field(
        default=20.0,
        gt=0,
        description="How often a provider job is polled while no webhook arrives.\n"
        "Lower it where the provider's webhooks cannot reach you; raise it to save calls.",
    )
    create_grace_s: float = Field(
        default=90.0,
        gt=0,
        description="How long to search for a job whose creation got no answer before sending it again.\n"
        "Keep it above every provider's `timeout_s`. If it is too short, a job may be created, and "
        "paid for, twice.",
    )
    orphan_sweep_interval_s: float = Field(
        default=600.0,
        gt=0,
        description="How often providers are searched for jobs and files that Tunehouse created but does not "
        "know.\n"
        "Lower it to find orphans sooner; raise it to save calls.",
    )
    shutdown_acknowledge_days: int = Field(
        default=30,
        ge=0,
        description="Jobs on a model that shuts down within this many days must acknowledge it.\n"
        "Raise it to warn teams earlier.",
    )
    shutdown_poll_interval_s: float = Field(
        default=21600.0,
        gt=0,
        description="How often providers are asked for their models' shutdown dates.\n"
        "Lower it to see new dates sooner.",
    )
    month_close_days: int = Field(
        default=5,
        ge=1,
        le=366,
        description="A month closes this many days after its end. Later charges count in the next month.\n"
        "Raise it if the provider's corrections arrive later.",
    )
    lease_s: float = Field(
        default=120.0,
        gt=0,
        description="How long a crashed worker's work waits before another worker takes it over.\n"
        "Keep it above every provider's `timeout_s`.",
    )
    webhook_allowed_networks: list[IPv4Network | IPv6Network] = Field(
        default_factory=list,
        description="Private networks that webhook endpoints may be in. All others are refused, to prevent "
        "SSRF.\n"
        "When receivers run inside your network.",
    )
    webhook_retry_schedule_s: list[Annotated[float, Field(ge=0, le=7 * 86400)]] = Field(
        default=[5, 300, 1800, 7200, 18000, 36000, 36000],
        description="Pauses between the attempts at a webhook, ±20 %. After the last one, it has failed.\n"
        "When receivers are often down for longer.",
    )
    webhook_timeout_s: float = Field(
        default=15.0,
        gt=0,
        le=60,
        description="Time limit of one webhook call.\n"
        "Raise it for slow receivers; each slow call occupies a worker thread.",
    )
    webhook_keep_days: int = Field(
        default=90,
        ge=1,
        description="How long finished deliveries and their attempts are kept.\n"
        "Raise it if you need a longer history.",
    )
    audit_keep_days: int = Field(
        default=730,
        ge=90,
        description="How long audit events are kept. The database refuses less than 90 days.\n"
        "When your compliance rules say so.",
    )
    audit_sink: AuditSink | None = Field(
        default=None,
        description="Where workers copy the audit log as it grows: `file:///path.jsonl`, or "
        "`syslog://host:port` (TCP).\n"
        "To keep a copy that nobody with access to the database can change.",
    )
    worker_metrics_address: str | None = Field(
        default=None,
        pattern=r"^(\S+):\d{1,5}$",
        description="Where each worker serves metrics, as `host:port`: `/metrics` of itself, and "
        "`/installation` of the whole, with every team's spending.\n"
        "To monitor workers. Teams must not reach this address; workers on one host need different ports.",
    )
    log_format: Literal["json", "console"] = Field(
        default="json",
        description="`json`: one JSON object per line. `console`: coloured text.\n"
        "Use `console` when a person reads along.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="The lowest level that is logged.\nUse `debug` to investigate; it is verbose.",
    )

    @field_validator("admin_key", mode="before")
    @classmethod
    def _empty_is_none(cls, key: object) -> object:
        """Compose files and shells pass an unset variable on as an empty one."""
        return None if key == "" else key

    @field_validator("storage_url")
    @classmethod
    def _names_a_place(cls, url: str) -> str:
        """Refuse at the start what would otherwise fail at the first upload."""
        parts = urlsplit(url)
        if parts.scheme in STORAGE_BUCKETS and parts.netloc:
            return url
        if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
            return url
        raise ValueError(
            "must be file:///some/folder, or a bucket as s3://bucket/prefix, gs://bucket/prefix or "
            "az://container/prefix"
        )

    @field_validator("catalog_file")
    @classmethod
    def _exists(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path

    @field_validator("create_grace_s", "lease_s")
    @classmethod
    def _outlast_calls(cls, seconds: float, info: ValidationInfo) -> float:
        """A create that may still be on its way must not be taken for lost and sent again."""
        for one in info.data.get("providers", ()):
            if one.timeout_s >= seconds:
                raise ValueError(
                    f"{seconds:g} s must be longer than the timeout_s of the provider {one.name!r}, which is "
                    f"{one.timeout_s:g} s: otherwise a job could be created, and paid for, twice"
                )
        return seconds

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


@cache
def settings() -> Settings:
    """This process's settings, read once.

    Raises pydantic's `ValidationError` naming the variable when one is malformed.
    """
    return Settings()
