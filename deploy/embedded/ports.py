"""Ports on this machine: whether one is free, and whether what listens there speaks Kafka or Redis."""

import socket
import struct

HOST = "127.0.0.1"

_PROBE_SECONDS = 1.0
# A metadata request, version 0, correlation id 1, no client id, all topics
_METADATA = struct.pack(">hhihi", 3, 0, 1, -1, 0)
_SIZE = struct.Struct(">i")
_HEAD = struct.Struct(">ii")


class PortTaken(Exception):  # noqa: N818  (it says what happened)
    """A port we need is in use."""

    def __init__(self, port: int, what: str, option: str) -> None:
        super().__init__(f"port {port} ({what}) is taken by another program; stop it or choose another with {option}")
        self.port = port


def require_free(port: int, what: str, option: str) -> None:
    """Raise PortTaken unless `port` can be listened on. `option` is how a person chooses another one."""
    with socket.socket() as probe:
        # the servers set it too: connections of the last run that linger do not count as taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(port, what, option) from error


def free_ports(count: int) -> list[int]:
    """Different free ports, for tests. Another program may take one before it is used."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def kafka_answers(port: int) -> bool:
    """Whether a Kafka broker on `port` lists at least one live broker (itself)."""
    try:
        with socket.create_connection((HOST, port), _PROBE_SECONDS) as wire:
            wire.sendall(_SIZE.pack(len(_METADATA)) + _METADATA)
            head = _read(wire, _SIZE.size + _HEAD.size)
    except OSError:
        return False
    _correlation, brokers = _HEAD.unpack(head[_SIZE.size :])
    return bool(brokers > 0)


def redis_answers(port: int) -> bool:
    """Whether a Redis on `port` has loaded its data and answers."""
    try:
        with socket.create_connection((HOST, port), _PROBE_SECONDS) as wire:
            wire.sendall(b"PING\r\n")
            return _read(wire, 7) == b"+PONG\r\n"
    except OSError:
        return False


def _read(wire: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = wire.recv(size - len(got))
        if not more:
            raise ConnectionError("closed")
        got += more
    return got
