"""Runs wrk, and measures the process under load."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BODY = {
    "model": "fast/sandbox-mini",
    "messages": [
        {"role": "system", "content": "You are helpful."},
        {"role": "user", "content": "Say hello to me please."},
    ],
    "max_tokens": 50,
}

_SCRIPT = """
wrk.method = "POST"
local bodies, requests, turn = {{ [[{whole}]], [[{streamed}]] }}, {{}}, 0
function init(args)
  for number, body in ipairs(bodies) do requests[number] = wrk.format(nil, nil, nil, body) end
end
function request()
  turn = turn % {kinds} + 1
  return requests[turn]
end
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
function done(summary, latency, requests)
  local fields = '"requests": %d, "seconds": %.6f, "p50": %.1f, "p95": %.1f, "p99": %.1f, "refused": %d'
  io.write(string.format('\\n{{' .. fields .. '}}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(95),
    latency:percentile(99), summary.errors.status))
end
"""


@dataclass(frozen=True)
class Load:
    """The latencies that wrk measured, in µs, and the CPU that the process under load used, in µs."""

    requests: int
    seconds: float
    p50: float
    p95: float
    p99: float
    refused: int
    cpu_us: float

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def long_body(tokens: int) -> dict[str, Any]:
    """The request with a prompt of about this many tokens."""
    return BODY | {"messages": [{"role": "user", "content": "word " * tokens}]}


def check_tools() -> None:
    """Exit with a message if a tool is missing."""
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is missing: apt-get install wrk util-linux (Debian, Ubuntu)")


def run(
    url: str,
    key: str,
    connections: int,
    seconds: float,
    pid: int | None = None,
    *,
    body: dict[str, Any] = BODY,
    half_streamed: bool = False,
) -> Load:
    """Load `url` by wrk with one thread; `pid` is the process whose CPU is counted."""
    whole, streamed = json.dumps(body), json.dumps(body | {"stream": True}, separators=(",", ":"))
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT.format(whole=whole, streamed=streamed, kinds=1 + half_streamed, key=key))
        script.flush()
        argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", script.name]
        before = cpu_us(pid) if pid else 0.0
        done = subprocess.run(
            [*argv, f"{url}/v1/chat/completions"], capture_output=True, text=True, check=True
        )
        used = (_cpu_or_zero(pid) - before) if pid else 0.0
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
    seen = json.loads(line)
    return Load(**seen, cpu_us=used / max(seen["requests"], 1))


def cpu_us(pid: int) -> float:
    """CPU time of a process so far, of all its threads, in µs; exact, unlike the ticks of /proc/pid/stat."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((tasks / task / "schedstat").read_text().split()[0]) for task in os.listdir(tasks)) / 1000


def _cpu_or_zero(pid: int) -> float:
    try:
        return cpu_us(pid)
    except FileNotFoundError:  # it was killed meanwhile
        return 0.0


def resident_kb(pid: int) -> int:
    """Resident memory of a process, in kB."""
    (line,) = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")
    ]
    return int(line.split()[1])
