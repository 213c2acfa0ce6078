"""Every example is judged the same by our models and by the published schema."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from schemas.decoding import Decoded, decode_bytes
from schemas.publish import (
    ASYNCAPI,
    BY_WEBHOOK,
    DIRECTORY,
    EXAMPLES,
    PUBLISHED,
    differences,
    path_of,
    publish,
    unexampled,
)
from schemas.topics import Payload

MODEL_ONLY = ".model-only"


def _examples(verdict: str) -> list[Path]:
    return sorted(EXAMPLES.glob(f"*/{verdict}/*.json"))


def _payload(example: Path) -> Payload:
    return Payload(example.parent.parent.name)


def _validator(payload: Payload) -> Draft202012Validator:
    return Draft202012Validator(json.loads(path_of(payload).read_text(encoding="utf-8")))


def _accepted_by_model(example: Path) -> bool:
    payload = _payload(example)
    if payload is Payload.DETECTION:
        return isinstance(decode_bytes(example.read_bytes(), laboratory=None), Decoded)
    try:
        PUBLISHED[payload].model_validate_json(example.read_bytes())
    except ValidationError:
        return False
    return True


def _name(example: Path) -> str:
    return f"{example.parent.parent.name}-{example.stem}"


@pytest.mark.parametrize("example", _examples("valid"), ids=_name)
def test_a_valid_example_is_accepted_by_model_and_schema(example: Path) -> None:
    assert _accepted_by_model(example)
    assert list(_validator(_payload(example)).iter_errors(json.loads(example.read_bytes()))) == []


@pytest.mark.parametrize("example", _examples("invalid"), ids=_name)
def test_an_invalid_example_is_refused_by_model_and_schema(example: Path) -> None:
    assert not _accepted_by_model(example)
    refused_by_schema = not _validator(_payload(example)).is_valid(json.loads(example.read_bytes()))
    assert refused_by_schema is not example.stem.endswith(MODEL_ONLY), "only *.model-only may pass the schema"


@pytest.mark.parametrize("example", _examples("valid"), ids=_name)
def test_a_valid_example_survives_a_round_trip_through_its_model(example: Path) -> None:
    model = PUBLISHED[_payload(example)]
    once = model.model_validate_json(example.read_bytes())
    assert model.model_validate_json(once.model_dump_json()) == once
    assert model.model_validate_json(once.model_dump_json(exclude_none=True)) == once


@pytest.mark.parametrize("example", _examples("valid"), ids=_name)
def test_what_the_model_writes_satisfies_the_published_schema(example: Path) -> None:
    payload = _payload(example)
    written = PUBLISHED[payload].model_validate_json(example.read_bytes()).model_dump_json()
    assert list(_validator(payload).iter_errors(json.loads(written))) == []


def test_every_payload_has_valid_and_invalid_examples_and_no_folder_is_an_orphan() -> None:
    assert unexampled() == ()


def test_the_guard_sees_an_orphan_folder_and_a_payload_without_examples(tmp_path: Path) -> None:
    for payload in Payload:
        for verdict in ("valid", "invalid"):
            (tmp_path / payload.value / verdict).mkdir(parents=True)
            (tmp_path / payload.value / verdict / "one.json").write_text("{}", encoding="utf-8")
    assert unexampled(tmp_path) == ()
    (tmp_path / "receipt").mkdir()
    (tmp_path / "delivery" / "invalid" / "one.json").unlink()
    assert unexampled(tmp_path) == (
        "examples/delivery/invalid holds no example; add one.",
        "examples/receipt has no schema; remove it or publish one.",
    )


def test_every_example_file_is_looked_at() -> None:
    looked_at = {*_examples("valid"), *_examples("invalid")}
    tables = {*EXAMPLES.glob("detection/valid/*.csv")}  # looked at in test_report_tables.py
    assert {path for path in EXAMPLES.rglob("*") if path.is_file()} == looked_at | tables


def test_every_topic_payload_has_a_model() -> None:
    assert set(PUBLISHED) == set(Payload)


def test_the_published_schemas_are_what_the_models_say() -> None:
    assert differences() == ()


def test_every_published_schema_is_a_schema_and_every_object_in_it_is_closed() -> None:
    for payload in Payload:
        schema = json.loads(path_of(payload).read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        objects = [schema, *(part for part in schema["$defs"].values() if part.get("type") == "object")]
        assert all(part["additionalProperties"] is False for part in objects)


def test_the_guard_sees_a_missing_a_stale_and_an_orphan_schema(tmp_path: Path) -> None:
    publish(tmp_path)
    assert differences(tmp_path) == ()
    path_of(Payload.DETECTION, tmp_path).write_text("{}", encoding="utf-8")
    path_of(Payload.DELIVERY, tmp_path).unlink()
    (tmp_path / "forgotten.json").write_text("{}", encoding="utf-8")
    found = " ".join(differences(tmp_path))
    assert "detection.json is stale" in found
    assert "delivery.json is missing" in found
    assert "forgotten.json has no model" in found


def test_nothing_else_lies_among_the_published_schemas() -> None:
    named = [*(payload.value for payload in Payload), *BY_WEBHOOK]
    assert {path.name for path in DIRECTORY.iterdir()} == {ASYNCAPI, *(f"{name}.json" for name in named)}
