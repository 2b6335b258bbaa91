"""Decide which IP addresses may be called at a URL that others chose.

A team chooses a webhook's URL, a provider the address of an upload, and a worker makes the request from
inside the network: without this check they could reach whatever the workers can reach (SSRF). An IPv4
address embedded in an IPv6 address is checked as IPv4. The list follows IANA's special-purpose registries
(RFC 6890 and its successors). Python's `is_global` does not cover all of them: it accepts multicast, NAT64,
6to4 and newer documentation ranges.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: DNS64 resolvers return these for hosts that have only IPv4

_REFUSED = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, which includes the metadata services of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # everything else in IPv6 is local, multicast or unassigned


def is_public(address: Address) -> bool:
    """Whether the address is reachable from the public internet."""
    plain = _unwrapped(address)
    if isinstance(plain, IPv6Address) and plain not in _GLOBAL_UNICAST:
        return False
    return not any(plain in network for network in _REFUSED)


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    """Whether the address, or the IPv4 address embedded in it, is in one of `networks`."""
    plain = _unwrapped(address)
    return any(plain in network for network in networks)


def may_call(address: Address, allowed: Sequence[Network], *, public: bool = True) -> bool:
    """Whether the address may be called: it is in `allowed`, or public and `public` is true."""
    return is_within(address, allowed) or (public and is_public(address))


def literal(host: str) -> Address | None:
    """Parse a URL's host as an IP address; None if it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address
