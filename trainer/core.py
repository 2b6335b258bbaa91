"""The parts that every other module uses, built once at the start."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from trainer.clock import Clock
from trainer.dialect import DIALECTS, ProviderDialect
from trainer.engines import ENGINES
from trainer.engines.base import Engine
from trainer.faults.control import Control
from trainer.settings import OfferedBase, TrainerSettings
from trainer.storage.files import Files
from trainer.storage.store import Store


@dataclass(frozen=True)
class Core:
    """The settings, the store, the file contents, the clock and the engine.

    `answered` counts the tokens of the sandbox's answers, by `prompt` and `completion`.
    """

    settings: TrainerSettings
    store: Store
    clock: Clock
    files: Files
    control: Control
    engine: Engine
    dialect: ProviderDialect
    answered: Counter[str] = field(default_factory=Counter)

    def moment(self, due_at: float) -> float:
        """When a move happened: its due time in a sandbox, now if steps take real time."""
        return due_at if self.engine.pace_s else self.clock.now()

    def base(self, name: str) -> OfferedBase | None:
        """A base model on offer."""
        return next((base for base in self.settings.bases if base.name == name), None)


def build_core(settings: TrainerSettings) -> Core:
    """Open the data directory; raises OSError or sqlite3.Error when it cannot be used."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = Store(settings.data_dir / "trainer.db")
    clock = Clock(store)
    return Core(
        settings=settings,
        store=store,
        clock=clock,
        files=Files(settings.data_dir, store, clock),
        control=Control(store),
        engine=ENGINES[settings.engine](settings),
        dialect=DIALECTS[settings.dialect],
    )
