"""What each kind of provider can do, as data. Routes and workers decide by this table, not by a kind's name.

`docs/providers/` shows the same table to people.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from service.dataset.auto import auto_epochs
from service.settings.providers import ProviderKind

Action = Literal["pause", "resume"]


@dataclass(frozen=True)
class Hyperparameter:
    """How a provider takes one of OpenAI's hyperparameters.

    `name` is the provider's word for it. A value of ours is multiplied by `unit` and must then be between
    `lowest` and `highest`. `auto` is sent for "auto"; None leaves the field out, and the provider chooses.
    """

    name: str
    lowest: float
    highest: float
    unit: float = 1
    auto: str | float | None = None


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What one kind of provider can do.

    `stamp` is where a provider job carries our job's id, so that it is found after an unknown outcome:
    under `stamp_key` in its metadata, in its suffix, or as its own id, which we choose. `actions` can be
    requested for a running job, besides a cancel. `hyperparameters` translates OpenAI's names and units; None
    passes them on unchanged. `chooses_epochs` says whether the provider resolves "auto". `checks_files` says
    whether it must have checked a file before a job can use it. `continues_tuned` says whether tuned models
    can be tuned again, `served_at_once` whether they answer without a deployment, `deploys` whether
    Tunehouse can make one, `needs_machine` whether the settings must name a machine for it.
    `reports_training` says whether a job says how much it trained; if not, its estimate is charged.
    `account_defaults` says whether settings of the account choose the tier and storage of a model call that
    names none. `limits` are reasons why fields of a request are refused, by field.
    """

    stamp: Literal["metadata", "suffix", "id"] = "metadata"
    stamp_key: str = "tunehouse_job"
    actions: frozenset[Action] = frozenset({"pause", "resume"})
    hyperparameters: Mapping[str, Hyperparameter] | None = None
    chooses_epochs: bool = True
    checks_files: bool = False
    checkpoints: bool = True
    continues_tuned: bool = True
    served_at_once: bool = True
    deploys: bool = False
    needs_machine: bool = False
    account_defaults: bool = False
    counts_tokens: bool = False
    reports_costs: bool = False
    reports_training: bool = True
    limits: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


_OWN_KEY_NEEDED = "the provider needs a key for it, and Tunehouse sends none"

_CAPABILITIES: Mapping[ProviderKind, Capabilities] = {
    "openai": Capabilities(reports_costs=True, account_defaults=True),
    "azure": Capabilities(served_at_once=False),
    "trainer": Capabilities(counts_tokens=True),
    # Another Tunehouse reserves keys that begin with "tunehouse".
    "openai_compatible": Capabilities(stamp_key="upstream_job"),
    # https://docs.tokenfactory.nebius.com and its cookbook; the ranges are a third party's.
    "nebius": Capabilities(
        stamp="suffix",
        actions=frozenset(),
        hyperparameters=MappingProxyType(
            {
                "n_epochs": Hyperparameter("n_epochs", 1, 20),
                "batch_size": Hyperparameter("batch_size", 1, 32),
                "learning_rate_multiplier": Hyperparameter("learning_rate", 1e-7, 1e-3, unit=1e-5),
            }
        ),
        chooses_epochs=False,
        continues_tuned=False,
        served_at_once=False,
        deploys=True,
        limits=MappingProxyType({"integrations": _OWN_KEY_NEEDED}),
    ),
    # https://docs.together.ai and its SDK 3.1.
    "together": Capabilities(
        stamp="suffix",
        actions=frozenset(),
        hyperparameters=MappingProxyType(
            {
                "n_epochs": Hyperparameter("n_epochs", 1, 20),
                "batch_size": Hyperparameter("batch_size", 8, 128, auto="max"),
                "learning_rate_multiplier": Hyperparameter("learning_rate", 1e-8, 1e-2, unit=1e-5),
                "beta": Hyperparameter("dpo_beta", 0.01, 2),
            }
        ),
        chooses_epochs=False,
        checks_files=True,
        served_at_once=False,
        deploys=True,
        needs_machine=True,
        limits=MappingProxyType(
            {
                "integrations": _OWN_KEY_NEEDED,
                "validation_file": "the provider bills evaluation, which the estimate does not include yet",
            }
        ),
    ),
    # https://docs.fireworks.ai and its SDK 1.2.
    "fireworks": Capabilities(
        stamp="id",
        actions=frozenset({"resume"}),
        hyperparameters=MappingProxyType(
            {
                "n_epochs": Hyperparameter("epochs", 1, 50),
                "batch_size": Hyperparameter("batchSizeSamples", 1, 256),
            }
        ),
        chooses_epochs=False,
        checks_files=True,
        checkpoints=False,
        served_at_once=False,
        deploys=True,
        needs_machine=True,
        limits=MappingProxyType({"integrations": _OWN_KEY_NEEDED, "seed": "the provider's API has no seed"}),
    ),
    # https://docs.aws.amazon.com/bedrock/latest/userguide/cm-hp-nova-mm.html
    "bedrock": Capabilities(
        stamp="id",
        actions=frozenset(),
        hyperparameters=MappingProxyType(
            {
                "n_epochs": Hyperparameter("epochCount", 1, 5),
                "learning_rate_multiplier": Hyperparameter("learningRate", 1e-6, 1e-4, unit=1e-5),
            }
        ),
        chooses_epochs=False,
        checkpoints=False,
        continues_tuned=False,
        served_at_once=False,
        deploys=True,
        reports_training=False,
        limits=MappingProxyType({"integrations": _OWN_KEY_NEEDED, "seed": "the provider's API has no seed"}),
    ),
}


def capabilities_of(kind: ProviderKind) -> Capabilities:
    """What a kind of provider can do."""
    return _CAPABILITIES[kind]


def chosen_epochs(kind: ProviderKind, examples: int) -> int:
    """The epochs that "auto" is expected to become for a training file, within what the kind takes."""
    known = (capabilities_of(kind).hyperparameters or {}).get("n_epochs")
    epochs = auto_epochs(examples)
    return epochs if known is None else min(epochs, int(known.highest))


def translate(kind: ProviderKind, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's hyperparameters by the names and in the units of a kind of provider.

    Raises ValueError for a hyperparameter or value that this kind does not take; the message says what it
    takes.
    """
    table = capabilities_of(kind).hyperparameters
    if table is None:
        return dict(hyperparameters)
    sent: dict[str, Any] = {}
    for name, value in hyperparameters.items():
        known = table.get(name)
        if known is None:
            if value in (None, "auto", "default"):
                continue
            raise ValueError(
                f"Providers of kind '{kind}' do not take '{name}'. Leave it out, or use: {', '.join(table)}."
            )
        found = known.auto if value in (None, "auto") else _in_unit(kind, name, value, known)
        if found is not None:
            sent[known.name] = found
    return sent


def _in_unit(kind: str, name: str, value: float, known: Hyperparameter) -> float:
    found = value * known.unit
    if not known.lowest <= found <= known.highest:
        lowest, highest = known.lowest / known.unit, known.highest / known.unit
        raise ValueError(
            f"'{name}' must be between {lowest:g} and {highest:g} for providers of kind '{kind}', "
            f"got {value:g}."
        )
    return found


def kinds_that(can: Callable[[Capabilities], bool]) -> str:
    """The kinds of provider with a capability, for an error message."""
    return ", ".join(kind for kind, known in _CAPABILITIES.items() if can(known))
