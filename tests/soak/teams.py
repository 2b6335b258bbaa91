"""Five teams of a company at work: each uploads, trains, asks its model, reads and deletes, over and over."""

import threading
from collections import Counter

from openai import OpenAI

from tests.chaos.town import Town
from tests.jobs.story import run, upload
from tests.support.data import chat_file
from tests.support.webhook_receiver import Receiver

_ANSWERS = 20  # between two jobs
_EVENT_TYPES = ["fine_tuning.job.succeeded", "file.processed"]


class Crowd:
    """Threads of teams that repeat their day until they are stopped; a failure ends them all."""

    def __init__(self, town: Town, target: Receiver, teams: int) -> None:
        self.done: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._town = town
        self._target = target
        self._has_ended = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(teams)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait so long; True if a team has failed."""
        return self._has_ended.wait(seconds)

    def stop(self) -> None:
        """Let each team finish its day. Raises what a team met."""
        self._has_ended.set()
        for thread in self._threads:
            thread.join()
        if self.failure is not None:
            raise self.failure

    def _work(self, number: int) -> None:
        try:
            team = self._town.service.make_team(budget_usd="100000")
            endpoint = {"name": "ci", "url": self._target.url, "event_types": _EVENT_TYPES}
            team.http.post("/v1/webhook_endpoints", json=endpoint).raise_for_status()
            day = 0
            while not self._has_ended.is_set():
                self._day(team.sdk, f"{number} {day}")
                team.http.get("/v1/costs", params={"group_by": "model"}).raise_for_status()
                day += 1
        except BaseException as failure:
            self.failure = failure
            self._has_ended.set()

    def _day(self, sdk: OpenAI, topic: str) -> None:
        file = upload(sdk, chat_file(topic=topic))
        model = str(run(sdk, training_file=file.id).fine_tuned_model)
        self._count("jobs")
        messages = [{"role": "user", "content": f"What about {topic}?"}]
        for turn in range(_ANSWERS):
            if turn % 2:
                sdk.chat.completions.create(model=model, messages=messages)  # type: ignore[arg-type]
            else:
                list(sdk.chat.completions.create(model=model, messages=messages, stream=True))  # type: ignore[call-overload]
            sdk.fine_tuning.jobs.list(limit=20)
            self._count("answers")
        sdk.files.delete(file.id)
        sdk.models.delete(model)

    def _count(self, what: str) -> None:
        with self._lock:
            self.done[what] += 1
