"""Calls to the service: the address, the key, and what goes wrong, as errors of one line.

CallFailed
├── CallRefused         the service answered with an error
└── ServiceUnreachable  there was no answer, or none of the service
"""

import os
from collections.abc import Iterator
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, ValidationError

Found = TypeVar("Found", bound=BaseModel)


class CallFailed(Exception):
    """A call failed; the message is one line for people."""


class CallRefused(CallFailed):
    """The service refused a call; `code` and `param` are those of the guide on errors."""

    def __init__(self, response: httpx2.Response, error: dict[str, Any]) -> None:
        super().__init__(" ".join(str(error.get("message") or f"status {response.status_code}").split()))
        self.status = response.status_code
        self.code: str | None = error.get("code")
        self.param: str | None = error.get("param")
        self.request_id = response.headers.get("x-request-id")


class ServiceUnreachable(CallFailed):
    """No answer arrived, or one that is not Tunehouse's."""


class Connection:
    """A base URL that ends in `/v1`, and a key. Reads wait `timeout_s` for the next byte."""

    def __init__(
        self,
        base_url: str | None,
        api_key: str | None,
        timeout_s: float,
        transport: httpx2.BaseTransport | None,
    ) -> None:
        """Raise `CallFailed` if the base URL or the key is neither given nor in the environment."""
        self.base_url = _given(base_url, "base_url", "OPENAI_BASE_URL").rstrip("/")
        key = _given(api_key, "api_key", "OPENAI_API_KEY")
        try:
            self._http = httpx2.Client(
                base_url=self.base_url,
                headers={"Authorization": f"Bearer {key}"},
                timeout=timeout_s,
                transport=transport,
            )
        except (httpx2.InvalidURL, UnicodeEncodeError, ValueError) as wrong:
            raise CallFailed(f"the base URL or the key is not usable: {wrong}") from None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, kind: type[Found], method: str, path: str, **request: Any) -> Found:
        """Return the answer to a call. Raises `CallRefused` or `ServiceUnreachable`."""
        response = self.send(method, path, **request)
        try:
            return kind.model_validate_json(response.content)
        except ValidationError:
            raise ServiceUnreachable(self._not_ours(response)) from None

    def send(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """Return the response to a call, whatever its body is. Raises as `call` does."""
        try:
            response = self._http.request(method, path, **request)
        except httpx2.HTTPError as failure:
            raise ServiceUnreachable(self._unreachable(failure)) from None
        self._check(response)
        return response

    def stream(self, path: str, headers: dict[str, str], **request: Any) -> Iterator[str]:
        """Yield the lines of a stream as they arrive. Raises as `call` does."""
        try:
            with self._http.stream("GET", path, headers=headers, **request) as response:
                if response.status_code >= httpx2.codes.BAD_REQUEST:
                    response.read()
                self._check(response)
                yield from response.iter_lines()
        except httpx2.HTTPError as failure:
            raise ServiceUnreachable(self._unreachable(failure)) from None

    def _check(self, response: httpx2.Response) -> None:
        if response.status_code < httpx2.codes.MULTIPLE_CHOICES:
            return
        try:
            error = response.json()["error"]
            raise CallRefused(response, dict(error))
        except (ValueError, KeyError, TypeError):
            raise ServiceUnreachable(self._not_ours(response)) from None

    def _unreachable(self, failure: httpx2.HTTPError) -> str:
        reason = " ".join(str(failure).split()) or type(failure).__name__
        return f"{self.base_url} does not answer: {reason}"

    def _not_ours(self, response: httpx2.Response) -> str:
        return (
            f"{self.base_url} answered {response.status_code} with something that Tunehouse does not send; "
            "the base URL must be Tunehouse's and end in /v1"
        )


def path(*parts: str) -> str:
    """Join the parts of a path; an id is one part, whatever characters it has."""
    return "/".join(quote(part, safe=":") for part in parts)


def _given(value: str | None, argument: str, variable: str) -> str:
    found = value or os.environ.get(variable)
    if not found:
        raise CallFailed(f"pass {argument}, or set {variable}")
    return found
