"""The AsyncAPI document is one, and says of every topic what the code does."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from schemas.publish import ASYNCAPI, DIRECTORY, differences, publish
from schemas.topics import SHARED_TOPICS, detections_topic, laboratory_topics

STANDARD = json.loads((Path(__file__).parent / "specifications" / "asyncapi-3.0.0.json").read_text(encoding="utf-8"))
DOCUMENT = json.loads((DIRECTORY / ASYNCAPI).read_text(encoding="utf-8"))


def test_it_follows_asyncapi_3() -> None:
    assert [error.message for error in Draft7Validator(STANDARD).iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize("field", ["asyncapi", "info"])
def test_the_standard_refuses_a_document_without_its_head(field: str) -> None:
    bent = {name: value for name, value in DOCUMENT.items() if name != field}
    assert not Draft7Validator(STANDARD).is_valid(bent)


def test_the_standard_refuses_a_topic_with_half_a_partition() -> None:
    bent = json.loads(json.dumps(DOCUMENT))
    bent["channels"]["dead-letters"]["bindings"]["kafka"]["partitions"] = 0.5
    assert not Draft7Validator(STANDARD).is_valid(bent)


def test_every_topic_is_in_it_with_its_address_and_limits() -> None:
    specs = (*laboratory_topics("{laboratory}"), *SHARED_TOPICS)
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == {spec.name for spec in specs}
    for spec in specs:
        channel = next(one for one in DOCUMENT["channels"].values() if one["address"] == spec.name)
        kafka = channel["bindings"]["kafka"]
        assert kafka["partitions"] == spec.partitions
        assert {name: str(kafka["topicConfiguration"][name]) for name in ("retention.ms", "max.message.bytes")} == {
            name: spec.settings()[name] for name in ("retention.ms", "max.message.bytes")
        }


def test_a_laboratorys_topic_is_its_address_filled_in() -> None:
    address = DOCUMENT["channels"]["detections"]["address"]
    assert address.format(laboratory="si-example") == detections_topic("si-example")


def test_everything_it_points_to_is_there() -> None:
    for reference in _references(DOCUMENT):
        file, _, pointer = reference.partition("#")
        if file:
            Draft202012Validator.check_schema(json.loads((DIRECTORY / file).read_text(encoding="utf-8")))
        else:
            found = DOCUMENT
            for part in pointer.strip("/").split("/"):
                found = found[part]


def test_a_stale_document_is_noticed(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / ASYNCAPI).write_text("{}", encoding="utf-8")
    assert differences(tmp_path) == (f"{ASYNCAPI} is stale; run python -m schemas.publish.",)


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in _references(value)]
    if isinstance(part, list):
        return [found for value in part for found in _references(value)]
    return []
