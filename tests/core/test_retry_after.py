"""One reading of Retry-After for providers, the gateway and webhooks."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.http import retry_after

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("0", 0),
        ("7200", 7200),
        ("9" * 400, retry_after.LONGEST_S),
        ("Fri, 20 Nov 2026 12:01:00 GMT", 60),
        ("Friday, 20-Nov-26 12:01:00 GMT", 60),
        ("Fri, 20 Nov 2026 12:01:00 -0000", 60),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 20 Nov 2037 12:01:00 GMT", retry_after.LONGEST_S),
    ],
)
def test_it_is_read_as_seconds_or_as_a_date(value: str, seconds: float) -> None:
    assert retry_after.parse(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "-5",
        "nan",
        "inf",
        "1e3",
        "²",
        "1,5",
        "Fri, 20 Nov 99999999999999999999 12:01:00 GMT",
    ],
)
def test_a_value_that_is_neither_is_ignored(value: str | None) -> None:
    assert retry_after.parse(value, NOW) is None


def test_milliseconds_come_first_and_a_malformed_value_does_not_hide_the_other() -> None:
    assert retry_after.from_headers({"retry-after-ms": "1500", "retry-after": "9"}, NOW) == 1.5
    assert retry_after.from_headers({"retry-after-ms": "soon", "retry-after": "9"}, NOW) == 9
    assert retry_after.from_headers({}, NOW) is None


@given(st.text())
def test_no_text_breaks_the_parser(value: str) -> None:
    seconds = retry_after.parse(value, NOW, longest_s=100)
    assert seconds is None or 0 <= seconds <= 100


@given(st.integers(0, 10**6))
def test_seconds_and_the_date_they_lead_to_mean_the_same(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after.parse(str(seconds), NOW) == retry_after.parse(date, NOW)
