"""A process says that it does its work now: to our supervisor, or to systemd, in the same words (`sd_notify`)."""

import contextlib
import os
import socket


def say_ready() -> None:
    """Call once, when the first piece of work could be taken. Without anybody listening it does nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)
