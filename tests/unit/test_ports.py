"""Ports are kept as long as nobody else has them."""

import os
import socket

from tocsin.embedded.ports import choose, listens, taken


def test_a_port_that_is_free_is_kept_and_one_that_is_taken_is_replaced() -> None:
    (free,) = choose([0])
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        busy = stranger.getsockname()[1]
        kept, other = choose([free, busy])
    assert kept == free
    assert other != busy


def test_ports_chosen_together_are_all_different() -> None:
    assert len(set(choose([0] * 50))) == 50


def test_a_clash_is_seen_while_somebody_holds_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        assert taken([port])
        assert listens(os.getpid(), port)
        assert not listens(os.getppid(), port)
    assert not taken([port])
    assert not listens(os.getpid(), port)
