"""The Celery application of the worker: `celery -A worker.app:app worker --pool threads`."""

from celery.signals import setup_logging, worker_init, worker_shutdown, worker_shutting_down

from service.core import logs, memory
from service.core.broker import STEP_TASK, make_celery
from service.settings import settings
from worker.keeper import Keeper
from worker.lanes import LANE_OF, LANES
from worker.pulse import Pulse
from worker.run import run_step
from worker.sweep import Sweeper

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


@setup_logging.connect  # type: ignore[untyped-decorator]
def _configure_logs(**_: object) -> None:
    logs.configure(settings())


# Not `worker_ready`, which waits for the broker.
@worker_init.connect  # type: ignore[untyped-decorator]
def _start_beside(**_: object) -> None:
    memory.return_freed_memory()
    pulse.start()
    sweeper.start()
    keeper.start()
    for lane in LANES:
        lane.start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_sweeping(**_: object) -> None:
    # The keeper runs to the end, because steps that still run need their leases.
    sweeper.stop()
    for lane in LANES:
        lane.stop()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _end_the_heartbeat(**_: object) -> None:
    pulse.stop()
