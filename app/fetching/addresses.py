"""Which IP addresses are of the public internet: an explicit table of those that are not.

`ipaddress.is_global` does not do: it calls `64:ff9b::7f00:1` (127.0.0.1 behind NAT64), `2002:7f00:1::` (the same
behind 6to4) and multicast global.
"""

from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network

# IANA's special-purpose registries (RFC 6890 and its successors), and multicast.
_DENIED_V4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and the inner networks of some clouds
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, with the metadata services of the clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Nothing else of IPv6 is given to the internet: loopback, v4-mapped, NAT64, unique-local, link-local and multicast all
# lie outside, and so does whatever is assigned to a new purpose one day.
_ASSIGNED_V6 = IPv6Network("2000::/3")
_DENIED_V6 = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which hides an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Is this IP address, as a resolver gives it, one of the public internet? False for what is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _DENIED_V4)
    return parsed in _ASSIGNED_V6 and not any(parsed in network for network in _DENIED_V6)
