"""Prometheus metrics of the gateway in this process; not by team, which would make too many series."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

_REQUESTS = Counter(
    "tunehouse_inference_requests", "Inference requests that were answered.", ["endpoint", "status"]
)
_TOKENS = Counter("tunehouse_inference_tokens", "Tokens that were charged.", ["kind"])
_OVERHEAD = Histogram(
    "tunehouse_inference_overhead_seconds",
    "Time that Tunehouse added before an answer began.",
    buckets=(0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
_UNDER_WAY = Gauge(
    "tunehouse_inference_under_way",
    "Requests in progress at a provider.",
    ["provider"],
    multiprocess_mode="livesum",
)
_CIRCUIT = Gauge(
    "tunehouse_inference_circuit_open",
    "1 while requests to a failing provider are paused.",
    ["provider"],
    multiprocess_mode="livemax",
)

# Finding the labels takes longer than counting.
_requests = cache(_REQUESTS.labels)
_input, _output = _TOKENS.labels("input"), _TOKENS.labels("output")


def answered(endpoint: str, status: int, overhead_s: float) -> None:
    """Count an answer that has ended; status 0 means that the caller left before it began."""
    _requests(endpoint, str(status)).inc()
    _OVERHEAD.observe(overhead_s)


def used(input_tokens: int, output_tokens: int) -> None:
    """Count charged tokens."""
    _input.inc(input_tokens)
    _output.inc(output_tokens)


def under_way(provider: str) -> Gauge:
    """Return the gauge of requests in progress at a provider, to be raised and lowered."""
    return _UNDER_WAY.labels(provider)


def circuit(provider: str, *, is_open: bool) -> None:
    """Note that the circuit of a provider has opened or closed."""
    _CIRCUIT.labels(provider).set(is_open)
