"""Kinds of ledger entries that have no price, because they charge for no use."""

from service.ledger.charges import ADJUSTMENT

SHARED_COST = "shared_cost"  # a team's share of a bill that several teams pay
NOT_USE = (ADJUSTMENT, SHARED_COST)
