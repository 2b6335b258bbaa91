"""A vendor's JSON API over HTTP, for vendors without OpenAI's wire, within the bounds of `calls`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any, BinaryIO

import httpx2

from service.core.http.addresses import literal, may_call
from service.core.http.guarded import AddressRefused
from service.providers.answers import Garbage, read_object
from service.providers.bounds import OBJECT, Bound
from service.providers.calls import bounded_client, seconds_to_send, within
from service.providers.failures import refusal, translated
from service.providers.scrub import Clean
from service.settings import ProviderSettings

_CONNECT_S = 10.0
_NOT_ALLOWED = (
    "The provider named an upload address in a private network. If the network is yours and meant, add it to "
    "the provider's upload_allowed_networks."
)


class Rest:
    """Calls that are sent once, without redirects; failures are raised as `ProviderError`."""

    def __init__(
        self, settings: ProviderSettings, root: str, clean: Clean, signer: httpx2.Auth | None = None
    ) -> None:
        """With a `signer`, requests carry its signature instead of the key."""
        self._root = root.rstrip("/")
        self._clean = clean
        self._settings = settings
        self._timeout_s = settings.timeout_s
        self._key = {} if signer else {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"}
        self._waits = httpx2.Timeout(settings.timeout_s, connect=min(settings.timeout_s, _CONNECT_S))
        self._client = bounded_client(self._waits, settings.name)
        if signer is not None:
            self._client.auth = signer
        self.close = self._client.close

    def get(
        self, path: str, params: Mapping[str, str] | None = None, *, answer: Bound = OBJECT
    ) -> dict[str, Any]:
        """The JSON object at a path."""
        with self._calling(repeatable=True, answer=answer):
            response = self._client.get(self._root + path, params=params, headers=self._key)
            return read_object(self.check(response, repeatable=True).content, answer)

    def at(self, root: str) -> "Rest":
        """The same client for another root of the same vendor's API."""
        other = copy(self)
        other._root = root.rstrip("/")
        return other

    def delete(self, path: str, params: Mapping[str, str] | None = None) -> None:
        """Delete what is at a path."""
        with self._calling(repeatable=True):
            response = self._client.delete(self._root + path, params=params, headers=self._key)
            self.check(response, repeatable=True)

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = False,
        sent_bytes: int = 0,
        **request: Any,
    ) -> dict[str, Any]:
        """Send a JSON body, or what httpx2 takes as `files`, `data` or `params`; an empty answer is {}."""
        response = self.post_raw(path, body, repeatable=repeatable, sent_bytes=sent_bytes, **request)
        with translated(self._clean, repeatable=repeatable):
            checked = self.check(response, repeatable=repeatable)
            return read_object(checked.content) if checked.content.strip() else {}

    def post_raw(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = False,
        sent_bytes: int = 0,
        **request: Any,
    ) -> httpx2.Response:
        """The same, with any status: for answers whose headers or refusals say something."""
        with self._calling(repeatable=repeatable, sent_bytes=sent_bytes):
            return self._client.post(self._root + path, json=body, headers=self._key, **request)

    def put(self, path: str, content: BinaryIO, size_bytes: int) -> None:
        """Send bytes to a path of this API, as a stream."""
        headers = self._key | {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}
        with self._calling(repeatable=True, sent_bytes=size_bytes):
            response = self._client.put(self._root + path, content=content, headers=headers)
            self.check(response, repeatable=True)

    def exists(self, path: str) -> bool:
        """Whether there is something at a path."""
        with self._calling(repeatable=True):
            response = self._client.head(self._root + path, headers=self._key)
            if response.status_code == httpx2.codes.NOT_FOUND:
                return False
            self.check(response, repeatable=True)
            return True

    def put_content(self, url: str, content: Any, size_bytes: int) -> None:
        """Send bytes to a presigned address that the vendor named, without our key.

        The address must use the scheme of the vendor's API, so that it cannot lead a dataset out of TLS, and
        must be public or in `upload_allowed_networks`, so that it cannot lead one to a server of yours.
        """
        allowed = self._settings.upload_allowed_networks
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}
        with self._calling(repeatable=True, sent_bytes=size_bytes):
            named = httpx2.URL(url)
            if named.scheme != httpx2.URL(self._root).scheme:
                raise Garbage("The provider named an upload address with another scheme than its API's.")
            # A proxy resolves names itself, so that a bare address is checked before it could get there.
            address = literal(named.host)
            if address is not None and not may_call(address, allowed):
                raise Garbage(_NOT_ALLOWED)
            try:
                with bounded_client(self._waits, self._settings.name, guarded_by=allowed) as client:
                    self.check(client.put(named, content=content, headers=headers), repeatable=True)
            except AddressRefused:
                raise Garbage(_NOT_ALLOWED) from None

    @contextmanager
    def _calling(self, *, repeatable: bool, answer: Bound = OBJECT, sent_bytes: int = 0) -> Iterator[None]:
        seconds = seconds_to_send(self._timeout_s, sent_bytes)
        with translated(self._clean, repeatable=repeatable), within(seconds, answer):
            yield

    def check(self, response: httpx2.Response, *, repeatable: bool) -> httpx2.Response:
        """The same answer. Raises the error of a refusal."""
        if response.is_success:
            return response
        try:
            body: object = read_object(response.content)
        except Garbage:
            body = {}
        raise refusal(response.status_code, response.headers, body, self._clean, repeatable=repeatable)
