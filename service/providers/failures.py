"""The SDK's exceptions as ours. The one question that matters: may the request have had its effect?"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2
from openai import APIConnectionError, APIStatusError, OpenAIError

from service.core import clock
from service.core.http import retry_after
from service.providers.answers import Garbage
from service.providers.bounds import AnswerRefused
from service.providers.errors import (
    Gone,
    KeyRefused,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Retryable,
    Throttled,
    WoundDown,
)
from service.providers.scrub import Clean

# These fail before a byte of the request is on the wire.
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)

# The one refusal by 400 that passes by itself (seen at OpenAI in 2023-24).
_FILE_NOT_READY = re.compile(r"still being processed|not ready to be used", re.IGNORECASE)
_WORD_CHARS = 100  # of an error's code and parameter
_DAILY_LIMIT = re.compile(r"fine-tuning requests per day", re.IGNORECASE)


@contextmanager
def translated(clean: Clean, *, repeatable: bool) -> Iterator[None]:
    """Raise what the SDK raises inside as a `ProviderError`.

    With `repeatable`, for reads and deletes, an unknown outcome is `Retryable`: sending again does no harm.
    """
    try:
        yield
    except APIStatusError as answer:
        # `from None`: the original's text is not scrubbed, and a logged traceback would show it.
        raise _from_answer(answer, clean, repeatable) from None
    except (APIConnectionError, httpx2.HTTPError) as broken:
        raise _from_connection(broken, clean, repeatable) from None
    except (Garbage, AnswerRefused) as garbage:
        raise _unanswered(str(garbage), repeatable, code="malformed_answer") from None
    except (OpenAIError, httpx2.InvalidURL, httpx2.StreamError) as other:
        raise _unanswered(f"The call failed: {type(other).__name__}.", repeatable) from None


def _unanswered(message: str, repeatable: bool, **facts: Any) -> ProviderError:
    return (Retryable if repeatable else OutcomeUnknown)(message, **facts)


def _from_connection(broken: Exception, clean: Clean, repeatable: bool) -> ProviderError:
    cause = broken.__cause__ if isinstance(broken, APIConnectionError) else broken
    if isinstance(cause, AnswerRefused):
        return _unanswered(str(cause), repeatable, code="malformed_answer")
    kind = type(cause).__name__ if cause else type(broken).__name__
    if isinstance(cause, _NEVER_SENT):
        return Retryable(clean(f"The provider cannot be reached ({kind}: {cause})."), code="unreachable")
    return _unanswered(clean(f"The provider did not answer ({kind})."), repeatable, code="no_answer")


def _from_answer(answer: APIStatusError, clean: Clean, repeatable: bool) -> ProviderError:
    return refusal(answer.status_code, answer.response.headers, answer.body, clean, repeatable=repeatable)


def refusal(
    status: int, headers: Mapping[str, str], body: object, clean: Clean, *, repeatable: bool
) -> ProviderError:
    """The error for an answer other than a success; `body` is its JSON, in any of the vendors' envelopes.

    OpenAI and Together send `message`, `code` and `param` (under `error`), Fireworks `message` with a number
    as `code`, FastAPI `detail`: a text, or a list of `{"loc", "msg"}`.
    """
    body = body if isinstance(body, dict) else {}
    body = body["error"] if isinstance(body.get("error"), dict) else body
    said, param = _words_of(body)
    code = body.get("code")
    facts: dict[str, Any] = {
        "status": status,
        "code": clean(code)[:_WORD_CHARS] if isinstance(code, str) and code else None,
        "param": clean(param)[:_WORD_CHARS] if param is not None else None,
        "retry_after_s": retry_after.from_headers(headers, clock.now()),
    }
    message = clean(said) if said else f"The provider answered {status} without saying why."

    if status in (408, 425) or status >= 500:
        return _unanswered(message, repeatable, **facts)
    if status == 429:
        facts["code"] = facts["code"] or _throttle_code(said, body.get("type"))
        return Throttled(message, **facts)
    if status == 401:
        return KeyRefused(message, **facts)
    if status == 403 and code == "training_not_available":
        return WoundDown(message, **facts)
    if status == 404:
        # A proxy's own 404 says nothing of the object: taking it for "gone" would lose a running job.
        return Gone(message, **facts) if said else Retryable(message, **facts)
    if status == 400 and said and _FILE_NOT_READY.search(said):
        return Retryable(message, **facts)
    if status < 400:
        message = f"The provider answered with a redirect ({status}); its base_url must name the final place."
    return Rejected(message, **facts)


def _words_of(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The message and the parameter that a refusal names."""
    param = body.get("param")
    param = param if isinstance(param, str) else None
    for text in (body.get("message"), body.get("detail")):
        if isinstance(text, str):
            return text, param
    details = body.get("detail")
    found = [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    if not found:
        return None, param
    places = [".".join(map(str, loc)) if isinstance(loc := item.get("loc"), list) else "" for item in found]
    texts = [f"{place}: {item.get('msg')}" for place, item in zip(places, found, strict=True)]
    return "; ".join(texts), param or places[0].rpartition(".")[2] or None


def _throttle_code(said: str | None, kind: object) -> str:
    if said and _DAILY_LIMIT.search(said):
        return "daily_rate_limit_exceeded"
    return "insufficient_quota" if kind == "insufficient_quota" else "rate_limit_exceeded"
