"""The state that the control API sets and that survives a restart."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from trainer.storage.store import Store

_KEY = "control"
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]


class WebhookBehaviour(msgspec.Struct, forbid_unknown_fields=True):
    """Faults of webhooks: not sent, sent several times, late, or newest first."""

    mode: Literal["on", "off"] = "on"
    url: str | None = None
    copies: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    delay_s: _Seconds = 0.0
    reorder: bool = False


class AnswerBehaviour(msgspec.Struct, forbid_unknown_fields=True):
    """The pace of answers; `chunks` repeats the text until a stream has that many pieces."""

    latency_s: _Seconds = 0.0
    chunk_interval_s: _Seconds = 0.0
    chunks: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None


class CreationLimits(msgspec.Struct, forbid_unknown_fields=True):
    """Limits on new jobs: none when winding down, else a number per day and model (`*`: any model)."""

    wind_down: bool = False
    jobs_per_day: dict[str, Annotated[int, msgspec.Meta(ge=0)]] = {}


class ControlState(msgspec.Struct):
    """The whole state, saved as one document."""

    webhooks: WebhookBehaviour = msgspec.field(default_factory=WebhookBehaviour)
    answers: AnswerBehaviour = msgspec.field(default_factory=AnswerBehaviour)
    limits: CreationLimits = msgspec.field(default_factory=CreationLimits)
    shutdown_dates: dict[str, str] = {}
    deployments: dict[str, str] = {}
    """Which model a deployment of that name serves, where models are served by deployments."""


class Control:
    """Reads and changes the saved state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.state = store.load_setting(_KEY, ControlState) or ControlState()

    def save(self) -> None:
        """Keep the state as it is now."""
        self._store.save_setting(_KEY, self.state)

    def shutdown_date(self, *models: str) -> str | None:
        """The earliest date set for any of the models (YYYY-MM-DD)."""
        return min((d for m in models if (d := self.state.shutdown_dates.get(m))), default=None)
