"""A Tunehouse under test, seen from outside: make teams, call as them."""

import itertools
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import httpx2
from openai import AsyncOpenAI, OpenAI

from service.teams.keys.scopes import Scope
from tests.support.plain import NO_CERTIFICATES, async_sdk_client, sdk_client

_numbers = itertools.count(1)


@dataclass(frozen=True)
class TeamHandle:
    """A team and a key of it."""

    id: str
    slug: str
    key: str
    service: "Service"

    @cached_property
    def http(self) -> httpx2.Client:
        """Plain HTTP as this team."""
        return self.service.http(self.key)

    @cached_property
    def sdk(self) -> OpenAI:
        """The stock SDK as this team, without retries, so that each failure shows."""
        return self.service.sdk(self.key)


class Service:
    """A running api and its admin key. Closes the clients it handed out when its block ends."""

    def __init__(self, url: str, admin_key: str) -> None:
        self.url = url
        self.admin_key = admin_key
        self._clients = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clients.close()

    @cached_property
    def admin(self) -> httpx2.Client:
        """Plain HTTP as an admin."""
        return self.http(self.admin_key)

    def http(self, key: str | None) -> httpx2.Client:
        """Plain HTTP with `key`, or with none."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        client = httpx2.Client(
            base_url=self.url, headers=headers, timeout=60, trust_env=False, verify=NO_CERTIFICATES
        )
        return self._clients.enter_context(client)

    def sdk(self, key: str, **options: Any) -> OpenAI:
        """The stock SDK with `key`; without retries unless `options` say otherwise."""
        options = {"max_retries": 0, "http_client": sdk_client()} | options
        client = OpenAI(base_url=f"{self.url}/v1", api_key=key, **options)
        return self._clients.enter_context(client)

    def async_sdk(self, key: str, **options: Any) -> AsyncOpenAI:
        """The stock asynchronous SDK; the caller closes it within its event loop."""
        options = {"max_retries": 0, "http_client": async_sdk_client()} | options
        return AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, **options)

    def make_team(self, *, budget_usd: str | None = None, scopes: list[str] | None = None) -> TeamHandle:
        """A new team with a key of the given scopes (default: all of them), and a monthly budget if named."""
        slug = f"team-{next(_numbers)}"
        team = self._post("/v1/teams", {"name": slug.title(), "slug": slug})
        asked = {"name": "tests", "scopes": scopes or list(Scope)}
        key = self._post(f"/v1/teams/{team['id']}/keys", asked)
        if budget_usd is not None:
            budget = {"limit_usd": budget_usd, "period": "month"}
            self.admin.put(f"/v1/teams/{team['id']}/budget", json=budget).raise_for_status()
        return TeamHandle(team["id"], slug, key["secret"], self)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.admin.post(path, json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found
