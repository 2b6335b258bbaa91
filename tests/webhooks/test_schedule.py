"""When a delivery is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.settings import Settings
from service.webhooks.deliveries.schedule import LONGEST_RETRY_AFTER, is_given_up, next_pause, retry_after

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAST = "Fri, 20 Nov 2026 11:00:00 GMT"
BEYOND = "Fri, 20 Nov 99999999999999999999 12:01:00 GMT"
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
    asked = timedelta(minutes=1)
    assert next_pause(1, SCHEDULE, jitter=0, asked=asked) == asked
    assert next_pause(2, SCHEDULE, jitter=0, asked=asked) == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("9" * 400, LONGEST_RETRY_AFTER.total_seconds()),
        ("Fri, 20 Nov 2026 12:01:00 GMT", 60),
        ("Fri, 20 Nov 2037 12:01:00 GMT", LONGEST_RETRY_AFTER.total_seconds()),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str, seconds: float) -> None:
    assert retry_after(header, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "1.5", "²", PAST, BEYOND])
def test_a_retry_after_that_says_nothing_useful_is_ignored(header: str | None) -> None:
    assert retry_after(header, NOW) is None


@given(st.text())
def test_no_retry_after_whatsoever_breaks_us(header: str) -> None:
    asked = retry_after(header, NOW)
    assert asked is None or timedelta() <= asked <= LONGEST_RETRY_AFTER


def test_five_days_of_failures_are_enough() -> None:
    assert is_given_up(NOW - timedelta(days=5), NOW)
    assert not is_given_up(NOW - timedelta(days=4, hours=23), NOW)
