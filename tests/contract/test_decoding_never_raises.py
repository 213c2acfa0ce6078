"""Whatever arrives, decoding returns a verdict whose words can be stored and sent."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decoding import Decoded, decode_bytes
from schemas.rejections import Rejection
from tests.contract.reports import good

_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


def _places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in parts for place in _places(part, (*path, key)))]


def _with(value: object, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    if isinstance(value, dict):
        return {key: _with(part, path[1:], new) if key == path[0] else part for key, part in value.items()}
    assert isinstance(value, list)
    return [_with(part, path[1:], new) if index == path[0] else part for index, part in enumerate(value)]


def _judge(value: bytes) -> None:
    verdict = decode_bytes(value, laboratory="si-example")
    assert isinstance(verdict, Decoded | Rejection)
    if isinstance(verdict, Rejection):
        assert verdict.problems
        assert "\x00" not in verdict.model_dump_json()
    else:
        assert "\\u0000" not in verdict.content.replace("\\\\", "")


@given(st.binary(max_size=300))
def test_any_bytes_get_a_verdict(value: bytes) -> None:
    _judge(value)


@given(_JSON)
def test_any_json_gets_a_verdict(value: object) -> None:
    _judge(json.dumps(value).encode())


@settings(max_examples=400)
@given(st.sampled_from(_places(good())), _JSON, st.sampled_from(["1.0", "1.4"]))
def test_a_report_with_anything_anywhere_gets_a_verdict(
    place: tuple[str | int, ...], value: object, version: str
) -> None:
    _judge(json.dumps(_with(good() | {"schema_version": version}, place, value)).encode())


@given(st.dictionaries(_TEXT, _JSON, max_size=3))
def test_a_newer_report_with_any_new_fields_is_accepted_or_told_why(extra: dict[str, object]) -> None:
    _judge(json.dumps(extra | good() | {"schema_version": "1.4"}).encode())
