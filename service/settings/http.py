"""Settings of the HTTP server: bounds on size and time, and trusted proxies."""

from ipaddress import IPv4Network, IPv6Network

from pydantic import Field
from pydantic_settings import BaseSettings


class HttpSettings(BaseSettings):
    """The part of the settings that bounds requests."""

    trusted_proxies: list[IPv4Network | IPv6Network] = Field(
        default_factory=list,
        description="Proxies whose `X-Forwarded-For` is believed. All others' is ignored.\n"
        "When the api runs behind a proxy; without it, the audit log shows the proxy's address.",
    )
    max_header_bytes: int = Field(
        default=32 * 1024,
        ge=4096,
        description="Largest request line with headers; larger ones get a 431.\n"
        "Raise it if a proxy adds large headers.",
    )
    max_headers: int = Field(
        default=100,
        ge=16,
        description="Most headers of one request; more get a 431.\nRaise it if a proxy adds many headers.",
    )
    header_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="How long a client may take to send a request's headers.\n"
        "Raise it for clients on very slow networks.",
    )
    body_timeout_s: float = Field(
        default=30.0,
        gt=0,
        description="How long a client may take to send a JSON body, or pause in sending a file, before it "
        "gets a 408.\n"
        "Raise it for clients on very slow networks.",
    )
    unread_timeout_s: float = Field(
        default=120.0,
        gt=0,
        description="How long a client may leave an answer unread before its connection is closed. A stream "
        "of inference is then charged for the output so far.\n"
        "Raise it for clients that pause for long in the middle of an answer.",
    )
    max_body_bytes: int = Field(
        default=2 * 2**20,
        ge=1024,
        description="Largest JSON body; larger ones are refused unread.\n"
        "Raise it if valid requests get a 413.",
    )
    max_file_bytes: int = Field(
        default=512 * 2**20,
        ge=1024,
        description="Largest file for `POST /v1/files`. OpenAI's limit is 512 MB.\n"
        "Lower it to protect storage. Larger files can use the Uploads API.",
    )
    max_inference_body_bytes: int = Field(
        default=20 * 2**20,
        ge=1024,
        description="Largest body of an inference request.\nRaise it if requests with many images get a 413.",
    )
    max_callback_body_bytes: int = Field(
        default=64 * 1024,
        ge=1024,
        description="Largest body of a provider's webhook, which has a signature but no key.\n"
        "Raise it if a provider's webhooks get a 413.",
    )
    team_requests_in_flight: int | None = Field(
        default=256,
        ge=1,
        description="Requests of a team, inference included, that one api process answers at a time.\n"
        "When one team's traffic slows the others.",
    )
