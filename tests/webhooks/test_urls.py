"""Which URLs an endpoint may have."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.webhooks.urls import MAX_LENGTH, check

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.mark.parametrize(
    "url",
    ["https://ci.example.com/hooks?team=a", "https://8.8.8.8:8443", "https://[2606:4700::1]/", "HTTPS://a.b"],
)
def test_public_https_is_fine(url: str) -> None:
    assert check(url, []) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ci.example.com",
        "/hooks",
        "ftp://ci.example.com",
        "http://ci.example.com",
        "http://8.8.8.8",
        "https://",
        "https:///hooks",
        "https://user:pass@ci.example.com",
        "https://user@ci.example.com",
        "https://ci.example.com/#part",
        "https://ci.example.com:0",
        "https://ci.example.com:99999",
        "https://ci.example.com:port",
        "https://[::1",
        "https://ci.example.com/a b",
        "https://ci.example.com/\r\nx: y",
        "https://bücher.example",
        "https://127.0.0.1",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/",
        "https://ci.example.com/" + "x" * MAX_LENGTH,
    ],
)
def test_anything_else_is_refused_with_a_reason(url: str) -> None:
    assert check(url, [])


def test_an_allowed_network_may_be_called_unencrypted() -> None:
    assert check("http://127.0.0.1:9000/hooks", LOOPBACK) is None
    assert check("http://receiver.internal/hooks", LOOPBACK) is None
    assert check("http://10.0.0.1/", LOOPBACK)
    assert check("http://8.8.8.8/", LOOPBACK) == "must begin with https://"


@given(st.text())
def test_no_text_whatsoever_breaks_the_check(url: str) -> None:
    check(url, LOOPBACK)
