"""The forms that this process has charged with, by their ids in `ledger_forms`."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.core import clock
from service.ledger.charges import Charge

# What makes up a form (see `ledger_form.sql`), apart from the team's department and cost center.
FormKey = tuple[Any, ...]

_MOST = 50_000  # each takes about 1 kB
# A row for review is not of this process: the hold had expired, and was charged with another form.
_IDS = text("""
    SELECT r.unique_key, r.form_id FROM unnest(CAST(:keys AS text[])) AS asked(unique_key)
    JOIN ledger_rows r ON ledger_key_digest(r.unique_key) = ledger_key_digest(asked.unique_key)
                      AND r.unique_key = asked.unique_key
    WHERE r.booked_at > now() - interval '1 day' AND r.states IS NULL""")


def key_of(team_id: str, charges: Sequence[Charge]) -> FormKey:
    """Return what the form of one row is known by. A price id stands for all that the price says."""
    first = charges[0]
    return (
        team_id,
        first.key_id,
        first.model,
        first.base_model,
        first.provider,
        first.method,
        *(charge.price.id for charge in charges),
        *_items(first.tags),
        None,
        *_items(first.request_tags),
    )


def _items(tags: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(tags.items()) if tags else []


class KnownForms:
    """Remembers the ids of forms, so that most charges need not send theirs.

    The ids are forgotten when a month begins, because a team then gets forms for tags again, and when the
    ledger refuses one: the team was given another department or cost center.
    """

    def __init__(self) -> None:
        self._ids: dict[FormKey, int] = {}
        self._month: date | None = None

    def now(self) -> Mapping[FormKey, int]:
        """Return the ids that are valid now."""
        month = clock.now().date().replace(day=1)
        if month != self._month or len(self._ids) > _MOST:
            self._ids, self._month = {}, month
        return self._ids

    def learn(self, session: Session, charged: Mapping[FormKey, str]) -> None:
        """Remember the ids of forms that were just charged with; each comes with the key of such a row."""
        found = session.execute(_IDS, {"keys": list(charged.values())}).all()
        ids = {row.unique_key: row.form_id for row in found}
        self._ids.update({form: ids[key] for form, key in charged.items() if key in ids})

    def forget(self) -> None:
        """Forget all ids."""
        self._ids = {}
