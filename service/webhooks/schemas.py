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
    """A name to know it by."""
    url: CallableUrl
    """The address to call, with https."""
    event_types: Types
    """The types of events to send; GET /v1/webhook_event_types lists them."""


class EndpointUpdate(WireIn):
    """Changes to an endpoint; fields that you leave out or send as null keep their values."""

    name: Name | None = None
    """Its new name."""
    url: CallableUrl | None = None
    """The new address."""
    event_types: Types | None = None
    """The new list of types."""
    enabled: bool | None = None
    """False stops deliveries and cancels those that wait; true starts again."""


class SecretRotate(WireIn):
    """How to replace an endpoint's secret."""

    keep_old_secret_active_for_24_hours: bool = False
    """Also sign with the old secret for a day, so that receivers can change over."""


class EndpointTest(WireIn):
    """A sample event to send."""

    event_type: PublishedType
    """The type of the event."""


class EndpointOut(WireOut):
    """An endpoint, without its secret."""

    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    id: str
    name: str
    """The name to know it by."""
    url: str
    """The address that is called."""
    event_types: list[str]
    """The types of events that are sent."""
    created_at: int
    updated_at: int
    """When it was last changed, in unix seconds."""
    signing_secret_hint: str | None
    """The start and end of its secret; null if it has none."""
    enabled: bool
    """Whether events are sent."""
    disabled_at: int | None
    """When it was disabled, in unix seconds; null while it is enabled."""
    disabled_reason: DisabledReason | None
    """`manual`, `gone` (it answered 410) or `failing` (for days); null while it is enabled."""


class EndpointWithSecret(EndpointOut):
    """An endpoint with its secret, in the answers to its creation and its rotation."""

    signing_secret: str
    """The secret that signs deliveries. No later response shows it."""


class EndpointDeleted(WireOut):
    """An endpoint was deleted."""

    object: Literal["webhook_endpoint.deleted"] = "webhook_endpoint.deleted"
    id: str
    deleted: Literal[True] = True


class EndpointTested(WireOut):
    """A sample that was sent or is about to be."""

    object: Literal["webhook_endpoint.test"] = "webhook_endpoint.test"
    webhook_endpoint_id: str
    """The id of the endpoint."""
    event_type: str
    """The type of the event."""
    delivery_id: str
    """The id of the delivery, to poll while `state` is `pending`."""
    state: DeliveryState
    """The state of the delivery."""
    status_code: int | None
    """The HTTP status of the response; null if there is none yet."""
    success: bool
    """Whether the endpoint answered with 2xx."""
    error: str | None
    """Why it failed; null if it did not, or not yet."""


class EventTypesOut(WireOut):
    """The types that endpoints can subscribe to."""

    object: Literal["list"] = "list"
    data: list[str]
    """The types."""


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
