"""A circuit breaker: stop calling a failing provider for a while. The caller passes the time.

closed ──5 failures in a row──► open ──after 5 s──► half open: one request may try
   ▲                              ▲                     │
   └────────── it works ──────────┼─────────────────────┤
                                  └── it fails ─────────┘
"""

from enum import StrEnum

_FAILURES_TO_OPEN = 5
_OPEN_FOR_S = 5.0
_TRY_LASTS_S = 30.0


class CircuitState(StrEnum):
    """Whether requests go to a provider; half open, one of them may try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Circuit:
    """The state of one provider as this process sees it. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._failures = 0
        self._closed_to = 0.0

    def retry_after_s(self, now: float) -> float:
        """Return the seconds to wait; 0 means go ahead, which while half open only one caller gets."""
        if self._failures < _FAILURES_TO_OPEN:
            return 0.0
        if now < self._closed_to:
            return self._closed_to - now
        # The request that tries may never report back, so another may try after a while.
        self._closed_to = now + _TRY_LASTS_S
        return 0.0

    def succeed(self) -> None:
        """Note an answer, even a refusal."""
        self._failures = 0

    def fail(self, now: float) -> None:
        """Note that no answer came, or a server error."""
        self._failures += 1
        if self._failures >= _FAILURES_TO_OPEN:
            self._closed_to = now + _OPEN_FOR_S

    def state(self, now: float) -> CircuitState:
        """Return the state that the next request meets."""
        if not self.is_open:
            return CircuitState.CLOSED
        return CircuitState.OPEN if now < self._closed_to else CircuitState.HALF_OPEN

    @property
    def is_open(self) -> bool:
        """Whether requests are being turned away."""
        return self._failures >= _FAILURES_TO_OPEN
