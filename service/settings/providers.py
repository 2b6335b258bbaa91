"""Settings of one provider."""

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from service.settings.secrets import FileSecret, Key, Secret

ProviderKind = Literal[
    "openai", "azure", "trainer", "openai_compatible", "nebius", "together", "fireworks", "bedrock"
]


def _check_base_url(url: str) -> str:
    """Refuse a malformed address at the start, not at the first call hours later in a worker."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ValueError("must look like https://api.openai.com/v1, without a query or a user name")
    return url


_FIREWORKS_ACCOUNT = re.compile(r"/v1/accounts/[a-z0-9-]{1,63}/?$")

BaseUrl = Annotated[str, AfterValidator(_check_base_url)]


class JobLimitSettings(BaseModel):
    """How many jobs of one model an account may have. Tunehouse sets no limit for a missing field."""

    model_config = ConfigDict(extra="forbid")

    concurrent: int | None = Field(default=None, ge=1, description="Unfinished jobs, including queued ones.")
    per_day: int | None = Field(default=None, ge=1, description="Jobs created within a rolling 24 hours.")


class ProviderSettings(BaseModel):
    """One provider that can train or serve models."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$",
        description="The provider's name in jobs, reports and its webhook address.\n"
        "Required. Keep it: rows refer to it.",
    )
    kind: ProviderKind = Field(
        description="The type of provider. It selects the catalogue of models, limits and prices, and "
        "details of the wire format.\n"
        "Required."
    )
    base_url: BaseUrl = Field(description="The provider's address, up to and including `/v1`.\nRequired.")
    api_key: Key = Field(
        description="The provider's key. It is never stored, logged or shown.\n"
        "Required. Use `file:` to replace it without a restart: the file is read again at each use."
    )
    inference_base_url: BaseUrl | None = Field(
        default=None,
        description="Where the provider's models are served, if not at `base_url`.\n"
        "When a vLLM serves what your trainer trains.",
    )
    inference_api_key: Key | None = Field(
        default=None,
        description="The key for `inference_base_url`. Without it, `api_key` is sent there.\n"
        "When that server has a key of its own.",
    )
    webhook_secret: Secret | None = Field(
        default=None,
        description="The secret that signs the provider's webhooks. Without it they are refused, and "
        "jobs are only polled.\n"
        "When the provider can reach you: job changes then show at once.",
    )
    timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="Time limit of one call about files or jobs; an upload may take longer, by its size.\n"
        "Raise it for a slow provider; each slow call occupies a worker thread.",
    )
    inference_timeout_s: float = Field(
        default=600.0,
        gt=0,
        description="How long the gateway waits for the next byte of an answer.\n"
        "Raise it for models that think for longer before they answer.",
    )
    max_concurrency: int = Field(
        default=512,
        ge=1,
        description="Inference requests in progress per api process. Further ones get a 503.\n"
        "Lower it to protect a server of your own.",
    )
    job_limits: dict[str, JobLimitSettings] = Field(
        default_factory=dict,
        description="Jobs at once and per day, by model or `*`.\n"
        "When your account's limits differ from the catalogue's.",
    )
    calls_per_minute: int = Field(
        default=600,
        ge=1,
        description="Calls per minute spent on polling jobs.\n"
        "Lower it when other software shares the account's rate limit.",
    )
    parts_above_bytes: int = Field(
        default=512 * 2**20,
        ge=1,
        description="Larger files are copied to the provider in parts.\n"
        "Lower it if a proxy limits request bodies.",
    )
    upload_allowed_networks: list[IPv4Network | IPv6Network] = Field(
        default_factory=list,
        description="Together and Fireworks only: private networks that the provider may name for an upload. "
        "All others are refused, to prevent SSRF.\n"
        "When the provider, or a gateway to it, stores files inside your network.",
    )
    region: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$",
        description="Bedrock only: the AWS region of `base_url`, for signatures.\nRequired at Bedrock.",
    )
    training_role: str | None = Field(
        default=None,
        pattern=r"^arn:aws[\w-]*:iam::\d{12}:role/.{1,200}$",
        description="Bedrock only: the role with which training jobs read and write the bucket.\n"
        "Required at Bedrock.",
    )
    training_bucket_url: BaseUrl | None = Field(
        default=None,
        description="Bedrock only: where training files are put in S3, as "
        "`https://BUCKET.s3.REGION.amazonaws.com/PREFIX`.\n"
        "Required at Bedrock.",
    )
    hosting_project: str | None = Field(
        default=None,
        pattern=r"^[\w-]{1,64}$",
        description="Together only: the id of the project in which Tunehouse deploys models.\n"
        "When teams may deploy models at Together.",
    )
    hosting_machines: dict[str, str] = Field(
        default_factory=dict,
        description="Together and Fireworks only: what a model is deployed on, by base model or `*`: a "
        "config revision (`cr_…`) at Together, a deployment shape at Fireworks. The price book's "
        "`hosting_hours` must be the price of that machine. Without one, nothing is deployed.\n"
        "When teams may deploy models there.",
    )
    deployments: dict[str, str] = Field(
        default_factory=dict,
        description="Azure only: the deployment of each base model, by model. Without one, a base is "
        "requested by its own name.\n"
        "When base models are deployed under other names.",
    )
    training_type: str | int | None = Field(
        default=None,
        description="Azure only: `Standard`, `GlobalStandard`, `DataZoneStandard` or `Developer`. Without "
        "it, Azure may refuse every job.\n"
        "Always, on Azure.",
    )

    extra_free_fields: list[str] = Field(
        default_factory=list,
        description="Request fields that inference passes on to this provider without charging for them, "
        "as the refusal names them: `top_k`, `tools[function].strict_mode`. Unknown fields are otherwise "
        "refused.\n"
        "When you need a field that is not in the table of the inference guide and costs nothing.",
    )

    @model_validator(mode="after")
    def _address_fits_the_kind(self) -> Self:
        if self.kind == "fireworks" and not _FIREWORKS_ACCOUNT.search(self.base_url):
            raise ValueError(
                "the base_url of a Fireworks provider must end in the account, as in "
                "https://api.fireworks.ai/v1/accounts/ACCOUNT"
            )
        if self.kind == "bedrock":
            needed = (
                "region",
                "training_role",
                "training_bucket_url",
                "inference_base_url",
                "inference_api_key",
            )
            missing = [name for name in needed if getattr(self, name) is None]
            if missing:
                raise ValueError(f"a Bedrock provider also needs: {', '.join(missing)}")
            if not len(self.api_key.get_secret_value().split(":", 2)) >= 2:
                raise ValueError("the api_key of a Bedrock provider must be KEY_ID:SECRET of AWS")
        return self

    def current(self) -> Self:
        """These settings with secrets read again from their files, which may have been replaced."""
        files = {name: value for name, value in self if isinstance(value, FileSecret)}
        if not files:
            return self
        return self.model_copy(update={name: file.current() for name, file in files.items()})

    def machine_for(self, base_model: str) -> str | None:
        """What models tuned from a base are deployed on; None if nothing is configured."""
        return self.hosting_machines.get(base_model, self.hosting_machines.get("*"))

    @property
    def serving_url(self) -> str:
        """The address that serves its models."""
        return self.inference_base_url or self.base_url

    @property
    def serving_key(self) -> str:
        """The key for `serving_url`."""
        return (self.inference_api_key or self.api_key).get_secret_value()


def check_names(providers: list[ProviderSettings]) -> list[ProviderSettings]:
    """The same providers. Raises `ValueError` when two share a name."""
    names = [one.name for one in providers]
    if len(set(names)) < len(names):
        raise ValueError("two providers have the same name; give each a name of its own")
    return providers
