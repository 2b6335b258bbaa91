"""When a delivery is tried again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.settings import Settings
from service.webhooks.deliveries.schedule import is_given_up, next_pause

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCHEDULE = Settings.model_fields["webhook_retry_schedule_s"].default


def test_eight_attempts_are_made_over_more_than_a_day() -> None:
    pauses = [next_pause(failures, SCHEDULE, jitter=0) for failures in range(1, 9)]
    assert pauses[-1] is None
    assert sum((pause for pause in pauses if pause), timedelta()) == timedelta(seconds=99305)


@given(st.integers(1, 7), st.floats(-1, 1))
def test_jitter_moves_a_pause_by_a_fifth_at_most(failures: int, jitter: float) -> None:
    pause = next_pause(failures, SCHEDULE, jitter=jitter)
    planned = SCHEDULE[failures - 1]
    assert pause is not None
    assert planned * 0.8 - 1e-6 <= pause.total_seconds() <= planned * 1.2 + 1e-6


def test_an_empty_schedule_means_one_attempt() -> None:
    assert next_pause(1, [], jitter=0) is None


def test_retry_after_lengthens_a_pause_and_never_shortens_it() -> None:
    assert next_pause(1, SCHEDULE, jitter=0, asked_s=60) == timedelta(minutes=1)
    assert next_pause(2, SCHEDULE, jitter=0, asked_s=60) == timedelta(minutes=5)


def test_five_days_of_failures_are_enough() -> None:
    assert is_given_up(NOW - timedelta(days=5), NOW)
    assert not is_given_up(NOW - timedelta(days=4, hours=23), NOW)
