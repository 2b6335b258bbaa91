"""The kinds of provider under test, each with the server that imitates it."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

from openai import OpenAI

from tests.fakes.bedrock import AWS_KEY, BedrockFake
from tests.fakes.bedrock import BASE as BEDROCK
from tests.fakes.fireworks import BASE as FIREWORKS
from tests.fakes.fireworks import FireworksFake
from tests.fakes.nebius import NebiusFake
from tests.fakes.server import KEY, FakeServer
from tests.fakes.together import BASE as TOGETHER
from tests.fakes.together import TogetherFake
from tests.support.plain import sdk_client
from tests.support.trainer_process import CALL_TIMEOUT_S, TrainerProcess

Loss = Literal["lost", "never_arrived", "error_after_accepting"]
NAME = "vendor"
_STEP_MS = 1


class Vendor(Protocol):
    """A running imitation, seen by the suite; `base` is the model that it tunes."""

    kind: str
    base: str

    def settings(self) -> dict[str, Any]:
        """How Tunehouse is configured for it."""
        ...

    def lose_create(self, how: Loss) -> None:
        """Spoil the answer to the next create."""
        ...

    def lose_upload(self) -> None:
        """Lose the answer to the next upload of a file."""
        ...

    def hold(self) -> None:
        """Let jobs get no further than running until `let_go`."""
        ...

    def tick(self) -> None:
        """Let a held job get on, by less than what it takes to finish."""
        ...

    def let_go(self) -> None:
        """Let jobs go on."""
        ...

    def made_for(self, stamp: str) -> list[str]:
        """The provider jobs made for a job of ours."""
        ...

    def files(self) -> list[str]:
        """The ids of the training files there."""
        ...

    def bill_usd(self, job_ids: list[str]) -> Decimal:
        """What the vendor charges for these of its jobs."""
        ...

    def hosting_bill_usd(self) -> Decimal:
        """What the vendor charges for all deployments."""
        ...

    def age(self, time: timedelta) -> None:
        """Let the deployments have begun that much earlier."""
        ...

    def living_deployments(self) -> list[str]:
        """The deployments that exist."""
        ...

    def lose_deploy(self) -> None:
        """Lose the answer to the next request that deploys something."""
        ...

    def reset(self) -> None:
        """Clear faults."""
        ...

    def close(self) -> None:
        """End the server."""
        ...


class TrainerVendor:
    """Our trainer, in OpenAI's or Azure's dialect."""

    def __init__(
        self, folder: Path, kind: str, base: str, usd: str, stamp_key: str = "tunehouse_job"
    ) -> None:
        self.kind, self.base = kind, base
        self._usd, self._stamp_key = Decimal(usd), stamp_key
        dialect = "azure" if kind == "azure" else "openai"
        self._process = TrainerProcess(folder, bases=[base], step_ms=_STEP_MS, dialect=dialect).start()
        self._sdk = OpenAI(
            base_url=self._process.base_url, api_key=self._process.api_key, http_client=sdk_client()
        )

    def settings(self) -> dict[str, Any]:
        """See `Vendor`."""
        return {
            "name": NAME,
            "kind": self.kind,
            "base_url": self._process.base_url,
            "api_key": self._process.api_key,
            "timeout_s": CALL_TIMEOUT_S,
        }

    def lose_create(self, how: Loss) -> None:
        """See `Vendor`."""
        faults = {"lost": "drop_after", "never_arrived": "drop_before", "error_after_accepting": "drop_after"}
        self._process.control.fault(faults[how], method="POST", path="/v1/fine_tuning/jobs$")

    def lose_upload(self) -> None:
        """See `Vendor`."""
        self._process.control.fault("drop_after", method="POST", path="/v1/files$")

    def hold(self) -> None:
        """See `Vendor`."""
        self._process.control.stop_clock()

    def tick(self) -> None:
        """See `Vendor`."""
        self._process.control.advance(_STEP_MS / 1000)

    def let_go(self) -> None:
        """See `Vendor`."""
        self._process.control.reset()

    def made_for(self, stamp: str) -> list[str]:
        """See `Vendor`."""
        return [job.id for job in self._sdk.fine_tuning.jobs.list(metadata={self._stamp_key: stamp})]

    def files(self) -> list[str]:
        """See `Vendor`."""
        return [file.id for file in self._sdk.files.list(purpose="fine-tune")]

    def bill_usd(self, job_ids: list[str]) -> Decimal:
        """See `Vendor`."""
        jobs = [self._sdk.fine_tuning.jobs.retrieve(job_id) for job_id in job_ids]
        return self._usd * sum(job.trained_tokens or 0 for job in jobs) / 1_000_000

    def hosting_bill_usd(self) -> Decimal:
        """See `Vendor`; nothing is deployed with the provider's key."""
        return Decimal(0)

    def age(self, time: timedelta) -> None:
        """See `Vendor`."""

    def living_deployments(self) -> list[str]:
        """See `Vendor`."""
        return []

    def lose_deploy(self) -> None:
        """See `Vendor`."""

    def reset(self) -> None:
        """See `Vendor`."""
        self._process.control.reset()

    def close(self) -> None:
        """See `Vendor`."""
        self._sdk.close()
        self._process.stop()


