"""Which loopback ports the engines get: those they had, or free ones."""

import socket
from collections.abc import Iterable

import psutil

LOOPBACK = "127.0.0.1"


def choose(wanted: Iterable[int]) -> list[int]:
    """One free port per wish; a wish of 0, or one that is taken, gets a port nobody has."""
    held = [_hold(port) for port in wanted]
    ports: list[int] = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    return ports


def _hold(wanted: int) -> socket.socket:
    try:
        return _bind(wanted)
    except OSError:
        return _bind(0)


def _bind(port: int) -> socket.socket:
    sock = socket.socket()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, port))
        sock.listen(1)
    except OSError:
        sock.close()
        raise
    return sock


def listens(pid: int, port: int) -> bool:
    """Whether exactly this process listens there, and not a stranger who took the port."""
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)


def taken(ports: Iterable[int]) -> bool:
    """Whether somebody holds one of these ports now."""
    for port in ports:
        try:
            _bind(port).close()
        except OSError:
            return True
    return False
