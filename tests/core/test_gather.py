"""Rows of several tables in one statement."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import String, bindparam, select

from service.core.db import engine, reading
from service.core.gather import first_of_each
from service.models.tables import TunedModel
from service.teams.tables import Team

THREADS = 8


@pytest.mark.usefixtures("database")
def test_threads_that_are_the_first_to_run_a_statement_at_the_same_time_all_get_its_rows(
    request: pytest.FixtureRequest,
) -> None:
    name = bindparam("name", type_=String)
    start = Barrier(THREADS)

    def run(statement: object) -> object:
        start.wait(30)
        with reading() as session:
            return session.execute(statement, {"name": "none"}).one()  # type: ignore[call-overload]

    switch_interval_s = sys.getswitchinterval()
    request.addfinalizer(lambda: sys.setswitchinterval(switch_interval_s))
    sys.setswitchinterval(1e-6)
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(20):
            engine().clear_compiled_cache()
            statement = first_of_each(
                select(TunedModel).where(TunedModel.id == name), select(Team).where(Team.id == name)
            )
            assert set(pool.map(run, [statement] * THREADS)) == {(None, None)}
