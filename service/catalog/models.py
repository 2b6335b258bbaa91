"""What each kind of provider can tune and serve, within which limits and dates. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from service.catalog.files import load
from service.catalog.price import QUANTITY_DECIMALS, PriceKind

# The hours held for training that is billed by the hour and whose length cannot be estimated.
_UNTOLD_HOURS = Decimal(1)
_FORMATS = {"supervised": "chat", "dpo": "preference", "reinforcement": "reinforcement"}


@dataclass(frozen=True)
class CatalogModel:
    """A base model at one kind of provider.

    `token_limit` is per training example, `context_tokens` per use; `formats` maps each method to the dataset
    format it takes. A job may start from `trains_from` on and before `trains_until`; from `shutdown_date` on
    the model and all that was tuned from it answer no more. A date that is None is not known or not set.
    `concurrent_jobs` and `jobs_per_day` (a rolling 24 hours) are what an account is allowed, None if unknown.
    `billed_by` says whether training is priced per token or per hour of the device; `tokens_per_hour`, the
    slowest pace to be expected, then makes an estimate of the hours. Reinforcement is always by the hour.
    `counts_tokens` where the provider counts training lines by the base's own tokenizer, not by `encoding`.
    Raises ValueError for hours without a pace.
    """

    id: str
    provider_kind: str
    methods: tuple[str, ...]
    formats: Mapping[str, str] = field(hash=False)
    token_limit: int
    context_tokens: int
    encoding: str
    vision: bool = False
    min_examples: int = 10
    concurrent_jobs: int | None = None
    jobs_per_day: int | None = None
    trains_from: date | None = None
    trains_until: date | None = None
    shutdown_date: date | None = None
    billed_by: Literal["tokens", "hours"] = "tokens"
    tokens_per_hour: int | None = None
    counts_tokens: bool = False

    def __post_init__(self) -> None:
        if self.billed_by not in ("tokens", "hours"):
            raise ValueError(f"{self.id}: billed_by is 'tokens' or 'hours', not {self.billed_by!r}")
        if self.billed_by == "hours" and (self.tokens_per_hour or 0) < 1:
            raise ValueError(f"{self.id}: billed by hours, so tokens_per_hour must say how many it trains")

    def training_kind(self, method: str) -> PriceKind:
        """What training by a method is counted in."""
        by_hour = self.billed_by == "hours" or method == "reinforcement"
        return PriceKind.TRAINING_HOURS if by_hour else PriceKind.TRAINING_TOKENS

    def training_hours(self, tokens: int) -> Decimal:
        """The most hours that training so many tokens should take; one where its pace is not known."""
        if self.tokens_per_hour is None:
            return _UNTOLD_HOURS
        step = Decimal(1).scaleb(-QUANTITY_DECIMALS)
        return (Decimal(tokens) / self.tokens_per_hour).quantize(step, ROUND_CEILING)

    def trains_on(self, day: date) -> bool:
        """Whether a job may start on that day."""
        begun = self.trains_from is None or self.trains_from <= day
        return begun and (self.trains_until is None or day < self.trains_until)

    def serves_on(self, day: date) -> bool:
        """Whether it answers on that day."""
        return self.shutdown_date is None or day < self.shutdown_date


@cache
def offered(provider_kind: str) -> tuple[CatalogModel, ...]:
    """All bases of a kind of provider, the retired ones included, as its file lists them."""
    return tuple(_read(provider_kind, entry) for entry in load(provider_kind)["models"])


def find(provider_kind: str, model_id: str) -> CatalogModel | None:
    """The base of that id at a kind of provider."""
    return next((model for model in offered(provider_kind) if model.id == model_id), None)


def _read(provider_kind: str, entry: Mapping[str, Any]) -> CatalogModel:
    methods = tuple(entry["methods"])
    formats = {method: _FORMATS[method] for method in methods} | entry.get("formats", {})
    fields = dict(entry) | {"methods": methods, "formats": MappingProxyType(formats)}
    return CatalogModel(provider_kind=provider_kind, **fields)
