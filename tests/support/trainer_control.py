"""The trainer's control API from the side of a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2

from tests.support.plain import NO_CERTIFICATES


class TrainerControl:
    """Sets the clock, scripts faults and counts requests of one trainer; `root_url` is asked at each call."""

    def __init__(self, root_url: Callable[[], str], api_key: str) -> None:
        self._root_url = root_url
        self._headers = {"Authorization": f"Bearer {api_key}"}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Any control route; raises httpx2.HTTPStatusError for a refusal."""
        url = f"{self._root_url()}/control/{path}"
        response = httpx2.request(
            method,
            url,
            json=body,
            headers=self._headers,
            timeout=40,
            trust_env=False,
            verify=NO_CERTIFICATES,
        )
        response.raise_for_status()
        return response.json()

    def stop_clock(self, now: float | None = None) -> float:
        """Put the clock in manual mode and return its time."""
        return float(self.call("PUT", "clock", {"mode": "manual", "now": now})["now"])

    def run_clock(self) -> None:
        """Follow the machine's clock again."""
        self.call("PUT", "clock", {"mode": "real"})

    def advance(self, seconds: float) -> float:
        """Move a manual clock; what fell due by then has happened when this returns."""
        return float(self.call("POST", "clock/advance", {"seconds": seconds})["now"])

    def fault(self, kind: str, path: str = ".*", method: str = ".*", **rule: Any) -> None:
        """Add one fault; `times=1` unless told, the other fields are those of `trainer.faults.rules.Rule`."""
        self.call("POST", "faults", {"rules": [{"kind": kind, "path": path, "method": method, **rule}]})

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force with how often each has acted."""
        return list(self.call("GET", "faults")["rules"])

    def clear_faults(self) -> None:
        """End all faults."""
        self.call("PUT", "faults", {"rules": []})

    def webhooks(self, **behaviour: Any) -> None:
        """Set mode, url, copies, delay_s, reorder; what is not named goes back to normal."""
        self.call("PUT", "webhooks", behaviour)

    def deliveries(self) -> list[dict[str, Any]]:
        """Every webhook with its attempts."""
        return list(self.call("GET", "webhooks")["deliveries"])

    def deploy(self, name: str, model: str | None) -> None:
        """Serve a model under a name, as a deployment at Azure does; None ends it."""
        self.call("PUT", f"deployments/{name}", {"model": model})

    def limits(self, **limits: Any) -> None:
        """Set wind_down and jobs_per_day; what is not named goes back to normal."""
        self.call("PUT", "limits", limits)

    def answers(self, **behaviour: Any) -> None:
        """Set latency_s, chunk_interval_s, chunks; what is not named goes back to normal."""
        self.call("PUT", "answers", behaviour)

    def shut_down(self, model: str, date: str | None) -> None:
        """Announce the day (YYYY-MM-DD) on which a model goes off."""
        self.call("PUT", f"models/{model}", {"shutdown_date": date})

    def change_job(self, job_id: str, **change: Any) -> None:
        """Fail a job (`failure={code,message,param}`) or show it as `status_shown`."""
        self.call("PATCH", f"jobs/{job_id}", change)

    def requests(self) -> dict[str, int]:
        """Requests by `METHOD /path` since the start or the last `forget_requests`."""
        return dict(self.call("GET", "requests")["counts"])

    def is_idle(self) -> bool:
        """Whether no request is in progress."""
        return self.call("GET", "requests")["running"] == 0

    def tokens(self) -> dict[str, int]:
        """Tokens of the answers, by `prompt` and `completion`, since the last `forget_requests`."""
        return dict(self.call("GET", "requests")["tokens"])

    def forget_requests(self) -> None:
        """Count from zero again."""
        self.call("DELETE", "requests")

    def reset(self) -> None:
        """Everything as it is at a first start, but for files, jobs and models."""
        self.call("POST", "reset")
