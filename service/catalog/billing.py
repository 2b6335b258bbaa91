"""What each kind of provider charges for work that did not simply succeed. Data, with its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from service.catalog.files import load

Charged = Literal["nothing", "reported"]


@dataclass(frozen=True)
class BillingRules:
    """`failed` and `cancelled`: charged for nothing, or for the work that the provider reports.

    `paused` work is charged when the job pauses, or with the rest once it has ended. `at_max_cost` says for
    each method whether a job that crosses its own limit is paused there or cancelled.
    """

    failed: Charged
    cancelled: Charged
    paused: Literal["at_pause", "at_end"]
    at_max_cost: Mapping[str, Literal["pause", "cancel"]]
    source: str


@cache
def billing_rules(provider_kind: str) -> BillingRules:
    """The rules of one kind of provider."""
    entry = load(provider_kind)["billing"]
    return BillingRules(**(entry | {"at_max_cost": MappingProxyType(dict(entry["at_max_cost"]))}))
