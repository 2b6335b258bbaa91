"""The Celery application of the worker: `celery -A worker.app:app worker --pool threads`."""

import structlog
from celery.apps import worker as celery_worker
from celery.signals import celeryd_init, setup_logging, worker_init, worker_shutdown, worker_shutting_down

from migrations import REVISION
from service.core import logs, memory, tracing
from service.core.broker.application import STEP_TASK, make_celery
from service.core.metrics import measures
from service.settings import settings
from service.settings.version import VERSION
from worker.keeper import Keeper
from worker.lanes import LANE_OF, LANES
from worker.metrics.server import MetricsServer
from worker.pulse import Pulse
from worker.run import run_step
from worker.sweep import Sweeper

log = structlog.get_logger(__name__)
app = make_celery()
sweeper = Sweeper()
keeper = Keeper()
pulse = Pulse()


@app.task(name=STEP_TASK)  # type: ignore[untyped-decorator]  # celery ships no types
def step(kind: str, subject_id: str) -> None:
    """Run the next step of a unit of work if it is due and free; for a lane's kind, wake the lane instead."""
    lane = LANE_OF.get(kind)
    if lane is not None:
        lane.wake()
    else:
        run_step(kind, subject_id)


@celeryd_init.connect  # type: ignore[untyped-decorator]
@setup_logging.connect  # type: ignore[untyped-decorator]
def _configure_logs(**_: object) -> None:
    """Write logs in our format from the first line on; Celery also prints one, when it is told to stop."""
    logs.configure(settings())
    celery_worker.safe_say = lambda text, *_: log.info("celery", text=text.strip())


# Not `worker_ready`, which waits for the broker.
@worker_init.connect  # type: ignore[untyped-decorator]
def _start_beside(**_: object) -> None:
    memory.return_freed_memory()
    tracing.start("worker")
    pulse.start()
    sweeper.start()
    keeper.start()
    for lane in LANES:
        lane.start()
    measures.runs(VERSION, REVISION)
    if (address := settings().worker_metrics_address) is not None:
        host, _separator, port = address.rpartition(":")
        MetricsServer(host.strip("[]"), int(port)).start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_sweeping(**_: object) -> None:
    # The keeper runs to the end, because steps that still run need their leases.
    sweeper.stop()
    for lane in LANES:
        lane.stop()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _end_the_heartbeat(**_: object) -> None:
    pulse.stop()
