"""Settings from the environment (`TUNEHOUSE_…`), and from a TOML file named by `TUNEHOUSE_CONFIG`.

The environment wins over the file. Each field's description says what goes wrong without it;
`docs/operations/settings.md` is held against this file by a test.
"""

import os
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
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


def _resolve(secret: SecretStr) -> SecretStr:
    """Follow `env:NAME` and `file:/path`, so that no secret need stand in a file or process list."""
    source, _, where = secret.get_secret_value().partition(":")
    if source == "env":
        if where not in os.environ:
            raise ValueError(f"names the environment variable {where}, which is not set")
        return SecretStr(os.environ[where])
    if source == "file":
        try:
            return SecretStr(Path(where).read_text().strip())
        except OSError as unreadable:
            raise ValueError(f"names the file {where}, which cannot be read: {unreadable}") from unreadable
    return secret


Secret = Annotated[SecretStr, AfterValidator(_resolve)]


def _check_base_url(url: str) -> str:
    """Errors at the first call, hours later in a worker, would be harder to understand."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ValueError("must look like https://api.openai.com/v1, without a query or a user name")
    return url


def _check_key(secret: SecretStr) -> SecretStr:
    key = secret.get_secret_value()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("is empty or holds characters that no HTTP header can carry")
    return secret


class JobLimitSettings(BaseModel):
    """How many jobs of one model an account may have; what is left out is not limited by us."""

    model_config = ConfigDict(extra="forbid")

    concurrent: int | None = Field(default=None, ge=1, description="Not ended yet, queued ones included.")
    per_day: int | None = Field(default=None, ge=1, description="Created within a rolling 24 hours.")


class ProviderSettings(BaseModel):
    """One upstream that can train or serve models."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="How rows and reports name it.")
    kind: Literal["openai", "azure", "trainer"] = Field(
        description="Which catalogue of models, limits and prices applies, and which wire quirks."
    )
    base_url: Annotated[str, AfterValidator(_check_base_url)] = Field(description="Up to and including /v1.")
    api_key: Annotated[Secret, AfterValidator(_check_key)] = Field(
        description="The provider's key; never stored, logged or answered."
    )
    inference_base_url: Annotated[str, AfterValidator(_check_base_url)] | None = Field(
        default=None,
        description="Where its models are served, if not where they are trained: a vLLM beside the trainer.",
    )
    inference_api_key: Annotated[Secret, AfterValidator(_check_key)] | None = Field(
        default=None, description="The key of that server; without it the provider's own is sent there."
    )
    webhook_secret: Secret | None = Field(
        default=None,
        description="Without it the provider's webhooks are refused and polling alone informs us.",
    )
    timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="Ends each call that is about jobs; a hung upstream would hold a worker thread.",
    )
    inference_timeout_s: float = Field(
        default=600.0, gt=0, description="How long the gateway waits for the next byte of an answer."
    )
    max_concurrency: int = Field(
        default=512, ge=1, description="Answers awaited at once per api process; more are refused with 503."
    )
    job_limits: dict[str, JobLimitSettings] = Field(
        default_factory=dict,
        description="By model, or `*`; without it the catalogue's apply, which your account may not have.",
    )
    calls_per_minute: int = Field(
        default=600,
        ge=1,
        description="Asking after jobs takes no more than this, so that others get through.",
    )
    parts_above_bytes: int = Field(
        default=512 * 2**20,
        ge=1,
        description="Larger files are copied there in parts; in one request they would be refused.",
    )
    deployments: dict[str, str] = Field(
        default_factory=dict,
        description="What base models are deployed as, by model; without it each goes by its own name.",
    )
    training_type: str | int | None = Field(
        default=None,
        description="Azure's `trainingType`, such as GlobalStandard; without it Azure may refuse every job.",
    )

    @property
    def serving_url(self) -> str:
        """Where its models answer."""
        return self.inference_base_url or self.base_url

    @property
    def serving_key(self) -> str:
        """The key to where its models answer."""
        return (self.inference_api_key or self.api_key).get_secret_value()


def _check_names(providers: list[ProviderSettings]) -> list[ProviderSettings]:
    names = [one.name for one in providers]
    if len(set(names)) < len(names):
        raise ValueError("two providers have the same name; rows could not tell them apart")
    return providers


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
    admin_key: Secret | None = Field(
        default=None,
        description="A bearer key with every right, beside those stored hashed by `tunehouse admin-key`.",
    )
    storage_url: str = Field(
        default="file:///var/lib/tunehouse",
        description="`file:///…` or `s3://bucket/…`: datasets live there, seen by api and workers alike.",
    )
    providers: Annotated[list[ProviderSettings], AfterValidator(_check_names)] = Field(
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
