"""Which addresses may be called at a URL that others chose."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.http.addresses import is_public, may_call


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::1"])
def test_addresses_on_the_internet_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104 - looked at, not bound to
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.9",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff0e::1",
        "100::1",
        "2001:db8::1",
        "2001:0:7f00:1::",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "64:ff9b:1::808:808",
    ],
)
def test_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_one_is_judged_as_itself(address: IPv4Address) -> None:
    mapped = IPv6Address(b"\x00" * 10 + b"\xff\xff" + address.packed)
    translated = IPv6Address(IPv6Address("64:ff9b::").packed[:12] + address.packed)
    assert is_public(mapped) == is_public(translated) == is_public(address)


@given(st.ip_addresses())
def test_what_python_knows_as_private_is_never_public(address: IPv4Address | IPv6Address) -> None:
    if address.is_private and getattr(address, "ipv4_mapped", None) is None:
        assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_allowed_network_lets_its_addresses_pass_in_either_form(address: IPv4Address) -> None:
    mapped = IPv6Address(b"\x00" * 10 + b"\xff\xff" + address.packed)
    around = [ip_network(f"{address}/24", strict=False)]
    assert may_call(address, around, public=False)
    assert may_call(mapped, around, public=False)


def test_without_allowed_networks_unencrypted_calls_go_nowhere() -> None:
    assert not may_call(ip_address("8.8.8.8"), [], public=False)
