"""The kinds of rules that the tables of request fields are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.catalog.price import PriceKind


@dataclass(frozen=True, slots=True)
class Free:
    """Passes as it is; what it changes shows in the token counts, or nowhere."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Tunehouse reads or sets this field itself."""


@dataclass(frozen=True, slots=True)
class Tags:
    """Metadata, which become tags of the request's charges. `is_sent` says whether the provider gets them."""

    is_sent: bool


@dataclass(frozen=True, slots=True)
class Tier:
    """The service tier, which decides the prices of the whole request."""


@dataclass(frozen=True, slots=True)
class ProviderState:
    """Refused: refers to something stored in the provider account that all teams share.

    `instead` says what to do about it.
    """

    instead: str = "Send the content itself."


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Refused: may cost money that no meter counts, unless `extra_free_fields` allows it."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object with these fields and no others; using it is charged by `meter`.

    `is_media` says that it may take more tokens than bytes. A scalar follows the rule `scalar`.
    """

    fields: Mapping[str, "Rule"]
    meter: PriceKind | None = None
    is_media: bool = False
    required: tuple[str, ...] = ()
    scalar: "Rule" = Free()


@dataclass(frozen=True, slots=True)
class Items:
    """A list of which each item follows `each`; a scalar passes."""

    each: "Rule"


@dataclass(frozen=True, slots=True)
class Variants:
    """Objects distinguished by the text in `by`; one without it counts as `missing`.

    A scalar follows the rule `scalar`.
    """

    by: str
    of: Mapping[str, "Rule"]
    missing: str | None = None
    scalar: "Rule" = Free()


@dataclass(frozen=True, slots=True)
class WordList:
    """Texts, or a list of texts, of which some are charged by a meter; no others are known."""

    free: frozenset[str]
    metered: Mapping[str, PriceKind]


Rule = Free | Ours | Tags | Tier | ProviderState | Unpriced | Object | Items | Variants | WordList

FREE: Rule = Free()
OURS: Rule = Ours()
UNPRICED: Rule = Unpriced()


def free(*names: str) -> dict[str, Rule]:
    """Return fields that are all free."""
    return dict.fromkeys(names, FREE)


def ours(*names: str) -> dict[str, Rule]:
    """Return fields that Tunehouse reads or sets."""
    return dict.fromkeys(names, OURS)
