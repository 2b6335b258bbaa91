"""The memory of an api and a worker that process 8 GB. Run: `python -m benchmarks.dataset_memory --help`.

Real processes, one after the other on the same database: the api receives the file in parts of 64 MB through
the SDK's routes, and the worker checks it. The figures are the peak memory of each (the kernel's `VmHWM`)
beyond its memory before.
"""

import argparse
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2

from benchmarks.corpus import write_chats
from benchmarks.harness.servers import ADMIN_KEY, servers
from tests.support.processes import Api, Process, Worker

_PART_BYTES = 64 * 2**20


def sparse(size_bytes: int) -> Iterator[bytes]:
    """The parts of a sparse file: only zeros."""
    for start in range(0, size_bytes, _PART_BYTES):
        yield bytes(min(_PART_BYTES, size_bytes - start))


def repeated(path: Path, size_bytes: int) -> Iterator[bytes]:
    """The parts of a file of conversations, each made unique by a number at its start."""
    lines = path.read_bytes().splitlines(keepends=True)
    held, held_bytes, number, sent = [], 0, 0, 0
    while sent < size_bytes:
        line = lines[number % len(lines)]
        line = line.replace(b'"content": "', b'"content": "%08d ' % number, 1)
        number += 1
        held.append(line)
        held_bytes += len(line)
        if held_bytes >= _PART_BYTES - 2**16 or sent + held_bytes >= size_bytes:
            yield b"".join(held)
            sent += held_bytes
            held, held_bytes = [], 0


def memory_mb(process: Process, field: str) -> float:
    """The memory of a process in MB: `VmRSS` is the current value, `VmHWM` the peak."""
    assert process.process is not None
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) * 1024 / 1e6


def send(client: httpx2.Client, parts: Iterator[bytes], size_bytes: int) -> str:
    """Upload parts and complete them; the file's id."""
    body = {"filename": "big.jsonl", "purpose": "fine-tune", "bytes": size_bytes, "mime_type": "text/jsonl"}
    upload = _answer(client.post("/v1/uploads", json=body))["id"]
    md5 = hashlib.md5(usedforsecurity=False)
    ids = []
    for part in parts:
        md5.update(part)
        files = {"data": ("upload", part)}
        ids.append(_answer(client.post(f"/v1/uploads/{upload}/parts", files=files))["id"])
    wanted = {"part_ids": ids, "md5": md5.hexdigest()}
    done = _answer(client.post(f"/v1/uploads/{upload}/complete", json=wanted))
    return str(done["file"]["id"])


def _answer(response: httpx2.Response) -> dict[str, dict[str, str]]:
    response.raise_for_status()
    found: dict[str, dict[str, str]] = response.json()
    return found


def main() -> None:
    """Print a row for each file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sparse-mb", type=int, default=8192, help="MiB of zeros")
    parser.add_argument("--chats-mb", type=int, default=2048, help="MiB of conversations; 0 leaves them out")
    asked = parser.parse_args()
    with servers() as (folder, environment):
        api, worker = Api(environment, folder), Worker(environment, folder)
        try:
            print("| file | upload | api beyond before | check | worker |\n|---|---|---|---|---|")
            _run("zeros", sparse(asked.sparse_mb * 2**20), asked.sparse_mb * 2**20, api, worker)
            if asked.chats_mb:
                path = folder / "chats.jsonl"
                write_chats(path, 20 * 10**6)
                size_bytes = sum(map(len, repeated(path, asked.chats_mb * 2**20)))
                _run("conversations", repeated(path, asked.chats_mb * 2**20), size_bytes, api, worker)
        finally:
            api.stop()
            worker.stop()


def _settled_mb(worker: Worker) -> float:
    """The memory of a worker that has just started."""
    # It takes its first work as soon as it can; what it holds before its imports are through says nothing.
    held = [0.0]
    while held[-1] < 60 or held[-1] - held[-2] > 1:
        time.sleep(0.1)
        held.append(memory_mb(worker, "VmRSS"))
    return held[-1]


def _run(name: str, parts: Iterator[bytes], size_bytes: int, api: Api, worker: Worker) -> None:
    api.start()
    with httpx2.Client(base_url=api.url, timeout=600, trust_env=False) as client:
        client.headers["authorization"] = f"Bearer {ADMIN_KEY}"
        slug = f"team-{name}"
        client.headers["openai-project"] = str(
            _answer(client.post("/v1/teams", json={"name": name, "slug": slug}))["id"]
        )
        client.get("/v1/files").raise_for_status()
        before, started = memory_mb(api, "VmRSS"), time.perf_counter()
        file_id = send(client, parts, size_bytes)
        upload_s = time.perf_counter() - started
        api_mb = memory_mb(api, "VmHWM") - before
        started = time.perf_counter()
        worker.start()
        idle_mb = _settled_mb(worker)
        while _answer(client.get(f"/v1/files/{file_id}"))["status"] == "uploaded":
            time.sleep(0.5)
        check_s = time.perf_counter() - started
        worker_mb = memory_mb(worker, "VmHWM")
        client.delete(f"/v1/files/{file_id}").raise_for_status()
    print(
        f"| {size_bytes / 1e9:.1f} GB of {name} | {upload_s:.0f} s | {api_mb:.0f} MB | {check_s:.0f} s "
        f"| {worker_mb:.0f} MB, {worker_mb - idle_mb:.0f} beyond before |",
        flush=True,
    )
    worker.stop()
    api.stop()


if __name__ == "__main__":
    main()
