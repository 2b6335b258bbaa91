"""What must stay flat while a service works: memory, files, threads, connections, rows of work, messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

import psutil
import psycopg
import redis

from tests.chaos.town import Town
from tests.support.processes import Process

# Growth that is allowed between the second fifth of the run and the last: a share, and a little besides.
_SHARE = 0.1
_SLACK = {"memory, MB": 8.0, "files": 8.0, "threads": 4.0, "connections": 4.0, "rows": 20.0, "messages": 20.0}
_COUNTS = """
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
        (SELECT count(*) FROM work_items) AS work, (SELECT count(*) FROM holds) AS holds,
        (SELECT count(*) FROM jobs) AS jobs, (SELECT count(*) FROM events) AS events
"""


@dataclass(frozen=True)
class Line:
    """One line of the table: what, its unit, how it was early and late in the run, and whether it is flat."""

    what: str
    unit: str
    early: float
    late: float
    most: float

    @property
    def is_flat(self) -> bool:
        return self.late <= self.early * (1 + _SHARE) + _SLACK[self.unit]


class Measures:
    """Samples of a town, by what is measured and its unit."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._samples: dict[tuple[str, str], list[float]] = {}
        self.totals: Mapping[str, int] = {}

    def take(self) -> None:
        """Add a sample of everything."""
        for process in (self._town.api, self._town.worker):
            self._add_process(process)
        with psycopg.connect(self._town.database_url.replace("+psycopg", "")) as connection:
            names = ("connections", "work", "holds", "jobs", "events")
            row = connection.execute(_COUNTS).fetchone()
        assert row is not None
        counts = dict(zip(names, row, strict=True))
        self._add("PostgreSQL", "connections", counts["connections"] - 1)  # without this one
        self._add("units of work", "rows", counts["work"])
        self._add("holds", "rows", counts["holds"])
        self.totals = {"jobs": counts["jobs"], "events": counts["events"]}
        with redis.Redis.from_url(self._town.redis_url) as broker:
            self._add("broker", "messages", sum(map(broker.llen, broker.keys("tunehouse*"))))
            self._add("broker", "memory, MB", broker.info("memory")["used_memory"] / 2**20)

    def lines(self) -> list[Line]:
        """The table, once there are enough samples."""
        return [_line(what, unit, samples) for (what, unit), samples in self._samples.items()]

    def _add_process(self, process: Process) -> None:
        assert process.process is not None
        running = psutil.Process(process.process.pid)
        with running.oneshot():
            self._add(process.name, "memory, MB", running.memory_info().rss / 2**20)
            self._add(process.name, "files", running.num_fds())
            self._add(process.name, "threads", running.num_threads())

    def _add(self, what: str, unit: str, value: float) -> None:
        self._samples.setdefault((what, unit), []).append(float(value))


def _line(what: str, unit: str, samples: Sequence[float]) -> Line:
    fifth = max(1, len(samples) // 5)
    return Line(what, unit, mean(samples[fifth : 2 * fifth] or samples), mean(samples[-fifth:]), max(samples))
