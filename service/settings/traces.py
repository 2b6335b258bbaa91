"""Settings of traces by OpenTelemetry."""

from importlib.util import find_spec
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings


class TraceSettings(BaseSettings):
    """The part of the settings that says where traces go."""

    traces_url: str | None = Field(
        default=None,
        description="The OTLP/HTTP address of an OpenTelemetry collector, such as "
        "`http://collector:4318/v1/traces`. Without it, nothing is traced.\n"
        "To see a request, its steps of work and its calls to providers and webhooks as one trace. Needs the "
        "extra `traces`.",
    )
    traces_share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="The share of traces that are recorded, unless the caller has decided.\n"
        "Lower it where the collector gets too much.",
    )

    @field_validator("traces_url")
    @classmethod
    def _can_be_sent(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as http://collector:4318/v1/traces")
        if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
            raise ValueError("needs the extra `traces`: install tunehouse[traces]")
        return url
