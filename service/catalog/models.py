"""The base models of each kind of provider, with their methods, limits and dates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from service.catalog.files import load
from service.catalog.price import QUANTITY_DECIMALS, PriceKind
from service.settings.providers import ProviderKind

# Hours to reserve for training by the hour when the duration cannot be estimated.
_UNKNOWN_HOURS = Decimal(1)
_FORMATS = {"supervised": "chat", "dpo": "preference", "reinforcement": "reinforcement"}


@dataclass(frozen=True)
class CatalogModel:
    """A base model at one kind of provider.

    `names` are other names that its provider accepts for it, such as `gpt-4o-mini` for a dated snapshot.
    `token_limit` applies to each training example, `context_tokens` to each request. `formats` maps each
    method to the dataset format it requires. Jobs can start from `trains_from` until the day before
    `trains_until`. On `shutdown_date` the model and all models tuned from it stop answering. None means that
    a date is unknown or not set. `concurrent_jobs` and `jobs_per_day` (a rolling 24 hours) are the limits of
    an account, None if unknown. `billed_by` says whether training is priced per token or per device hour; for
    hours, `tokens_per_hour` is the slowest pace to expect, used for estimates. Reinforcement is always billed
    by the hour. `counts_tokens` is true if the provider counts training tokens with the base's own tokenizer
    instead of `encoding`. `reasons` is true if it writes tokens that are billed and not shown. `size_b` is in
    billions of parameters, for prices by size; `serving_id` is the provider's name for using the base, where
    it differs from the one for tuning it. `stands_in` marks a base that the sandbox only simulates under
    another's name. Raises ValueError if `billed_by` is "hours" and `tokens_per_hour` is missing.
    """

    id: str
    provider_kind: ProviderKind
    methods: tuple[str, ...]
    formats: Mapping[str, str] = field(hash=False)
    token_limit: int
    context_tokens: int
    encoding: str
    names: tuple[str, ...] = ()
    vision: bool = False
    reasons: bool = False
    min_examples: int = 10
    concurrent_jobs: int | None = None
    jobs_per_day: int | None = None
    trains_from: date | None = None
    trains_until: date | None = None
    shutdown_date: date | None = None
    billed_by: Literal["tokens", "hours"] = "tokens"
    tokens_per_hour: int | None = None
    counts_tokens: bool = False
    stands_in: bool = False
    size_b: float | None = None
    serving_id: str | None = None

    def __post_init__(self) -> None:
        if self.billed_by not in ("tokens", "hours"):
            raise ValueError(f"{self.id}: billed_by must be 'tokens' or 'hours', got {self.billed_by!r}")
        if self.billed_by == "hours" and (self.tokens_per_hour or 0) < 1:
            raise ValueError(f"{self.id}: tokens_per_hour must be at least 1 if billed_by is 'hours'")

    def training_kind(self, method: str) -> PriceKind:
        """The price kind that training by a method is charged as."""
        by_hour = self.billed_by == "hours" or method == "reinforcement"
        return PriceKind.TRAINING_HOURS if by_hour else PriceKind.TRAINING_TOKENS

    def training_hours(self, tokens: int) -> Decimal:
        """The most hours that training on `tokens` should take; one hour if the pace is unknown."""
        if self.tokens_per_hour is None:
            return _UNKNOWN_HOURS
        step = Decimal(1).scaleb(-QUANTITY_DECIMALS)
        return (Decimal(tokens) / self.tokens_per_hour).quantize(step, ROUND_CEILING)

    def answers_to(self, name: str) -> bool:
        """Whether `name` is its id or one of its other names."""
        return name == self.id or name in self.names

    def trains_on(self, day: date) -> bool:
        """Whether a job can start on `day`."""
        begun = self.trains_from is None or self.trains_from <= day
        return begun and (self.trains_until is None or day < self.trains_until)


@cache
def offered(provider_kind: ProviderKind) -> tuple[CatalogModel, ...]:
    """All bases of a kind of provider, including retired ones, in the order of its data file."""
    return tuple(_read(provider_kind, entry) for entry in load(provider_kind)["models"])


def find(provider_kind: ProviderKind, model_id: str) -> CatalogModel | None:
    """Return the base with this id at a kind of provider; None if there is none."""
    return next((model for model in offered(provider_kind) if model.id == model_id), None)


def _read(provider_kind: ProviderKind, entry: Mapping[str, Any]) -> CatalogModel:
    methods = tuple(entry["methods"])
    formats = {method: _FORMATS[method] for method in methods} | entry.get("formats", {})
    names = tuple(entry.get("names", ()))
    fields = dict(entry) | {"methods": methods, "formats": MappingProxyType(formats), "names": names}
    return CatalogModel(provider_kind=provider_kind, **fields)
