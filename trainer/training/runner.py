"""One background thread that moves every job when the trainer's clock says it is due."""

from __future__ import annotations

import heapq
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator

from trainer.core import Core
from trainer.engines.base import Progress
from trainer.storage.records import JobFailure, JobRecord
from trainer.training.outcome import TERMINAL, fail_job
from trainer.training.spec import build_spec
from trainer.training.stages import check_files, start_job, still, take_step

logger = logging.getLogger("trainer.runner")


class Runner:
    """A heap of (due, order, job id); the rows hold the truth, the heap is rebuilt from them at start."""

    def __init__(self, core: Core, on_end: Callable[[], None]) -> None:
        self._core = core
        self._on_end = on_end
        self._condition = threading.Condition()
        self._heap: list[tuple[float, int, str]] = []
        self._order = 0
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._runs: dict[str, Iterator[Progress]] = {}
        self._busy = False
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="runner", daemon=True)

    def start(self) -> None:
        """Schedule every job that has not ended; anything that became due while stopped is due now."""
        now = self._core.clock.now()
        for job in self._core.store.jobs.all():
            if job.status in ("running", "pausing"):
                self._runs[job.id] = self._open_run(job)
            if job.status in TERMINAL:
                self._core.engine.release(build_spec(self._core, job))  # a kill may have come in between
            if job.due_at is not None:
                self.schedule(job.id, max(job.due_at, now))
        self._thread.start()

    def stop(self, timeout_s: float = 0.5) -> None:
        """Let the current move end, but do not wait long: the rows survive if the thread is killed."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        self._thread.join(timeout_s)

    def schedule(self, job_id: str, due_at: float) -> None:
        """Look at the job when the clock reaches `due_at`."""
        with self._condition:
            self._order += 1
            heapq.heappush(self._heap, (due_at, self._order, job_id))
            self._condition.notify_all()

    def wake(self) -> None:
        """Look at the clock again after it was moved."""
        with self._condition:
            self._condition.notify_all()

    def settle(self, timeout_s: float = 30.0) -> bool:
        """Wait until nothing is due by the clock; False when time ran out."""
        with self._condition:
            self._condition.notify_all()
            return self._condition.wait_for(lambda: not self._busy and not self._is_due(), timeout_s)

    def _is_due(self) -> bool:
        return bool(self._heap) and self._heap[0][0] <= self._core.clock.now()

    def _loop(self) -> None:
        while True:
            with self._condition:
                self._busy = False
                self._condition.notify_all()
                while not self._stopping and not self._is_due():
                    wait_s = self._core.clock.seconds_until(self._heap[0][0]) if self._heap else None
                    self._condition.wait(wait_s)
                if self._stopping:
                    return
                due_at, _, job_id = heapq.heappop(self._heap)
                self._busy = True
            try:
                self._move(job_id, due_at)
            except Exception:  # one bad job must not stop the others; it ends failed and is logged once
                logger.exception("job %s failed inside the trainer", job_id)
                self._give_up(job_id, due_at)

    def _move(self, job_id: str, at: float) -> None:
        job = self._core.store.jobs.get(job_id)
        if job is None or job.due_at is None:
            self._release(job_id)
        elif job.status == "validating_files":
            check_files(self._core, job, at)
        elif job.status == "queued":
            self._waiting.setdefault(job_id)
        else:
            take_step(self._core, job, at, self._runs[job_id])
        self._follow(job_id)
        self._fill_slots(at)

    def _follow(self, job_id: str) -> None:
        """Schedule the job's next move, or free its slot if it has paused."""
        job = self._core.store.jobs.get(job_id)
        if job is None or job.due_at is None:
            self._release(job_id)
        elif job_id not in self._waiting:
            self.schedule(job_id, job.due_at)

    def _release(self, job_id: str) -> None:
        job = self._core.store.jobs.get(job_id)
        run = self._runs.get(job_id)
        if job and job.status == "paused" and run:
            self._core.engine.rest(build_spec(self._core, job))
        if isinstance(run, Generator):
            run.close()
        self._runs.pop(job_id, None)
        if job and job.status in TERMINAL:
            self._core.engine.release(build_spec(self._core, job))
        self._on_end()

    def _fill_slots(self, at: float) -> None:
        while self._waiting and len(self._runs) < self._core.engine.concurrency:
            job_id, _ = self._waiting.popitem(last=False)
            if start_job(self._core, job_id, at) and (job := still(self._core, job_id, "running", "pausing")):
                self._runs[job_id] = self._open_run(job)
                self._follow(job_id)

    def _open_run(self, job: JobRecord) -> Iterator[Progress]:
        if job.plan is None:
            raise RuntimeError(f"job {job.id} runs without a plan")
        return self._core.engine.train(build_spec(self._core, job), job.plan, job.step)

    def _give_up(self, job_id: str, at: float) -> None:
        with self._core.store.transaction():
            job = self._core.store.jobs.get(job_id)
            if job and job.status not in TERMINAL:
                fail_job(self._core, job, at, JobFailure("server_error", "The trainer failed; see its log."))
        self._release(job_id)
