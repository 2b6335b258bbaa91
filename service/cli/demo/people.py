"""Who takes part: the admin, and teams that call with the stock SDK and plain HTTP."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import httpx2
from openai import OpenAI

from service.cli.demo.screen import StoryBroken

_TIMEOUT_S = 60


def client(url: str, key: str) -> httpx2.Client:
    """Plain HTTP with a key; proxies of the environment are none of a local service's business."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S, trust_env=False)


def answer(response: httpx2.Response) -> dict[str, Any]:
    """The JSON of a good answer. Raises `StoryBroken` for any other."""
    if response.status_code >= httpx2.codes.BAD_REQUEST:
        request = response.request
        raise StoryBroken(
            f"{request.method} {request.url.path} was answered {response.status_code}: {response.text}"
        )
    found: dict[str, Any] = response.json()
    return found


@dataclass(frozen=True)
class Team:
    """A team and one key of it."""

    id: str
    slug: str
    name: str
    key: str
    url: str

    @cached_property
    def sdk(self) -> OpenAI:
        """The stock SDK, told nothing but where and who."""
        return OpenAI(base_url=f"{self.url}/v1", api_key=self.key)

    @cached_property
    def http(self) -> httpx2.Client:
        """Plain HTTP, for what OpenAI's API has no word for."""
        return client(self.url, self.key)

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at a path under /v1."""
        return answer(self.http.get(f"/v1{path}"))

    def close(self) -> None:
        """Let go of the connections."""
        self.sdk.close()
        self.http.close()


class Admin:
    """Whoever runs the service."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.http = client(url, key)

    def make_team(self, name: str, slug: str, limit_usd: str) -> Team:
        """A team, a key with every scope, and a budget for good."""
        team = answer(self.http.post("/v1/teams", json={"name": name, "slug": slug}))
        scopes = ["read", "train", "infer", "manage"]
        key = answer(self.http.post(f"/v1/teams/{team['id']}/keys", json={"name": "demo", "scopes": scopes}))
        budget = {"limit_usd": limit_usd, "period": "total", "thresholds": [50, 80, 100]}
        answer(self.http.put(f"/v1/teams/{team['id']}/budget", json=budget))
        return Team(team["id"], slug, name, key["secret"], self.url)

    def spent_usd(self, team: Team) -> Decimal:
        """What the team's budget has counted as spent."""
        budget = answer(self.http.get(f"/v1/teams/{team.id}/budget"))
        return Decimal(budget["spent_usd"])

    def close(self) -> None:
        """Let go of the connections."""
        self.http.close()
