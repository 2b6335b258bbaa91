"""Billing rules of each kind of provider for failed, cancelled and paused jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from service.catalog.files import load

Charged = Literal["nothing", "reported"]


@dataclass(frozen=True)
class BillingRules:
    """How one kind of provider bills jobs that do not simply succeed.

    `failed` and `cancelled` jobs are charged nothing, or the work that the provider reports. Work done before
    a pause is charged when the job pauses, or with the rest when it ends. `at_max_cost` says for each method
    whether a job that reaches its `max_cost` is paused or cancelled. `source` is where the rules are
    published.
    """

    failed: Charged
    cancelled: Charged
    paused: Literal["at_pause", "at_end"]
    at_max_cost: Mapping[str, Literal["pause", "cancel"]]
    source: str


@cache
def billing_rules(provider_kind: str) -> BillingRules:
    """The billing rules of one kind of provider."""
    entry = load(provider_kind)["billing"]
    return BillingRules(**(entry | {"at_max_cost": MappingProxyType(dict(entry["at_max_cost"]))}))
