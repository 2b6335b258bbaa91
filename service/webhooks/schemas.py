"""Endpoints in OpenAI's format, with Tunehouse's additional fields."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from service.core.clock import unix
from service.core.http.wire import Name, Text, WireIn, WireOut
from service.events.types import PUBLISHED, EventType
from service.settings import settings
from service.webhooks import signing, urls
from service.webhooks.states import DeliveryState, DisabledReason
from service.webhooks.tables import WebhookEndpoint


def _published(type: EventType) -> EventType:
    if type not in PUBLISHED:
        raise ValueError("is not sent to webhooks; GET /v1/webhook_event_types lists the types that are")
    return type


def _callable(url: str) -> str:
    problem = urls.check(url, settings().webhook_allowed_networks)
    if problem is not None:
        raise ValueError(problem)
    return url


PublishedType = Annotated[EventType, AfterValidator(_published)]
Types = Annotated[
    list[PublishedType],
    Field(min_length=1, max_length=len(EventType)),
    AfterValidator(lambda types: list(dict.fromkeys(types))),
]
Url = Annotated[
    Text, Field(min_length=1, max_length=urls.MAX_LENGTH, examples=["https://ci.example.com/hooks"])
]
CallableUrl = Annotated[Url, AfterValidator(_callable)]


class EndpointCreate(WireIn):
    """A new endpoint."""

    name: Name
    url: CallableUrl
    event_types: Types


class EndpointUpdate(WireIn):
    """Changes to an endpoint; fields that are left out stay as they are."""

    name: Name | None = None
    url: CallableUrl | None = None
    event_types: Types | None = None
    enabled: bool | None = None


class SecretRotate(WireIn):
    """Whether the old secret keeps signing for a day, so that receivers can change over."""

    keep_old_secret_active_for_24_hours: bool = False


class EndpointTest(WireIn):
    """The type of event to send a sample of."""

    event_type: PublishedType


class EndpointOut(WireOut):
    """An endpoint, without its secret."""

    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    id: str
    name: str
    url: str
    event_types: list[str]
    created_at: int
    updated_at: int
    signing_secret_hint: str | None
    enabled: bool
    disabled_at: int | None
    disabled_reason: DisabledReason | None


class EndpointWithSecret(EndpointOut):
    """An endpoint in one of the two answers that show its secret: its creation and its rotation."""

    signing_secret: str


class EndpointDeleted(WireOut):
    """An endpoint was deleted."""

    object: Literal["webhook_endpoint.deleted"] = "webhook_endpoint.deleted"
    id: str
    deleted: Literal[True] = True


class EndpointTested(WireOut):
    """A sample was sent or is about to be; `success` is true once the endpoint has answered with 2xx.

    While `state` is `pending` there is no `status_code` yet: poll the delivery.
    """

    object: Literal["webhook_endpoint.test"] = "webhook_endpoint.test"
    webhook_endpoint_id: str
    event_type: str
    delivery_id: str
    state: DeliveryState
    status_code: int | None
    success: bool
    error: str | None


class EventTypesOut(WireOut):
    """The types that endpoints can subscribe to."""

    object: Literal["list"] = "list"
    data: list[str]


def endpoint_out(endpoint: WebhookEndpoint, secrets: Sequence[str]) -> EndpointOut:
    """The wire form of an endpoint; `secrets` are the valid ones, newest first."""
    return EndpointOut(
        id=endpoint.id,
        name=endpoint.name,
        url=endpoint.url,
        event_types=endpoint.event_types,
        created_at=unix(endpoint.created_at),
        updated_at=unix(endpoint.updated_at),
        signing_secret_hint=signing.hint(secrets[0]) if secrets else None,
        enabled=endpoint.disabled_at is None,
        disabled_at=None if endpoint.disabled_at is None else unix(endpoint.disabled_at),
        disabled_reason=DisabledReason(endpoint.disabled_reason) if endpoint.disabled_reason else None,
    )


def with_secret(endpoint: WebhookEndpoint, secret: str) -> EndpointWithSecret:
    """The wire form that shows the secret."""
    return EndpointWithSecret(**endpoint_out(endpoint, [secret]).model_dump(), signing_secret=secret)
