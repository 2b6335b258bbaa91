"""Keep a lease while a step reads for long."""

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.settings import settings


def held(chunks: Iterable[bytes], lease: Lease) -> Iterator[bytes]:
    """`chunks`, with the lease extended now and then. Raises `LeaseLost` when someone else took over."""
    lease_for = timedelta(seconds=settings().lease_s)
    extended_at = time.monotonic()
    for chunk in chunks:
        yield chunk
        if time.monotonic() - extended_at > settings().lease_s / 4:
            with transaction() as session:
                work.extend(session, lease, lease_for)
            extended_at = time.monotonic()
