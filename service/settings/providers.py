"""Settings of one upstream."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.settings.secrets import FileSecret, Key, Secret


def _check_base_url(url: str) -> str:
    """Errors at the first call, hours later in a worker, would be harder to understand."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ValueError("must look like https://api.openai.com/v1, without a query or a user name")
    return url


BaseUrl = Annotated[str, AfterValidator(_check_base_url)]


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
    base_url: BaseUrl = Field(description="Up to and including /v1.")
    api_key: Key = Field(
        description="The provider's key; never stored, logged or shown. With `file:` it is read again at "
        "each use, so you can replace it without a restart."
    )
    inference_base_url: BaseUrl | None = Field(
        default=None,
        description="Where its models are served, if not where they are trained: a vLLM beside the trainer.",
    )
    inference_api_key: Key | None = Field(
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

    def current(self) -> Self:
        """These settings with the secrets their files hold now, so that keys change without a restart."""
        files = {name: value for name, value in self if isinstance(value, FileSecret)}
        if not files:
            return self
        return self.model_copy(update={name: file.current() for name, file in files.items()})

    @property
    def serving_url(self) -> str:
        """Where its models answer."""
        return self.inference_base_url or self.base_url

    @property
    def serving_key(self) -> str:
        """The key to where its models answer."""
        return (self.inference_api_key or self.api_key).get_secret_value()


def check_names(providers: list[ProviderSettings]) -> list[ProviderSettings]:
    """The same providers. Raises `ValueError` when two share a name."""
    names = [one.name for one in providers]
    if len(set(names)) < len(names):
        raise ValueError("two providers have the same name; rows could not tell them apart")
    return providers
