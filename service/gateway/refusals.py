"""Turn a provider's refusal into our error: its status and message kept, its names removed."""

from collections.abc import Mapping

import msgspec

from service.core import clock
from service.core.http import retry_after
from service.errors import ProviderRefused, TunehouseError, Unavailable, UpstreamFailed
from service.providers.scrub import Clean, rename_ids

# Statuses of proxies between us and the provider's model. They do not know what came of the request, so it
# may have run. 500 and 503 are the provider's own: it made no answer, and bills none.
FROM_IN_BETWEEN = frozenset({408, 499, 502, 504, *range(520, 528)})


class _Error(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class _Body(msgspec.Struct):
    error: _Error | str | None = None


class Words:
    """Rewrites a provider's texts about one request: secrets masked, its model's name replaced by ours."""

    def __init__(self, clean: Clean, provider_model: str, model: str) -> None:
        self._clean = clean
        self._ours = {provider_model: model, model: model}

    def ours(self, text: str) -> str:
        """Return the text as a team may read it."""
        return rename_ids(self._clean(text), self._ours)


def stopping() -> Unavailable:
    """Return the error for a request that a stopping process cuts."""
    return Unavailable(
        "This process is shutting down and could not complete the answer in time. Send the request again.",
        code="shutting_down",
        retry_after_s=1.0,
    )


def from_answer(status: int, headers: Mapping[str, str], body: bytes, words: Words) -> TunehouseError:
    """Return the error for a provider's answer other than 200."""
    retry_after_s = retry_after.from_headers(headers, clock.now())
    if status == 401:
        return UpstreamFailed(
            "The provider rejected Tunehouse's API key. Contact an administrator.",
            code="provider_key_refused",
        )
    if status < 400:
        return UpstreamFailed(f"Unexpected status {status} from the provider.")
    said = _decode(body)
    return _refused(said, status, words, retry_after_s)


def from_stream(error: bytes, words: Words) -> TunehouseError:
    """Return the error for one that a provider reports within a stream."""
    try:
        said = msgspec.json.decode(error, type=_Error)
    except (msgspec.MsgspecError, UnicodeError):
        said = _Error()
    return _refused(said, 502, words, None)


def _refused(said: _Error, status: int, words: Words, retry_after_s: float | None) -> ProviderRefused:
    message = (
        words.ours(said.message)
        if said.message
        else f"The provider answered with status {status} and no message."
    )
    return ProviderRefused(
        message,
        status=status,
        type=words.ours(said.type) if said.type else _usual_type(status),
        code=words.ours(str(said.code)) if said.code is not None else None,
        param=words.ours(said.param) if said.param else None,
        retry_after_s=retry_after_s,
    )


def _decode(body: bytes) -> _Error:
    try:
        said = msgspec.json.decode(body, type=_Body).error
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _Error()
    if isinstance(said, str):
        return _Error(message=said)
    return said or _Error()


def _usual_type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"
