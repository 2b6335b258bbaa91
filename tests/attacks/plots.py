"""The plots of a hostile provider: each spoils one kind of answer and is decent in all others."""

import gzip
import itertools
import json
import re
import threading
from typing import Any

from tests.attacks.hostile import INTERIM, Peer

MEGABYTE = 2**20
# A provider is configured for each; what it spoils is in its name.
JOB_PLOTS = (
    "decent",
    "job_endless",
    "job_bomb",
    "job_of_another",
    "job_of_values",
    "job_deep",
    "job_trickles",
    "job_succeeds_nameless",
    "create_hangs",
    "create_interim",
    "events_endless",
    "events_huge",
    "events_wild",
    "checkpoints_endless",
    "upload_endless",
    "upload_repeats",
    "result_endless",
    "result_of_words",
    "model_repeats",
    "error_endless",
)
STAYS = frozenset({"job_endless", "job_bomb", "job_of_another", "job_of_values", "job_deep", "job_trickles"})
STAYS |= {"create_hangs", "create_interim", "upload_endless"}  # a job there has no end that can be known


class Plots:
    """Answers as a provider of OpenAI's wire, but for what the plot in the path spoils."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._stamps: dict[str, str] = {}
        self._lock = threading.Lock()

    def answer(self, peer: Peer) -> None:
        """Answer one request."""
        plot, _, path = peer.path.partition("?")[0].lstrip("/").partition("/v1/")
        if path == "chat/completions":
            _chat(peer)
        elif path == "files" and peer.method == "POST":
            self._upload(peer, plot)
        elif path == "fine_tuning/jobs" and peer.method == "POST":
            self._create(peer, plot)
        elif found := re.fullmatch(r"fine_tuning/jobs/([^/]+)", path):
            self._job(peer, plot, found[1])
        elif path.endswith("/events"):
            self._events(peer, plot)
        elif path.endswith("/checkpoints"):
            self._checkpoints(peer, plot)
        elif path.endswith("/content"):
            _result(peer, plot)
        else:
            peer.json({"object": "list", "data": [], "has_more": False})

    def _next(self, prefix: str) -> str:
        with self._lock:
            return f"{prefix}{next(self._numbers):06}"

    def _upload(self, peer: Peer, plot: str) -> None:
        if plot == "upload_endless":
            _endless(peer)
        else:
            peer.json({"id": "file-repeated" if plot == "upload_repeats" else self._next("file-")})

    def _create(self, peer: Peer, plot: str) -> None:
        if plot == "create_hangs":
            peer.stopped.wait(10)
        elif plot == "create_interim":
            peer.flood(INTERIM, 300 * MEGABYTE)
        else:
            job_id = self._next("ftjob-")
            self._stamps[job_id] = json.loads(peer.body)["metadata"]["tunehouse_job"]
            peer.json(self._about(job_id, "running"))

    def _about(self, job_id: str, status: str, **changes: Any) -> dict[str, Any]:
        about = {"id": job_id, "status": status, "created_at": 1_790_000_000, "trained_tokens": 100}
        return about | {"metadata": {"tunehouse_job": self._stamps.get(job_id)}} | changes

    def _job(self, peer: Peer, plot: str, job_id: str) -> None:
        decent = self._about(job_id, "succeeded", fine_tuned_model=f"ft:m:{job_id}", result_files=["file-r"])
        if plot == "job_endless":
            _endless(peer)
        elif plot == "job_bomb":
            peer.json(
                gzip.compress(json.dumps(decent).encode() + b" " * 100 * MEGABYTE), Content_Encoding="gzip"
            )
        elif plot == "job_of_another":
            peer.json(decent | {"id": "ftjob-another"})
        elif plot == "job_of_values":
            peer.json(b'{"id":"%s","x":[' % job_id.encode() + b"{}," * 600_000 + b"{}]}")
        elif plot == "job_deep":
            peer.json(b'{"id":"%s","x":' % job_id.encode() + b"[" * 900 + b"]" * 900 + b"}")
        elif plot == "job_trickles":
            peer.head(100_000)
            peer.trickle(b" " * 100_000, 0.05)
        elif plot == "job_succeeds_nameless":
            peer.json(decent | {"fine_tuned_model": "ft:" + "m" * 99_999})
        elif plot == "model_repeats":
            peer.json(decent | {"fine_tuned_model": "ft:m:everyones"})
        elif plot == "error_endless":
            error = dict.fromkeys(("code", "param", "message"), "org-Secret1 " * 20000)
            peer.json(decent | {"status": "failed", "fine_tuned_model": None, "error": error})
        else:
            peer.json(decent)

    def _events(self, peer: Peer, plot: str) -> None:
        if plot == "events_endless":
            # Each page is new, whatever was asked for, and there is always one more.
            data = [{"id": self._next("ftevent-"), "message": "m" * 500} for _ in range(10)]
            peer.json({"data": data, "has_more": True})
        elif plot == "events_huge":
            _endless(peer)
        elif plot == "events_wild":
            wild: list[Any] = [
                None,
                7,
                {"id": None},
                {"id": "x" * 9999},
                {"id": "ftevent-1", "data": [[[1e308]]]},
            ]
            wild += [{"id": "ftevent-2", "created_at": -1e300, "level": {}, "message": ["m"], "type": 0}]
            peer.json({"data": wild, "has_more": "perhaps"})
        else:
            peer.json({"data": [{"id": self._next("ftevent-"), "message": "done"}], "has_more": False})

    def _checkpoints(self, peer: Peer, plot: str) -> None:
        if plot != "checkpoints_endless":
            peer.json({"data": [], "has_more": False})
            return
        models = (self._next("m:ckpt-step-") for _ in range(100))
        data = [
            {"id": f"c{model}", "fine_tuned_model_checkpoint": model, "step_number": 1} for model in models
        ]
        peer.json({"data": data, "has_more": True})


def _result(peer: Peer, plot: str) -> None:
    if plot == "result_endless":
        _endless(peer)
    elif plot == "result_of_words":
        peer.head(15 * MEGABYTE)
        peer.send(b"ab " * (5 * MEGABYTE))
    else:
        peer.json(b"step,train_loss\n1,0.5\n")


def _endless(peer: Peer) -> None:
    peer.head(None)
    peer.flood(b" ", 400 * MEGABYTE)
    peer.socket.close()


CHAT_PLOTS = (
    "endless",
    "bomb",
    "values",
    "fields",
    "interim",
    "endless stream",
    "endless event",
    "late stream",
)


def _chat(peer: Peer) -> None:
    plot = json.loads(peer.body)["messages"][0]["content"]
    if plot == "endless":
        _endless(peer)
    elif plot == "bomb":
        peer.json(gzip.compress(b" " * 200 * MEGABYTE, 1), Content_Encoding="gzip")
    elif plot == "values":
        peer.json(b'{"choices":[' + b"{}," * 4_000_000 + b"{}]}")
    elif plot == "fields":
        peer.json(b"{" + b",".join(b'"%x":1' % number for number in range(1_000_000)) + b"}")
    elif plot == "interim":
        peer.flood(INTERIM, 300 * MEGABYTE)
    elif plot == "endless stream":
        _stream(peer, b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % (b"word " * 200))
    elif plot == "endless event":
        _stream(peer, b"data: and so on ")
    elif plot == "late stream":
        done = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + done)
        peer.flood(b"data: {}\n\n", 200 * MEGABYTE)
        peer.socket.close()
    else:
        peer.json({"choices": [{"index": 0, "message": {"content": "fine"}}]})


def _stream(peer: Peer, piece: bytes) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    peer.flood(piece, 200 * MEGABYTE)
    peer.socket.close()
