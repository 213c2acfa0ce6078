"""Writes the JSON Schemas of our messages and the AsyncAPI document of our topics to `schemas/published`.

`python -m schemas.publish [--check]`: `--check` writes nothing and exits 1 when a file is missing, stale or has no
model. The models are the truth.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from schemas import asyncapi
from schemas.alert_events import AlertEvent
from schemas.base import Frozen
from schemas.dead_letter_messages import DeadLetterMessage
from schemas.delivery_receipts import DeliveryReceipt
from schemas.detections import SCHEMA_VERSION, Detection
from schemas.digests import DigestMessage
from schemas.feedback import Feedback
from schemas.topics import Payload

DIRECTORY: Final = Path(__file__).parent / "published"
EXAMPLES: Final = Path(__file__).parent / "examples"
PUBLISHED: Final[Mapping[Payload, type[Frozen]]] = MappingProxyType(
    {
        Payload.DETECTION: Detection,
        Payload.ALERT_EVENT: AlertEvent,
        Payload.DELIVERY: DeliveryReceipt,
        Payload.DEAD_LETTER: DeadLetterMessage,
        Payload.FEEDBACK: Feedback,
    }
)
"""What our topics carry, and the model of each."""
BY_WEBHOOK: Final[Mapping[str, type[Frozen]]] = MappingProxyType({"webhook_digest": DigestMessage})
"""What else we publish: bodies of webhooks."""
ASYNCAPI: Final = "asyncapi.json"
"""The document that says on which topics."""


class _Dialect(GenerateJsonSchema):
    """JSON Schema 2020-12 without the titles that only repeat a field's name."""

    def get_title_from_name(self, name: str) -> str:
        return ""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def text_of(payload: Payload) -> str:
    """The file's content: stable, readable, closed."""
    return _text(payload.value, PUBLISHED[payload])


def _text(name: str, described: type[Frozen]) -> str:
    model = described.model_json_schema(schema_generator=_Dialect)
    head: JsonSchemaValue = {
        "$schema": _Dialect.schema_dialect,
        "$id": f"urn:tocsin:schema:{name.replace('_', '-')}:{SCHEMA_VERSION}",
    }
    return json.dumps({**head, **model}, indent=2, ensure_ascii=False) + "\n"


def path_of(payload: Payload, directory: Path = DIRECTORY) -> Path:
    """Where it is published."""
    return directory / f"{payload.value}.json"


def texts() -> Mapping[str, str]:
    """Every file that is published, by name."""
    schemas = {path_of(payload).name: text_of(payload) for payload in PUBLISHED}
    webhooks = {f"{name}.json": _text(name, model) for name, model in BY_WEBHOOK.items()}
    return MappingProxyType({**schemas, **webhooks, ASYNCAPI: asyncapi.text_of(SCHEMA_VERSION)})


def differences(directory: Path = DIRECTORY) -> tuple[str, ...]:
    """What is not as the models say, as sentences; empty when all is well."""
    wanted = texts()
    stale = tuple(
        f"{name} is {'stale' if path.exists() else 'missing'}; run python -m schemas.publish."
        for name, text in wanted.items()
        if not (path := directory / name).exists() or path.read_text(encoding="utf-8") != text
    )
    found = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    return stale + tuple(
        f"{name} has no model; remove it or publish its model." for name in found if name not in wanted
    )


def unexampled(examples: Path = EXAMPLES) -> tuple[str, ...]:
    """What lacks an example, and which examples lack a schema, as sentences; empty when all is well."""
    folders = {folder.name for folder in examples.iterdir()}
    known = {payload.value for payload in PUBLISHED}
    empty = [
        f"examples/{name}/{verdict} holds no example; add one."
        for name in sorted(known)
        for verdict in ("valid", "invalid")
        if not any((examples / name / verdict).glob("*.json"))
    ]
    return tuple(
        empty + [f"examples/{name} has no schema; remove it or publish one." for name in sorted(folders - known)]
    )


def publish(directory: Path = DIRECTORY) -> tuple[Path, ...]:
    """Write every file; the paths written."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (directory / name).write_text(text, encoding="utf-8")
    return tuple(directory / name for name in texts())


def main() -> int:
    """The command line. 0 when all is well, 1 when the check finds a difference."""
    arguments = argparse.ArgumentParser(prog="python -m schemas.publish", description=__doc__)
    arguments.add_argument("--check", action="store_true", help="write nothing; exit 1 on any difference")
    if arguments.parse_args().check:
        found = differences() + unexampled()
        print("\n".join(found), end="\n" if found else "", file=sys.stderr)
        return 1 if found else 0
    for path in publish():
        print(path.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
