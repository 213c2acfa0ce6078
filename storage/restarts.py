"""Whose turn it is to start anew: at most one worker of a flow is away at a time."""

from typing import Final

from sqlalchemy import Connection, text

AWAY_SECONDS: Final = 120
"""One that has not come back by then is given up, and the next may go."""

_LEAVE: Final = text(f"""
    INSERT INTO restarts (flow, away_until)
    VALUES (:flow, clock_timestamp() + make_interval(secs => {AWAY_SECONDS}))
    ON CONFLICT (flow) DO UPDATE SET away_until = excluded.away_until WHERE restarts.away_until < clock_timestamp()
""")

_BACK: Final = text("DELETE FROM restarts WHERE flow = :flow")


def leave(connection: Connection, flow: str) -> bool:
    """Whether this worker may go now; from then on nobody else of its flow may, until one is back."""
    return bool(connection.execute(_LEAVE, {"flow": flow}).rowcount)


def back(connection: Connection, flow: str) -> None:
    """A worker reads again: the next may go."""
    connection.execute(_BACK, {"flow": flow})
