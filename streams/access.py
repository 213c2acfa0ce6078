"""Logins and rights of a laboratory: who may write its topic and read its feedback, and nobody else may.

aiokafka's admin client has no call for either; its protocol layer carries both. Needs a login that may alter a cluster.
"""

import hashlib
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NodeNotReadyError, for_code
from aiokafka.protocol.admin import CreateAclsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from schemas.topics import backfill_topic, detections_topic, feedback_topic
from streams.clients import connection_options
from streams.config import Kafka, Login

ITERATIONS: Final = 4096
_SCRAM_SHA_256: Final = 1
_LITERAL: Final = 3
_ALLOW: Final = 3


class Resource(IntEnum):
    """Kafka's numbers of what a right is about."""

    TOPIC = 2
    GROUP = 3


class Operation(IntEnum):
    """Kafka's numbers of what a right allows; both include to describe."""

    READ = 3
    WRITE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Right:
    """One operation on one resource of exactly this name."""

    resource: Resource
    name: str
    operation: Operation


def rights_of(laboratory: str) -> tuple[Right, ...]:
    """All that a laboratory may do: write its reports, read what became of them, alone or as a group of that name."""
    return (
        Right(resource=Resource.TOPIC, name=detections_topic(laboratory), operation=Operation.WRITE),
        Right(resource=Resource.TOPIC, name=backfill_topic(laboratory), operation=Operation.WRITE),
        Right(resource=Resource.TOPIC, name=feedback_topic(laboratory), operation=Operation.READ),
        Right(resource=Resource.GROUP, name=feedback_topic(laboratory), operation=Operation.READ),
    )


async def admit(kafka: Kafka, login: Login, rights: Sequence[Right]) -> None:
    """Make the login, or give it this password from now on; then give it these rights beside those it has."""
    async with _client(kafka) as client:
        await _set_password(client, login)
        for right in rights:
            await _give(client, login.username, right)


async def allow(kafka: Kafka, user: str, rights: Sequence[Right]) -> None:
    """Give a user that is there these rights beside those it has."""
    async with _client(kafka) as client:
        for right in rights:
            await _give(client, user, right)


def salted(password: str, salt: bytes, iterations: int = ITERATIONS) -> bytes:
    """What a broker keeps of a password (RFC 5802, SHA-256): the password itself never travels."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)


class _AlterScramResponse(Response):  # type: ignore[misc]  # aiokafka tells no types
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterScramRequest(RequestStruct):  # type: ignore[misc]  # the same
    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = _AlterScramResponse
    SCHEMA = Schema(
        (
            "deletions",
            CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields)),
        ),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterScram(Request[_AlterScramRequest]):  # type: ignore[misc]  # the same
    """AlterUserScramCredentials: one user gets a password."""

    API_KEY = 51

    def __init__(self, login: Login) -> None:
        self._login = login

    def build(self, request_struct_class: type[_AlterScramRequest]) -> _AlterScramRequest:
        salt = secrets.token_bytes(24)
        kept = salted(self._login.password, salt)
        return request_struct_class([], [(self._login.username, _SCRAM_SHA_256, ITERATIONS, salt, kept, {})], {})


@asynccontextmanager
async def _client(kafka: Kafka) -> AsyncIterator[AIOKafkaClient]:
    client = AIOKafkaClient(**connection_options(kafka))
    await client.bootstrap()
    try:
        yield client
    finally:
        await client.close()


async def _ask(client: AIOKafkaClient, request: Request[RequestStruct]) -> Response:
    """Any broker will do: it passes on to the controller what only that may decide."""
    node = client.get_random_node()
    if not await client.ready(node):
        raise NodeNotReadyError(f"broker {node} does not answer")
    return await client.send(node, request)


async def _set_password(client: AIOKafkaClient, login: Login) -> None:
    answer = await _ask(client, _AlterScram(login))
    for user, code, message, _ in answer.results:
        if code:
            raise for_code(code)(f"The login {user} was not made: {message or 'refused'}")


async def _give(client: AIOKafkaClient, user: str, right: Right) -> None:
    request = CreateAclsRequest(right.resource, right.name, _LITERAL, f"User:{user}", "*", right.operation, _ALLOW)
    answer = await _ask(client, request)
    for code, message in answer.creation_responses:
        if code:
            raise for_code(code)(f"{user} was not allowed to {right.operation.name} {right.name}: {message}")
