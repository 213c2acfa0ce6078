"""What the stream is told from outside: where Kafka is, how patient to be, how big a batch is."""

import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Flow(StrEnum):
    """Live reports and history run apart, so that the one never waits for the other."""

    LIVE = "live"
    BACKFILL = "backfill"


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """SASL/SCRAM-SHA-256 name and password."""

    username: str
    password: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Kafka:
    """A cluster. `tls` encrypts; `login` names us; times are seconds and those of `faust.md`'s trials."""

    bootstrap: str
    login: Login | None = None
    tls: ssl.SSLContext | None = None
    session_timeout: float = 15.0
    heartbeat_interval: float = 3.0
    rebalance_timeout: float = 60.0
    request_timeout: float = 90.0

    @property
    def servers(self) -> list[str]:
        """The bootstrap addresses, one each."""
        return [address.strip() for address in self.bootstrap.split(",")]

    @property
    def protocol(self) -> str:
        """Kafka's name of the security protocol."""
        return f"{'SASL_' if self.login else ''}{'SSL' if self.tls else 'PLAINTEXT'}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """One worker process. `application` is also the consumer group, which Faust's committed offsets belong to.

    `batch_records` go into one transaction; so many batches are taken from Kafka at once, so that the next is read
    while one is decided.
    """

    kafka: Kafka
    application: str
    flow: str
    topics: tuple[str, ...]
    data_directory: Path
    batch_records: int = 500
    batches_ahead: int = 4
    batch_window: float = 0.005
    watch_every: float = 10.0
    watch_patience: float = 30.0
    stop_within: float = 25.0
