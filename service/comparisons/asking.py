"""Send one prompt to a model, synchronously, for workers. Must run outside a transaction."""

import time
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec

from service.dataset import countable
from service.errors import ProviderRefused, TunehouseError, Unavailable, UpstreamFailed
from service.gateway import refusals
from service.gateway.dialects.base import Malformed, Naming
from service.gateway.dialects.choices import CHAT
from service.gateway.metering import usage as usages
from service.gateway.metering.usage import Usage
from service.gateway.refusals import Words
from service.gateway.targets import Priced
from service.providers.errors import NotConfigured
from service.providers.registry import endpoint_of, provider_settings
from service.providers.scrub import make_clean

_AGAIN = (408, 409, 429, 500, 502, 503, 504)


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _AnswerChoice(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct):
    choices: list[_AnswerChoice]


_answer = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True)
class Answered:
    """An answer, its token usage, and the milliseconds until it was complete."""

    text: str
    usage: Usage
    latency_ms: int


def ask(
    client: httpx2.Client,
    priced: Priced,
    messages: list[Any],
    max_output_tokens: int,
    temperature: float | None,
) -> Answered:
    """Return the model's answer to a chat.

    Raises `Unavailable` for temporary failures, another `TunehouseError` for permanent ones.
    """
    target = priced.target
    try:
        endpoint = endpoint_of(provider_settings(target.provider))
    except NotConfigured as gone:
        raise Unavailable(
            "The model's provider is not configured; ask an administrator to add it.", param="model"
        ) from gone
    body = {"model": target.provider_model, "messages": messages, "max_completion_tokens": max_output_tokens}
    if temperature is not None:
        body["temperature"] = temperature
    started = time.perf_counter()
    try:
        answer = client.post(
            endpoint.base_url + CHAT.path,
            content=msgspec.json.encode(body),
            headers={**endpoint.headers, "Content-Type": "application/json"},
        )
    except httpx2.HTTPError as broken:
        raise Unavailable(f"The provider cannot be reached ({type(broken).__name__}).") from broken
    latency_ms = round((time.perf_counter() - started) * 1000)
    if answer.status_code != 200:
        raise _refusal(answer, priced)
    return _read(answer.content, priced, messages, latency_ms)


def _refusal(answer: httpx2.Response, priced: Priced) -> TunehouseError:
    settings, target = provider_settings(priced.target.provider), priced.target
    clean = make_clean((settings.serving_key,), settings.serving_url)
    words = Words(clean, target.provider_model, target.model_id)
    error = refusals.from_answer(answer.status_code, answer.headers, answer.content, words)
    if isinstance(error, ProviderRefused) and answer.status_code in _AGAIN:
        return Unavailable(error.message, retry_after_s=error.retry_after_s)
    return error


def _read(body: bytes, priced: Priced, messages: list[Any], latency_ms: int) -> Answered:
    try:
        said = CHAT.answer(body, Naming("", priced.target.model_id))
        (choice, *_) = _answer.decode(body).choices
    except (Malformed, msgspec.MsgspecError, UnicodeError, ValueError) as wrong:
        raise UpstreamFailed("The provider's answer cannot be read.", code="malformed_answer") from wrong
    text = choice.message.content or choice.message.refusal or ""
    usage = said.usage or usages.counted(countable.of_chat(messages), [text], priced.target.base.encoding)
    return Answered(text, usage, latency_ms)
