"""Fields that several of the ledger's requests share."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from service.catalog.price import PRICE_DECIMALS

# US dollars, as a decimal string or number.
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=PRICE_DECIMALS, examples=["5.00"])]
# Unix seconds.
Moment = Annotated[int, Field(ge=0, lt=2**33)]
