"""A team's load: threads that call one after another, and remember each call that fails."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Self

from tests.gateway.rows import entries_of, holds_left
from tests.jobs.story import BASE, ENDED, start, upload
from tests.support.data import chat_file
from tests.support.service import TeamHandle
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

HELLO = [{"role": "user", "content": "Hello"}]
_WORK_TIMEOUT_S = 120.0
_LARGE = b'{"prompt": "How many?", "completion": "Seven."}\n' * 20_000


class Load:
    """Runs from the start of a `with` block to its end, without retries, in the name of a team."""

    def __init__(self, team: TeamHandle) -> None:
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self._sdk = team.sdk
        self._has_ended = threading.Event()
        self._lock = threading.Lock()
        calls = (self._answer, self._stream, self._read, self._write, self._upload, self._train)
        self._threads = [threading.Thread(target=self._repeat, args=(call,)) for call in calls]
        self.kinds = {call.__name__ for call in calls}

    def __enter__(self) -> Self:
        self._dataset = upload(self._sdk).id
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._has_ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, of_each: int = 2) -> None:
        """Wait until each kind of call was made this often from now on."""
        with self._lock:
            before = Counter(self.done)
        wait_until(
            lambda: all(self.done[kind] - before[kind] >= of_each for kind in self.kinds) or self.failures,
            timeout_s=_WORK_TIMEOUT_S,
        )

    def _repeat(self, call: Callable[[], object]) -> None:
        while not self._has_ended.is_set():
            try:
                call()
            except Exception as failure:  # whatever it is, the test shows it
                with self._lock:
                    self.failures.append(f"{call.__name__}: {failure!r}")
                return
            with self._lock:
                self.done[call.__name__] += 1

    def _answer(self) -> None:
        self._sdk.chat.completions.create(model=BASE, messages=HELLO, max_tokens=20)  # type: ignore[arg-type]

    def _stream(self) -> None:
        stream = self._sdk.chat.completions.create(model=BASE, messages=HELLO, stream=True)  # type: ignore[arg-type]
        assert any(choice.finish_reason for chunk in stream for choice in chunk.choices), "cut"

    def _read(self) -> None:
        self._sdk.fine_tuning.jobs.list()

    def _write(self) -> None:
        self._send("small.jsonl", chat_file())

    def _upload(self) -> None:
        """A body that a balancer cannot hold in memory to send it once more."""
        self._send("large.jsonl", _LARGE)

    def _send(self, name: str, content: bytes) -> None:
        """Upload a file and wait for its check, so that no backlog of checks delays the jobs."""
        file_id = self._sdk.files.create(file=(name, content), purpose="fine-tune").id
        wait_until(lambda: self._sdk.files.retrieve(file_id).status != "uploaded", timeout_s=_WORK_TIMEOUT_S)

    def _train(self) -> None:
        job_id = start(self._sdk, training_file=self._dataset).id

        def status() -> str | None:
            found = self._sdk.fine_tuning.jobs.retrieve(job_id).status
            return found if found in ENDED else None

        assert wait_until(status, timeout_s=_WORK_TIMEOUT_S) == "succeeded"


def check_books(team: TeamHandle, trainer: TrainerProcess) -> None:
    """Every token that the trainer counted since it last forgot is charged once, and nothing is held."""
    wait_until(lambda: holds_left(team.id) == 0)
    metered = Counter[str]()
    for row in entries_of(team.id):
        metered[row.kind] += int(row.quantity)
    answered = trainer.control.tokens()
    charged = {"prompt": metered["input_tokens"], "completion": metered["output_tokens"]}
    assert charged == answered
