"""The cost of the gateway: the same load on an upstream directly and through Tunehouse, in one run.

`python -m benchmarks.gateway [SECONDS]` (10 for each point by default; needs wrk). Everything that
slows a request is on: key, scope, rate limits in Valkey, budget hold, and ledger rows in a Postgres with
synchronous commits.
"""

import os
import platform
import sys
import threading
import time
from collections.abc import Sequence
from statistics import quantiles

import httpx2

from benchmarks.harness import load, streams
from benchmarks.harness.load import Load
from benchmarks.harness.stand import (
    API_CORE,
    FAST_CHUNKS,
    OTHER_CORES,
    SLOW_CHUNKS,
    SLOW_INTERVAL_S,
    Stand,
    stand,
)

_CONNECTIONS = (1, 16, 64)
_WARM_UP_S = 2.0
_MANY, _SPREAD_S = 500, 5.0
_LATE_S = 0.25
_LONG_TOKENS = 50_000


def main() -> None:
    """Measure everything and print it."""
    load.check_tools()
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    _print_machine()
    with stand() as running:
        team_id, key = running.make_team("bench")
        _print_requests(running, key, seconds)
        _print_fast_streams(running, key)
        _print_many_streams(running, key)
        rows, holds = running.rows_of(team_id)
        print(f"\n{rows:,} requests in the ledger by then, {holds} holds left.")
        _print_long_prompts(running, key, seconds)
        _print_kill(running)
        _print_two_processes(running, key, seconds)
    print(f"\nLoad average at the end: {_load_average()}.")


def _print_machine() -> None:
    with open("/proc/cpuinfo") as info:
        cpu = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "?")
    print(f"{platform.system()} {platform.release()}, {cpu}, Python {platform.python_version()}.")
    print(f"The api on core {API_CORE}; upstream, wrk, Postgres, Valkey on {OTHER_CORES}.")
    print(f"Load average at the start: {_load_average()}.\n")


def _load_average() -> str:
    return ", ".join(f"{load:.2f}" for load in os.getloadavg())


def _print_requests(running: Stand, key: str, seconds: float) -> None:
    pid = running.api.pid
    print("| connections | | requests/s | p50 | p95 | p99 | CPU of the api |")
    print("|---|---|---|---|---|---|---|")
    for connections in _CONNECTIONS:
        load.run(running.fast_url, key, connections, _WARM_UP_S)
        direct = load.run(running.fast_url, key, connections, seconds / 2)
        load.run(running.api_url, key, connections, _WARM_UP_S)
        through = load.run(running.api_url, key, connections, seconds, pid)
        assert not through.refused, f"{through.refused} requests were refused"
        _print_load(connections, "direct", direct)
        _print_load(connections, "through", through)
        added = [_ms(getattr(through, name) - getattr(direct, name)) for name in ("p50", "p95", "p99")]
        print(f"| {connections} | **added** | | {' | '.join(added)} | |")


def _print_load(connections: int, way: str, seen: Load) -> None:
    times = " | ".join(_ms(value) for value in (seen.p50, seen.p95, seen.p99))
    cpu = f"{seen.cpu_us:.0f} µs" if seen.cpu_us else ""
    print(f"| {connections} | {way} | {seen.per_second:,.0f} | {times} | {cpu} |", flush=True)


def _ms(microseconds: float) -> str:
    return f"{microseconds / 1000:.2f} ms"


