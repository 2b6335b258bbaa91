"""The admin and the teams, who use the stock SDK and plain HTTP."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import httpx2
from openai import OpenAI

from service.cli.demo.screen import DemoFailed

_TIMEOUT_S = 60


def client(url: str, key: str) -> httpx2.Client:
    """An HTTP client with a key. It ignores the environment's proxies: the service is local."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S, trust_env=False)


def answer(response: httpx2.Response) -> dict[str, Any]:
    """The JSON of a successful response. Raises `DemoFailed` for an error."""
    if response.status_code >= httpx2.codes.BAD_REQUEST:
        request = response.request
        raise DemoFailed(
            f"{request.method} {request.url.path} returned {response.status_code}: {response.text}"
        )
    found: dict[str, Any] = response.json()
    return found


@dataclass(frozen=True)
class DemoTeam:
    """A team and one of its keys."""

    id: str
    slug: str
    name: str
    key: str
    url: str

    @cached_property
    def sdk(self) -> OpenAI:
        """The stock SDK, with only the address and the key set."""
        return OpenAI(base_url=f"{self.url}/v1", api_key=self.key)

    @cached_property
    def http(self) -> httpx2.Client:
        """Plain HTTP, for routes that OpenAI's API does not have."""
        return client(self.url, self.key)

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at a path under /v1."""
        return answer(self.http.get(f"/v1{path}"))

    def close(self) -> None:
        """Close the connections."""
        self.sdk.close()
        self.http.close()


class Admin:
    """The operator of the service."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.http = client(url, key)

    def make_team(self, name: str, slug: str, limit_usd: str) -> DemoTeam:
        """Create a team with a key of every scope and a total budget."""
        team = answer(self.http.post("/v1/teams", json={"name": name, "slug": slug}))
        scopes = ["read", "train", "infer", "manage"]
        key = answer(self.http.post(f"/v1/teams/{team['id']}/keys", json={"name": "demo", "scopes": scopes}))
        budget = {"limit_usd": limit_usd, "period": "total", "thresholds": [50, 80, 100]}
        answer(self.http.put(f"/v1/teams/{team['id']}/budget", json=budget))
        return DemoTeam(team["id"], slug, name, key["secret"], self.url)

    def spent_usd(self, team: DemoTeam) -> Decimal:
        """The amount spent on the team's budget."""
        budget = answer(self.http.get(f"/v1/teams/{team.id}/budget"))
        return Decimal(budget["spent_usd"])

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
