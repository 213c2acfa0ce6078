"""The AsyncAPI 3.0 document of our topics: which there are, who writes and reads them, what they carry."""

import json
from collections.abc import Mapping
from typing import Final

from schemas.parsing import Json
from schemas.topics import SHARED_TOPICS, Payload, TopicSpec, laboratory_topics

VERSION: Final = "3.0.0"
DIALECT: Final = "application/schema+json;version=draft-2020-12"

LABORATORY: Final = "{laboratory}"
TITLES: Final[Mapping[Payload, str]] = {
    Payload.DETECTION: "What a laboratory found: one report",
    Payload.ALERT_EVENT: "One revision of an alert",
    Payload.DELIVERY: "What became of one delivery",
    Payload.DEAD_LETTER: "A report that was refused, with its reason",
    Payload.FEEDBACK: "What became of a laboratory's reports",
}


def text_of(schema_version: str) -> str:
    """The document as a file beside the JSON Schemas it points to."""
    topics = (*laboratory_topics(LABORATORY), *SHARED_TOPICS)
    document: dict[str, Json] = {
        "asyncapi": VERSION,
        "info": _info(schema_version),
        "defaultContentType": "application/json",
        "channels": {_channel_id(spec): _channel(spec) for spec in topics},
        "operations": {_operation_id(spec): _operation(spec) for spec in topics},
        "components": {"messages": {payload.value: _message(payload) for payload in Payload}},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _info(schema_version: str) -> Json:
    return {
        "title": "Tocsin",
        "version": schema_version,
        "description": "An open European drug alert system: laboratory detections in, graded alerts out. "
        "A record is decided at the time the broker gives it (LogAppendTime).",
        "license": {"name": "EUPL-1.2"},
    }


def _channel_id(spec: TopicSpec) -> str:
    return spec.name.removesuffix(f"-{LABORATORY}")


def _channel(spec: TopicSpec) -> Json:
    channel: dict[str, Json] = {
        "address": spec.name,
        "messages": {spec.payload.value: {"$ref": f"#/components/messages/{spec.payload.value}"}},
        "bindings": {"kafka": _binding(spec)},
    }
    if LABORATORY in spec.name:
        channel["parameters"] = {"laboratory": {"description": "The laboratory's id; it never changes."}}
    return channel


def _binding(spec: TopicSpec) -> Json:
    settings = spec.settings()
    return {
        "topic": spec.name,
        "partitions": spec.partitions,
        "topicConfiguration": {
            "cleanup.policy": [settings["cleanup.policy"]],
            "retention.ms": int(settings["retention.ms"]),
            "retention.bytes": int(settings["retention.bytes"]),
            "max.message.bytes": int(settings["max.message.bytes"]),
        },
        "bindingVersion": "0.5.0",
    }


def _operation_id(spec: TopicSpec) -> str:
    return f"{_action(spec)}-{_channel_id(spec)}"


def _action(spec: TopicSpec) -> str:
    """From where Tocsin stands: it receives reports and sends everything else."""
    return "receive" if spec.payload is Payload.DETECTION else "send"


def _operation(spec: TopicSpec) -> Json:
    return {
        "action": _action(spec),
        "channel": {"$ref": f"#/channels/{_channel_id(spec)}"},
        "description": f"Record key: {spec.key}.",
    }


def _message(payload: Payload) -> Json:
    return {
        "name": payload.value,
        "title": TITLES[payload],
        "contentType": "application/json",
        "payload": {"schemaFormat": DIALECT, "schema": {"$ref": f"./{payload.value}.json"}},
    }
