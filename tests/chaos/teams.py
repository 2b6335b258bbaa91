"""Teams at work through the stock SDK: each retries as any client would, and counts what it asked for."""

import random
import threading
from dataclasses import dataclass, field

import openai
from openai import OpenAI

from tests.chaos.town import Town
from tests.fakes.fireworks import BASE as FIREWORKS
from tests.fakes.together import BASE as TOGETHER
from tests.support.data import chat_file
from tests.support.service import TeamHandle
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import Receiver

NEBIUS = "meta-llama/Llama-3.1-8B-Instruct"
# Half of the jobs go to the trainer, which alone can pause them.
BASES = ("sandbox-mini", "sandbox-mini", "sandbox-mini", TOGETHER, FIREWORKS, NEBIUS)
_PAUSE_S = 0.5
_EVENTS = [
    "file.processed",
    "fine_tuning.job.started",
    "fine_tuning.job.succeeded",
    "fine_tuning.job.failed",
    "fine_tuning.job.cancelled",
    "model.created",
]


@dataclass
class TeamAtWork:
    """One team, its webhook endpoint's secret, and the jobs it knows it has."""

    handle: TeamHandle
    secret: str
    job_ids: list[str] = field(default_factory=list)
    failed: BaseException | None = None


def open_team(town: Town, target: Receiver) -> TeamAtWork:
    """A team with a budget and a webhook endpoint, made while all is well."""
    handle = town.service.make_team(budget_usd="1000")
    endpoint = handle.http.post(
        "/v1/webhook_endpoints", json={"name": "ci", "url": target.url, "event_types": _EVENTS}
    )
    endpoint.raise_for_status()
    return TeamAtWork(handle, endpoint.json()["signing_secret"])


def work(town: Town, team: TeamAtWork, jobs: int, number: int) -> threading.Thread:
    """Let a team create its jobs, in a thread; some it cancels, pauses and resumes."""
    thread = threading.Thread(target=_work, args=(town, team, jobs, number), daemon=True)
    thread.start()
    return thread


def _work(town: Town, team: TeamAtWork, jobs: int, number: int) -> None:
    dice = random.Random(number)
    base_url = f"http://127.0.0.1:{town.proxy.port}/v1"
    try:
        with OpenAI(base_url=base_url, api_key=team.handle.key, max_retries=4, timeout=20) as sdk:
            file_ids = [_upload(sdk, number, kind) for kind in range(2)]
            for turn in range(jobs):
                team.job_ids.append(
                    _create(sdk, dice.choice(BASES), dice.choice(file_ids), f"{number}-{turn}")
                )
                if turn % 8 == 3:
                    _ask(sdk, "cancel", dice.choice(team.job_ids))
                if turn % 8 == 6:
                    chosen = dice.choice(team.job_ids)
                    _ask(sdk, "pause", chosen)
                    _ask(sdk, "resume", chosen)
    except BaseException as failure:
        team.failed = failure


def _upload(sdk: OpenAI, number: int, kind: int) -> str:
    content = chat_file(topic=f"tea {number} {kind}")

    def attempt() -> str:
        headers = {"Idempotency-Key": f"file-{number}-{kind}"}
        sent = sdk.files.create(file=("data.jsonl", content), purpose="fine-tune", extra_headers=headers)
        return sent.id

    return _insist(attempt)


def _create(sdk: OpenAI, base: str, file_id: str, key: str) -> str:
    def attempt() -> str:
        return sdk.fine_tuning.jobs.create(
            model=base, training_file=file_id, extra_headers={"Idempotency-Key": key}
        ).id

    return _insist(attempt)


def _ask(sdk: OpenAI, action: str, job_id: str) -> None:
    def attempt() -> bool:
        try:
            getattr(sdk.fine_tuning.jobs, action)(job_id)
        except openai.BadRequestError:  # its state does not allow it any more
            return True
        return True

    _insist(attempt)


def _insist(attempt):  # type: ignore[no-untyped-def]
    """What `attempt` returns once it gets through; a client's own retries have their limits."""

    def once():  # type: ignore[no-untyped-def]
        try:
            return attempt()
        except (openai.APIConnectionError, openai.InternalServerError, openai.ConflictError):
            return None

    return wait_until(once, timeout_s=240, every_s=_PAUSE_S)
