"""Settings from the environment (`TUNEHOUSE_…`), and from a TOML file named by `TUNEHOUSE_CONFIG`.

The environment wins over the file. Each field's description says what goes wrong without it;
`docs/operations/settings.md` is held against this file by a test.
"""

import os
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
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

from service.settings.providers import ProviderSettings, check_names
from service.settings.secrets import AdminKey, Secret

__all__ = ["ProviderSettings", "Settings", "settings"]


class Settings(BaseSettings):
    """All settings of one process; see the module docstring for where they come from."""

    model_config = SettingsConfigDict(
        env_prefix="TUNEHOUSE_",
        extra="ignore",
        toml_file=os.environ.get("TUNEHOUSE_CONFIG"),
        hide_input_in_errors=True,  # a malformed provider's error would print its key
    )

    database_url: Secret = Field(
        default=SecretStr("postgresql+psycopg://localhost/tunehouse"),
        description="PostgreSQL 15 or newer. Everything that may not be lost is there.",
    )
    redis_url: Secret = Field(
        default=SecretStr("redis://localhost:6379/0"),
        description="Celery's broker and rate-limit counters; may be lost at any time.",
    )
    admin_key: AdminKey | None = Field(
        default=None,
        description="A first key with every right, to create named admin keys with; remove it afterwards. "
        "At least 24 characters.",
    )
    storage_url: str = Field(
        default="file:///var/lib/tunehouse",
        description="`file:///…` or `s3://bucket/…`: datasets live there, seen by api and workers alike.",
    )
    providers: Annotated[list[ProviderSettings], AfterValidator(check_names)] = Field(
        default_factory=list, description="The upstreams; with none, nothing can be trained or served."
    )
    catalog_file: Path | None = Field(
        default=None,
        description="TOML with models and prices of your own; a base no catalogue names cannot be tuned.",
    )
    public_url: str = Field(
        default="http://localhost:8800", description="How others reach the api; shown in links only."
    )
    db_pool_size: int = Field(
        default=40, ge=1, description="Connections per process; as many as api threads, or threads wait."
    )
    db_pool_timeout_s: float = Field(
        default=5.0, gt=0, description="A request that finds no connection for this long is answered 503."
    )
    max_body_bytes: int = Field(
        default=2 * 2**20,
        ge=1024,
        description="Limit of a JSON body; a larger one is refused before it is read.",
    )
    max_file_bytes: int = Field(
        default=512 * 2**20,
        ge=1024,
        description="Limit of one file sent to POST /v1/files (OpenAI's is 512 MB).",
    )
    max_inference_body_bytes: int = Field(
        default=20 * 2**20,
        ge=1024,
        description="Limit of a request for model output; images in it make such bodies large.",
    )
    inference_cache_s: float = Field(
        default=2.0,
        ge=0,
        le=3,
        description="How long an api process goes on using a key, model or price that has changed.",
    )
    inference_default_output_tokens: int = Field(
        default=1024,
        ge=1,
        description="What a request without a token limit reserves; the model's own limit would pin budgets.",
    )
    inference_hold_s: float = Field(
        default=3600.0,
        gt=0,
        description="What a killed api process had reserved is freed after this; must outlast one answer.",
    )
    key_requests_per_minute: int | None = Field(
        default=None, ge=1, description="Without it one key may send as fast as the provider takes it."
    )
    key_tokens_per_minute: int | None = Field(
        default=None, ge=1, description="Like the requests, counted in tokens read and written."
    )
    team_requests_per_minute: int | None = Field(
        default=None, ge=1, description="Without it one team can use up what the provider allows all."
    )
    team_tokens_per_minute: int | None = Field(
        default=None, ge=1, description="Like the requests, counted in tokens read and written."
    )
    sweep_interval_s: float = Field(
        default=1.0,
        gt=0,
        description="How often each worker looks for overdue work; a lost wake-up is sent again after 10 s.",
    )
    poll_interval_s: float = Field(
        default=20.0, gt=0, description="How often a provider job is asked after while no webhook comes."
    )
    create_grace_s: float = Field(
        default=90.0,
        gt=0,
        description="How long a create whose answer was lost may take to show; less risks a paid double. "
        "More than any provider's `timeout_s`.",
    )
    orphan_sweep_interval_s: float = Field(
        default=600.0,
        gt=0,
        description="How often providers are searched for jobs and files of ours unknown to us.",
    )
    shutdown_acknowledge_days: int = Field(
        default=30,
        ge=0,
        description="A job on a model that ends within so many days must say that this is known.",
    )
    shutdown_poll_interval_s: float = Field(
        default=21600.0,
        gt=0,
        description="How often providers are asked when their models end; a new date shows this late.",
    )
    month_close_days: int = Field(
        default=5,
        ge=1,
        le=366,
        description="A month closes by itself this long after its end; what comes later counts in the next.",
    )
    lease_s: float = Field(
        default=120.0,
        gt=0,
        description="A crashed worker's work is taken over after this; more than any provider's `timeout_s`.",
    )
    webhook_allowed_networks: list[IPv4Network | IPv6Network] = Field(
        default_factory=list,
        description="Private networks that webhook endpoints may live in; all others are refused (SSRF).",
    )
    webhook_retry_schedule_s: list[Annotated[float, Field(ge=0, le=7 * 86400)]] = Field(
        default=[5, 300, 1800, 7200, 18000, 36000, 36000],
        description="The pauses between attempts at a webhook, ±20 %; after the last one it has failed.",
    )
    webhook_timeout_s: float = Field(
        default=15.0,
        gt=0,
        le=60,
        description="Bounds one call to a webhook endpoint; a slow one holds a worker thread this long.",
    )
    webhook_keep_days: int = Field(
        default=90,
        ge=1,
        description="Ended deliveries are forgotten after this, with their attempts; they would pile up.",
    )
    audit_keep_days: int = Field(
        default=730,
        ge=90,
        description="The audit log forgets after this; less than 90 the database itself refuses.",
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="One JSON object per line, or coloured text for a person."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is quieter than this is not logged."
    )

    @field_validator("admin_key", mode="before")
    @classmethod
    def _empty_is_none(cls, key: object) -> object:
        """Compose files and shells pass on a variable that is not set as an empty one."""
        return None if key == "" else key

    @field_validator("create_grace_s", "lease_s")
    @classmethod
    def _outlast_calls(cls, seconds: float, info: ValidationInfo) -> float:
        """While a create may still be on its way, nobody may take it for lost and send another."""
        for one in info.data.get("providers", ()):
            if one.timeout_s >= seconds:
                raise ValueError(
                    f"{seconds:g} s do not outlast a call to the provider {one.name!r}, which may take its "
                    f"timeout_s of {one.timeout_s:g} s: a job could be created, and paid for, twice"
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