def _print_fast_streams(running: Stand, key: str) -> None:
    print(f"\nStreams of {FAST_CHUNKS} chunks as fast as they go:\n")
    print("| streams at once | | first chunk p50 | p99 | chunks/s | CPU of the api a chunk |")
    print("|---|---|---|---|---|---|")
    pid = running.api.pid
    for count in (1, 16, 64):
        for way, url in (("direct", running.fast_url), ("through", running.api_url)):
            streams.read(url, key, "fast/sandbox-mini", count)
            began, cpu_before = time.monotonic(), load.cpu_us(pid)
            rounds = [streams.read(url, key, "fast/sandbox-mini", count) for _ in range(max(3, 60 // count))]
            took_s, cpu_us = time.monotonic() - began, load.cpu_us(pid) - cpu_before
            seen = [stream for one in rounds for stream in one]
            assert all(stream.is_whole for stream in seen)
            chunks = sum(len(stream.events_at) for stream in seen)
            median, last = _p50_p99([stream.first_s * 1e6 for stream in seen])
            cpu = f"{cpu_us / chunks:.0f} µs" if way == "through" else ""
            print(
                f"| {count} | {way} | {_ms(median)} | {_ms(last)} | {chunks / took_s:,.0f} | {cpu} |",
                flush=True,
            )


def _print_many_streams(running: Stand, key: str) -> None:
    pid = running.api.pid
    before_kb, peak_kb, over = load.resident_kb(pid), 0, threading.Event()

    def watch() -> None:
        nonlocal peak_kb
        while not over.wait(0.2):
            peak_kb = max(peak_kb, load.resident_kb(pid))

    watching = threading.Thread(target=watch)
    watching.start()
    cpu_before = load.cpu_us(pid)
    seen = streams.read(running.api_url, key, "slow/sandbox-mini", _MANY, _SPREAD_S)
    cpu_s = (load.cpu_us(pid) - cpu_before) / 1e6
    over.set()
    watching.join()
    whole = [stream for stream in seen if stream.is_whole]
    gaps = [stream.longest_gap_s for stream in whole]
    late = sum(gap > SLOW_INTERVAL_S + _LATE_S for gap in gaps)
    first, first_last = _p50_p99([stream.first_s * 1e6 for stream in whole])
    length_s = SLOW_CHUNKS * SLOW_INTERVAL_S
    print(
        f"\n{_MANY} streams at once of {length_s:.0f} s, a chunk every {SLOW_INTERVAL_S} s: "
        f"{len(whole)} whole; first chunk p50 {_ms(first)}, p99 {_ms(first_last)}; longest pause between two "
        f"chunks {max(gaps):.2f} s, {late} streams with one over {SLOW_INTERVAL_S + _LATE_S} s; memory "
        f"{(peak_kb - before_kb) / _MANY:.0f} kB a stream; {cpu_s:.1f} s of CPU in all."
    )


def _print_long_prompts(running: Stand, key: str, seconds: float) -> None:
    body = load.long_body(_LONG_TOKENS)
    seen = load.run(running.api_url, key, 16, seconds, running.api.pid, body=body, half_streamed=True)
    print(
        f"\nPrompts of {_LONG_TOKENS:,} tokens, half of them streamed, 16 connections: "
        f"{seen.per_second:,.0f} requests/s, p50 {_ms(seen.p50)}, p99 {_ms(seen.p99)}, "
        f"{seen.cpu_us:,.0f} µs of CPU a request, {seen.refused} refused."
    )


def _print_two_processes(running: Stand, key: str, seconds: float) -> None:
    """Runs last, because it restarts the api with two processes, which share all cores with the load."""
    running.stop_api()
    running.restart_api(processes=2)
    load.run(running.api_url, key, 64, _WARM_UP_S)
    seen = load.run(running.api_url, key, 64, seconds)
    print(
        f"\nTwo api processes on all cores, 64 connections: {seen.per_second:,.0f} requests/s, "
        f"p50 {_ms(seen.p50)}, p99 {_ms(seen.p99)}, {seen.refused} refused."
    )


def _print_kill(running: Stand) -> None:
    team_id, key = running.make_team("killed")
    sent_before = _count(running)
    threading.Timer(3.0, lambda: _kill(running)).start()
    seen = load.run(running.api_url, key, 64, 5.0)
    sent = _count(running) - sent_before
    running.restart_api()
    rows, holds = running.rows_of(team_id)
    complete = seen.requests - seen.refused
    verdict = "holds" if complete <= rows <= sent else "FAILS"
    print(
        f"\nKilled with -9 under 64 connections: {complete:,} complete answers ≤ {rows:,} requests in the "
        f"ledger ≤ {sent:,} that the upstream counted: {verdict}. {holds} holds are left to expire."
    )


def _kill(running: Stand) -> None:
    running.api.kill()
    running.api.wait()


def _count(running: Stand) -> int:
    return int(httpx2.get(f"{running.fast_url}/count", trust_env=False).text)


def _p50_p99(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    cuts = quantiles(values, n=100)
    return cuts[49], cuts[98]


if __name__ == "__main__":
    main()
