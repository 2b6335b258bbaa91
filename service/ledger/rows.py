"""Encode holds, subjects and charges as JSON for the ledger's SQL functions."""

from collections.abc import Sequence
from typing import Any

import msgspec

from service.ledger.charges import Charge, HoldAsk, Settlement
from service.ledger.money import at_least

# For callers without a transaction: each statement is a transaction by itself and can be repeated safely.
PLACE_QUICKLY = "SELECT account_id IS NULL FROM ledger_place_holds($1::jsonb, false) ORDER BY place"
SETTLE_QUICKLY = "SELECT ledger_settle_untold($1::jsonb, $2::jsonb)"


def of_asks(asks: Sequence[HoldAsk]) -> bytes:
    """Encode the argument of `ledger_place_holds`."""
    return msgspec.json.encode(
        [
            {
                "team_id": ask.team_id,
                "subject_id": ask.subject_id,
                "key_id": ask.key_id,
                "amount_usd": str(at_least(ask.amount_usd)),
                "expires_at": ask.expires_at and ask.expires_at.isoformat(),
                "lost": ask.lost,
            }
            for ask in asks
        ]
    )


def of_settlements(settlements: Sequence[Settlement]) -> tuple[bytes, bytes]:
    """Encode the arguments of `ledger_settle`: subjects and charges."""
    subjects = [{"team_id": done.team_id, "subject_id": done.subject_id} for done in settlements]
    charges = [_of_charge(done, charge) for done in settlements for charge in done.charges]
    return msgspec.json.encode(subjects), msgspec.json.encode(charges)


def _of_charge(done: Settlement, charge: Charge) -> dict[str, Any]:
    price = charge.price
    return {
        "team_id": done.team_id,
        "unique_key": charge.unique_key,
        "subject_id": done.subject_id,
        "kind": charge.kind.value,
        "quantity": str(charge.quantity),
        "unit": price.unit,
        "unit_quantity": price.unit_quantity,
        "price_usd": str(price.amount_usd),
        "price_id": price.id,
        "tier": price.tier,
        "amount_usd": str(charge.amount_usd),
        "key_id": charge.key_id,
        "job_id": charge.job_id,
        "model": charge.model,
        "base_model": charge.base_model,
        "provider": charge.provider,
        "method": charge.method,
        "tags": dict(charge.tags),
        "occurred_at": charge.occurred_at and charge.occurred_at.isoformat(),
        "began_at": charge.began_at and charge.began_at.isoformat(),
        "state": charge.review and charge.review.state,
    }
