"""Which network addresses a message may be sent to. Pure."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_RELAY_6TO4 = IPv4Network("192.88.99.0/24")


def is_public(address: str) -> bool:
    """Whether an address (no name) belongs to the public internet, and to it alone.

    Private, loopback, link-local (cloud metadata), shared, multicast, reserved and unspecified ones do not (IANA
    special-purpose registries, RFC 6890). An IPv6 address that carries an IPv4 one is judged by both.
    Raise `ValueError` for what is not an address.
    """
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return _is_public_v4(ip)
    inner = _embedded(ip)
    if inner is not None:
        return all(map(_is_public_v4, inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_site_local)


def _is_public_v4(ip: IPv4Address) -> bool:
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip in _RELAY_6TO4)


def _embedded(ip: IPv6Address) -> tuple[IPv4Address, ...] | None:
    """The IPv4 addresses a packet to this one may end at: mapped, compatible, NAT64, 6to4, Teredo."""
    if ip.ipv4_mapped is not None:
        return (ip.ipv4_mapped,)
    if ip in _NAT64 or ip in _COMPATIBLE:
        return (IPv4Address(int(ip) & 0xFFFFFFFF),)
    if ip.sixtofour is not None:
        return (ip.sixtofour,)
    return ip.teredo
