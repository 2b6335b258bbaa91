"""What the gateway counts for Prometheus: of this process, and without teams, which would be endless."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

_REQUESTS = Counter(
    "tunehouse_inference_requests", "Requests for model output that were answered.", ["endpoint", "status"]
)
_TOKENS = Counter("tunehouse_inference_tokens", "Tokens that were charged.", ["kind"])
_OVERHEAD = Histogram(
    "tunehouse_inference_overhead_seconds",
    "Time until an answer began that was not the provider's.",
    buckets=(0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
_UNDER_WAY = Gauge("tunehouse_inference_under_way", "Requests that a provider is working on.", ["provider"])
_CIRCUIT = Gauge(
    "tunehouse_inference_circuit_open", "1 while a failing provider is given a rest.", ["provider"]
)

# Looking up labels takes longer than counting.
_requests = cache(_REQUESTS.labels)
_under_way = cache(_UNDER_WAY.labels)
_input, _output = _TOKENS.labels("input"), _TOKENS.labels("output")


def answered(endpoint: str, status: int, overhead_s: float) -> None:
    """An answer has ended; status 0 is that of callers who left before it began."""
    _requests(endpoint, str(status)).inc()
    _OVERHEAD.observe(overhead_s)


def used(input_tokens: int, output_tokens: int) -> None:
    """Tokens were charged."""
    _input.inc(input_tokens)
    _output.inc(output_tokens)


def under_way(provider: str, count: int) -> None:
    """So many requests are with a provider."""
    _under_way(provider).set(count)


def circuit(provider: str, *, is_open: bool) -> None:
    """The circuit of a provider has opened or closed."""
    _CIRCUIT.labels(provider).set(is_open)
