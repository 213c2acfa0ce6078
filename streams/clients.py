"""How our own Kafka clients are made: committed records only, no group, the same security everywhere."""

from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict

from streams.config import Kafka
from streams.headers import accept_any_header

accept_any_header()

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Connection(TypedDict, total=False):
    bootstrap_servers: list[str]
    client_id: str
    security_protocol: str
    ssl_context: object
    sasl_mechanism: str
    sasl_plain_username: str
    sasl_plain_password: str


class _Consumer(_Connection, total=False):
    enable_auto_commit: bool
    auto_offset_reset: str
    isolation_level: str


class _Producer(_Connection, total=False):
    enable_idempotence: bool
    acks: str
    max_request_size: int
    linger_ms: int


MAX_REQUEST: Final = 7 * 1024 * 1024
"""A dead letter is at most 6 MiB (`schemas.topics`); the rest is room for its envelope."""


def connection_options(kafka: Kafka) -> _Connection:
    """What every client needs to reach the cluster."""
    options: _Connection = {
        "bootstrap_servers": kafka.servers,
        "client_id": "tocsin",
        "security_protocol": kafka.protocol,
    }
    if kafka.tls is not None:
        options["ssl_context"] = kafka.tls
    if kafka.login is not None:
        options["sasl_mechanism"] = "SCRAM-SHA-256"
        options["sasl_plain_username"] = kafka.login.username
        options["sasl_plain_password"] = kafka.login.password
    return options


def consumer_options(kafka: Kafka) -> _Consumer:
    """A reader without a group. An offset outside the log is an error, never silently another place."""
    return {
        **connection_options(kafka),
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
    }


def producer_options(kafka: Kafka) -> _Producer:
    """A writer whose retries neither repeat nor reorder, and that is answered when all replicas have it."""
    return {
        **connection_options(kafka),
        "enable_idempotence": True,
        "acks": "all",
        "max_request_size": MAX_REQUEST,
        "linger_ms": 2,
    }


def instant(milliseconds: int) -> datetime:
    """Kafka's time of a record, exactly."""
    return EPOCH + timedelta(milliseconds=milliseconds)
