"""Send one prompt to a model, synchronously, for workers. Must run outside a transaction."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec

from service.comparisons.answered import ENDPOINT, Answered, AnswerLost, Used
from service.errors import ProviderRefused, TunehouseError, Unavailable, UpstreamFailed
from service.gateway import refusals
from service.gateway.body import Asked
from service.gateway.dialects.base import Malformed, Naming
from service.gateway.dialects.choices import CHAT
from service.gateway.fields.examine import examine
from service.gateway.metering import amounts, belief
from service.gateway.metering import usage as usages
from service.gateway.metering.amounts import Terms
from service.gateway.metering.belief import Bounds
from service.gateway.metering.usage import Usage
from service.gateway.refusals import Words
from service.gateway.targets import Priced
from service.ledger.charges import LostUse
from service.providers.bounds import INFERENCE, AnswerRefused
from service.providers.calls import bounded_client, within
from service.providers.errors import NotConfigured
from service.providers.kinds.capabilities import capabilities_of
from service.providers.port import Endpoint
from service.providers.registry import endpoint_of, provider_settings
from service.providers.scrub import make_clean
from service.settings import settings

_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_AGAIN = (408, 409, 429, 500, 502, 503, 504)


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _AnswerChoice(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct):
    choices: list[_AnswerChoice]


_answer = msgspec.json.Decoder(_Answer)


def open_client(provider: str) -> httpx2.Client:
    """Return a client for the calls to one provider, whose answers are bounded."""
    return bounded_client(httpx2.Timeout(_timeout_s()), provider)


def _timeout_s() -> float:
    return settings().lease_s / 2


def prepare(
    priced: Priced, messages: list[Any], max_output_tokens: int, temperature: float | None
) -> "Question":
    """Return a chat that can be sent. Raises `Unavailable` without a provider, and `InvalidRequest`."""
    target = priced.target
    try:
        provider = provider_settings(target.provider)
        endpoint = endpoint_of(provider)
    except NotConfigured as gone:
        raise Unavailable(
            "The model's provider is not configured; ask an administrator to add it.", param="model"
        ) from gone
    body = {"model": target.model_id, "messages": messages, "max_completion_tokens": max_output_tokens}
    if temperature is not None:
        body["temperature"] = temperature
    asked = CHAT.ask(msgspec.json.encode(body))
    demand = examine(asked.fields, CHAT.table, provider.extra_free_fields, provider.name)
    CHAT.pin(demand.fields, demand.meters, capabilities_of(target.base.provider_kind))
    terms = amounts.plain(priced)
    asked = msgspec.structs.replace(asked, fields=demand.fields)
    return Question(priced, terms, asked, belief.bounds(asked, demand, terms), endpoint)


@dataclass(frozen=True)
class Question:
    """A chat for one model, and the most that the call can use."""

    priced: Priced
    terms: Terms
    asked: Asked
    bounds: Bounds
    endpoint: Endpoint

    def most_use(self, tags: Mapping[str, str]) -> LostUse:
        """Return what to charge if the worker dies before it records the outcome."""
        read = self._counted("").input_tokens
        lost = amounts.lost_use(self.terms, read, self.bounds.output_tokens, CHAT.path, tags)
        return msgspec.structs.replace(lost, endpoint=ENDPOINT)

    def ask(self, client: httpx2.Client) -> Answered:
        """Send the chat, and return the answer. The client is of the model's provider, from `open_client`.

        Raises `AnswerLost` for a call that must be charged, `Unavailable` for other temporary failures, and
        another `TunehouseError` for permanent ones.
        """
        started = time.perf_counter()
        try:
            with within(_timeout_s(), INFERENCE):
                answer = client.post(
                    self.endpoint.base_url + CHAT.path,
                    content=CHAT.write(self.asked, self.priced.target.provider_model),
                    headers={**self.endpoint.headers, "Content-Type": "application/json"},
                )
        except httpx2.HTTPError as broken:
            failure = Unavailable(f"The provider cannot be reached ({type(broken).__name__}).")
            raise (failure if isinstance(broken, _NEVER_SENT) else self._unknown(failure)) from broken
        except AnswerRefused as refused:
            raise self._unknown(UpstreamFailed(str(refused), code="malformed_answer")) from refused
        latency_ms = round((time.perf_counter() - started) * 1000)
        if answer.status_code != 200:
            refusal = _refusal(answer, self.priced)
            raise self._unknown(refusal) if answer.status_code in refusals.FROM_IN_BETWEEN else refusal
        return self._read(answer.content, latency_ms)

    def _read(self, body: bytes, latency_ms: int) -> Answered:
        try:
            INFERENCE.check(body)
            said = CHAT.answer(body, Naming("", self.priced.target.model_id))
            (choice, *_) = _answer.decode(body).choices
        except (Malformed, msgspec.MsgspecError, UnicodeError, ValueError) as wrong:
            failure = UpstreamFailed("The provider's answer cannot be read.", code="malformed_answer")
            raise self._unknown(failure) from wrong
        text, produced = choice.message.content or choice.message.refusal or "", "".join(said.texts)
        usage, reviews = belief.believed(
            said.usage,
            self.bounds,
            sent_bytes=self.asked.size_bytes,
            produced_characters=len(produced),
            count=lambda: self._counted(produced),
        )
        return Answered(text, Used(usage, self.terms, reviews, said.tier), latency_ms)

    def _unknown(self, failure: TunehouseError) -> AnswerLost:
        reason = "the request was sent and its outcome is unknown"
        used = belief.uncertain(self._counted("").input_tokens, self.bounds.output_tokens, reason)
        return AnswerLost(failure, Used(used[0], self.terms, used[1]))

    def _counted(self, produced: str) -> Usage:
        return usages.counted(CHAT.prompt(self.asked), [produced], self.priced.target.base.encoding)


def _refusal(answer: httpx2.Response, priced: Priced) -> TunehouseError:
    settings, target = provider_settings(priced.target.provider), priced.target
    clean = make_clean((settings.serving_key,), settings.serving_url)
    words = Words(clean, target.provider_model, target.model_id)
    error = refusals.from_answer(answer.status_code, answer.headers, answer.content, words)
    if isinstance(error, ProviderRefused) and answer.status_code in _AGAIN:
        return Unavailable(error.message, retry_after_s=error.retry_after_s)
    return error
