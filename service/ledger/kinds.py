"""Kinds of ledger entries that have no price, because they charge for no use."""

from service.ledger.charges import ADJUSTMENT

SHARED_COST = "shared_cost"  # a team's share of a bill that several teams pay
NOT_USE = (ADJUSTMENT, SHARED_COST)

# The tag of charges for hosting: whether the deployment answered a request in the hour that is charged.
HOSTING_TAG = "tunehouse_hosting"
IDLE, USED = "idle", "used"
