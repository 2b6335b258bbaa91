"""The speed and memory of checking a dataset. Run: `python -m benchmarks.datasets --help`.

Five programs process the same file, taking turns in one process:

    cookbook   json and tiktoken, message by message: the published notebook, which checks each example,
               counts each conversation, and its replies, which are trained, a second time
    once       only the notebook's count of each conversation
    ceiling    msgspec decodes and toktok counts, without checks
    errors     the check with every error rule and exact counts
    warnings   the same with every warning
"""

import argparse
import gzip
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import msgspec
import tiktoken
import toktok  # type: ignore[import-untyped]

from benchmarks.corpus import write_chats
from service.dataset.check.checker import check
from service.dataset.formats.chat import ChatExample
from service.dataset.lines import batches
from service.dataset.warnings.finder import WarningFinder

WAYS = ("cookbook", "once", "ceiling", "errors", "warnings")
# These tell the same two sums; the other two do less.
_COMPLETE = ("cookbook", "errors", "warnings")
_RATIOS = (("errors", "cookbook"), ("errors", "once"), ("errors", "ceiling"), ("warnings", "ceiling"))
_O200K_CACHED_AS = "fb374d419588a4632f3f557e76b4b70aebbca790"


def offline_tiktoken(folder: Path) -> tiktoken.Encoding:
    """tiktoken's o200k_base from the ranks that another package ships."""
    package = find_spec("bpe_openai")
    assert package is not None
    assert package.origin is not None
    packed = (Path(package.origin).parent / "data" / "o200k_base.tiktoken.gz").read_bytes()
    (folder / _O200K_CACHED_AS).write_bytes(gzip.decompress(packed))
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    return tiktoken.get_encoding("o200k_base")


def cookbook(path: Path, encoding: tiktoken.Encoding) -> tuple[int, int]:
    """The notebook: its format checks, then each conversation's tokens and those of its replies."""
    with path.open(encoding="utf-8") as file:
        dataset = [json.loads(line) for line in file]
    for example in dataset:
        if not isinstance(example, dict) or not example.get("messages"):
            raise ValueError("data_type")
        for message in example["messages"]:
            if "role" not in message or "content" not in message or not isinstance(message["content"], str):
                raise ValueError("message_missing_key")
            if any(key not in ("role", "content", "name", "function_call", "weight") for key in message):
                raise ValueError("message_unrecognized_key")
        if not any(message["role"] == "assistant" for message in example["messages"]):
            raise ValueError("example_missing_assistant_message")
    lengths = [_tokens_of(example["messages"], encoding) for example in dataset]
    replies = [_reply_tokens_of(example["messages"], encoding) for example in dataset]
    return sum(lengths), sum(replies)


def counting_once(path: Path, encoding: tiktoken.Encoding) -> int:
    """The same loop without checks and without counting replies a second time."""
    with path.open(encoding="utf-8") as file:
        return sum(_tokens_of(json.loads(line)["messages"], encoding) for line in file)


def _tokens_of(messages: list[dict[str, str]], encoding: tiktoken.Encoding) -> int:
    total = 3
    for message in messages:
        total += 3
        for key, value in message.items():
            total += len(encoding.encode(value)) + (key == "name")
    return total


def _reply_tokens_of(messages: list[dict[str, str]], encoding: tiktoken.Encoding) -> int:
    replies = (message["content"] for message in messages if message["role"] == "assistant")
    return sum(len(encoding.encode(reply)) for reply in replies)


def ceiling(path: Path, threads: int) -> int:
    """Decode and count in parallel, without checks."""
    decode = msgspec.json.Decoder(ChatExample).decode
    total = 0
    with ThreadPoolExecutor(1) as counter:
        pending: list[Future[list[int]]] = []
        for batch in batches(chunks(path)):
            texts = [message.content for line in batch.lines for message in decode(line or b"").messages]
            pending.append(counter.submit(toktok.batch_count, texts, "o200k_base", threads=threads))
            if len(pending) > 2:
                total += sum(pending.pop(0).result())
        return total + sum(sum(one.result()) for one in pending)


def ours(path: Path, threads: int, finder: WarningFinder | None) -> tuple[int, int]:
    """The check as in a worker."""
    tokens = check(chunks(path), threads=threads, finder=finder).tokens
    return tokens.total, tokens.trained


def chunks(path: Path) -> Iterator[bytes]:
    """The file in chunks, as from storage."""
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(2**20):
            yield chunk


def measure(path: Path, cores: int, rounds: int, encoding: tiktoken.Encoding) -> dict[str, float]:
    """MB/s of each program on `cores` cores: the median of the rounds."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    runs: tuple[Callable[[], object], ...] = (
        lambda: cookbook(path, encoding),
        lambda: counting_once(path, encoding),
        lambda: ceiling(path, cores),
        lambda: ours(path, cores, None),
        lambda: ours(path, cores, WarningFinder()),
    )
    ways = dict(zip(WAYS, runs, strict=True))
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    totals = set()
    for _ in range(rounds):
        for name, run in ways.items():
            started = time.perf_counter()
            total = run()
            seconds[name].append(time.perf_counter() - started)
            if name in _COMPLETE:
                totals.add(total)
    assert len(totals) == 1, f"the counts differ: {totals}"
    size_mb = path.stat().st_size / 1e6
    return {name: size_mb / statistics.median(taken) for name, taken in seconds.items()}


def main() -> None:
    """Print a table for one core and for two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    cores_there = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encoding = offline_tiktoken(folder)
        path = folder / "chats.jsonl"
        examples = write_chats(path, asked.mb * 10**6)
        print(f"{path.stat().st_size / 1e6:.0f} MB, {examples} conversations, half English, half Chinese\n")
        heads = ("cores", *WAYS, *(f"{one} / {other}" for one, other in _RATIOS))
        print(f"| {' | '.join(heads)} |")
        print("|---" * len(heads) + "|")
        for cores in (1, 2):
            os.sched_setaffinity(0, cores_there)
            speed = measure(path, cores, asked.rounds, encoding)
            figures = " | ".join(f"{speed[way]:.1f} MB/s" for way in speed)
            ratios = (f"{speed[one] / speed[other]:.2f}" for one, other in _RATIOS)
            print(f"| {cores} | {figures} | {' | '.join(ratios)} |", flush=True)


if __name__ == "__main__":
    main()
