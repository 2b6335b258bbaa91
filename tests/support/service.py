"""A Tunehouse under test, seen from outside: make teams, call as them."""

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx2
from openai import OpenAI

_numbers = itertools.count(1)


@dataclass(frozen=True)
class TeamHandle:
    """A team and a key of it with every scope."""

    id: str
    slug: str
    key: str
    url: str

    @cached_property
    def http(self) -> httpx2.Client:
        """Plain HTTP as this team."""
        return http_client(self.url, self.key)

    @cached_property
    def sdk(self) -> OpenAI:
        """The stock SDK as this team, without retries, so that each failure shows."""
        return OpenAI(base_url=f"{self.url}/v1", api_key=self.key, max_retries=0)


def http_client(url: str, key: str | None) -> httpx2.Client:
    """A client for `url` that sends `key`, when there is one."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.Client(base_url=url, headers=headers, timeout=60, trust_env=False)


class Service:
    """A running api and its admin key."""

    def __init__(self, url: str, admin_key: str) -> None:
        self.url = url
        self.admin_key = admin_key
        self.admin = http_client(url, admin_key)

    def make_team(self, *, budget_usd: str | None = None, scopes: list[str] | None = None) -> TeamHandle:
        """A new team with a key of the given scopes (default: all), and a monthly budget if named."""
        slug = f"team-{next(_numbers)}"
        team = self._post("/v1/teams", {"name": slug.title(), "slug": slug})
        asked: dict[str, Any] = {"name": "tests"} | ({"scopes": scopes} if scopes else {})
        key = self._post(f"/v1/teams/{team['id']}/keys", asked)
        if budget_usd is not None:
            budget = {"limit_usd": budget_usd, "period": "month"}
            self.admin.put(f"/v1/teams/{team['id']}/budget", json=budget).raise_for_status()
        return TeamHandle(team["id"], slug, key["secret"], self.url)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.admin.post(path, json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found
