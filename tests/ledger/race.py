"""One of several processes that race for the same budget.

`python -m tests.ledger.race TEAM NAME COUNT THREADS` waits for a line on standard input, so that all start at
once, then asks for COUNT holds of ten cents, settles every other one that it got, and prints how many it got.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from service.core.db import engine, transaction
from service.errors import BudgetExceeded
from service.ledger.actions import place_hold, settle
from tests.ledger.make import charge


def attempt(team_id: str, subject_id: str, settles: bool) -> bool:
    """Place one hold; return whether it was granted."""
    try:
        with transaction() as session:
            place_hold(session, team_id=team_id, subject_id=subject_id, amount_usd=Decimal("0.10"))
    except BudgetExceeded:
        return False
    if settles:
        with transaction() as session:
            settle(session, team_id=team_id, subject_id=subject_id, charges=[charge(subject_id)])
    return True


def main(team_id: str, name: str, count: int, threads: int) -> None:
    """Race: place `count` holds in `threads` threads, and print how many were granted."""
    engine().connect().close()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        granted = pool.map(lambda n: attempt(team_id, f"{name}-{n}", n % 2 == 0), range(count))
        sys.stdout.write(f"{sum(granted)}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