class FakeVendor:
    """One of the scripted servers."""

    def __init__(
        self, fake: Any, kind: str, base: str, create: str, upload: tuple[str, str], key: str = KEY
    ) -> None:
        self.kind, self.base, self.fake, self._key = kind, base, fake, key
        self._create, self._upload = create, upload
        self._server: FakeServer = fake

    def settings(self) -> dict[str, Any]:
        """See `Vendor`."""
        found = {"name": NAME, "kind": self.kind, "base_url": self.fake.base_url, "api_key": self._key}
        return found | {"timeout_s": CALL_TIMEOUT_S} | self.fake.more_settings

    def lose_create(self, how: Loss) -> None:
        """See `Vendor`."""
        if how == "error_after_accepting":
            self._server.fail("POST", self._create)
        else:
            self._server.lose("POST", self._create, before=how == "never_arrived")

    def lose_upload(self) -> None:
        """See `Vendor`."""
        self._server.lose(*self._upload)

    def hold(self) -> None:
        """See `Vendor`."""
        self._server.held = True

    def tick(self) -> None:
        """See `Vendor`; the servers move their jobs by themselves."""

    def let_go(self) -> None:
        """See `Vendor`."""
        self._server.held = False

    def made_for(self, stamp: str) -> list[str]:
        """See `Vendor`."""
        found: list[str] = self.fake.made_for(stamp)
        return found

    def files(self) -> list[str]:
        """See `Vendor`."""
        found: list[str] = self.fake.training_files()
        return found

    def bill_usd(self, job_ids: list[str]) -> Decimal:
        """See `Vendor`."""
        return Decimal(sum(self.fake.bill_usd(job_id) for job_id in job_ids))

    def hosting_bill_usd(self) -> Decimal:
        """See `Vendor`."""
        return Decimal(self.fake.hosting_bill_usd())

    def age(self, time: timedelta) -> None:
        """See `Vendor`."""
        self.fake.age(time)

    def living_deployments(self) -> list[str]:
        """See `Vendor`."""
        found: list[str] = self.fake.living_deployments()
        return found

    def lose_deploy(self) -> None:
        """See `Vendor`."""
        self._server.lose("POST", "/(v0/models|deployments|custom-model-deployments)$")

    def reset(self) -> None:
        """See `Vendor`."""
        self._server.faults.clear()
        self._server.held = False

    def close(self) -> None:
        """See `Vendor`."""
        self._server.close()


GPT = "gpt-4.1-mini-2025-04-14"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
KINDS: Mapping[str, Callable[[Path], Vendor]] = {
    "openai": lambda folder: TrainerVendor(folder, "openai", GPT, "5"),
    "azure": lambda folder: TrainerVendor(folder, "azure", GPT, "5"),
    "trainer": lambda folder: TrainerVendor(folder, "trainer", "sandbox-mini", "3"),
    "openai_compatible": lambda folder: TrainerVendor(
        folder, "openai_compatible", "sandbox-mini", "3", "upstream_job"
    ),
    "together": lambda _: FakeVendor(
        TogetherFake(), "together", TOGETHER, "/v1/fine-tunes$", ("PUT", "/upload/")
    ),
    "fireworks": lambda _: FakeVendor(
        FireworksFake(), "fireworks", FIREWORKS, "/supervisedFineTuningJobs$", ("POST", ":upload$")
    ),
    "bedrock": lambda _: FakeVendor(
        BedrockFake(), "bedrock", BEDROCK, "/model-customization-jobs$", ("PUT", "/tunehouse/"), AWS_KEY
    ),
    "nebius": lambda _: FakeVendor(
        NebiusFake(), "nebius", LLAMA, "/v1/fine_tuning/jobs$", ("POST", "/v1/files$")
    ),
}
