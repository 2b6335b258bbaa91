"""A caller who is remembered is no more than its key allows."""

import asyncio
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta

import pytest

from service.core import clock
from service.core.db import transaction
from service.errors import Unauthenticated
from service.teams.access import Caller
from service.teams.known import KnownCallers, forget_callers


def found(*callers: Caller) -> Iterator[Caller]:
    """Each look-up finds the next caller, and then an expired key."""
    yield from callers
    raise Unauthenticated("The key th-… has expired.", code="key_expired")


def caller(lasting: timedelta | None = None) -> Caller:
    ends_at = clock.now() + lasting if lasting is not None else None
    return Caller("key_1", "team_1", frozenset(), ends_at=ends_at)


def test_a_secret_that_ends_while_its_caller_is_remembered_stops_working_then() -> None:
    known = KnownCallers[Caller](60)
    looked_up = found(caller(timedelta(0)))
    with pytest.raises(Unauthenticated, match="has expired"):
        asyncio.run(known.find("th-x", None, looked_up.__next__))


@pytest.mark.parametrize("lasting", [None, timedelta(hours=1)])
def test_a_secret_that_works_is_looked_up_once(lasting: timedelta | None) -> None:
    known = KnownCallers[Caller](60)
    one = caller(lasting)
    looked_up = found(one)

    async def twice() -> list[Caller]:
        return [await known.find("th-x", None, looked_up.__next__) for _ in range(2)]

    assert asyncio.run(twice()) == [one, one]


def test_long_team_headers_are_not_kept() -> None:
    known = KnownCallers[Caller](60)
    one = caller()

    async def ask() -> None:
        for number in range(300):
            assert await known.find("th-x", f"{number}" + "x" * 30_000, lambda: one) is one

    tracemalloc.start()
    asyncio.run(ask())
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept_bytes < 2**20


def test_a_caller_is_found_for_its_own_team_header_alone() -> None:
    known = KnownCallers[Caller](60)
    looked_up = found(caller(), caller(), caller())

    async def ask() -> int:
        return len({id(await known.find("th-x", header, looked_up.__next__)) for header in (None, "", "a")})

    assert asyncio.run(ask()) == 3


@pytest.mark.usefixtures("database")
def test_a_change_counts_from_its_commit_on() -> None:
    known = KnownCallers[Caller](60)
    before, after = caller(), caller(timedelta(hours=1))
    looked_up = found(before, after)

    async def find() -> Caller:
        return await known.find("th-x", None, looked_up.__next__)

    async def around_a_change() -> list[Caller]:
        seen = [await find()]
        with transaction() as session:
            forget_callers(session)
            seen.append(await find())
        return [*seen, await find()]

    assert asyncio.run(around_a_change()) == [before, before, after]
