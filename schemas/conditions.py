"""The rules between fields that JSON Schema can say, for the published schema; `contradictions.py` has them all."""

from typing import Final

from pydantic.config import JsonDict

from schemas.contradictions import STRUCTURAL


def _when(field: str, values: list[str], then: JsonDict) -> JsonDict:
    condition: JsonDict = {"properties": {field: {"enum": list(values)}}, "required": [field]}
    return {"if": condition, "then": then}


def _needs(*path: str) -> JsonDict:
    """The path of fields is there and not null."""
    head, *rest = path
    inner: JsonDict = _needs(*rest) if rest else {"not": {"type": "null"}}
    return {"required": [head], "properties": {head: inner}}


_NOT_HARMED: Final[JsonDict] = {
    "properties": {
        "harm": {
            "if": {"properties": {"outcome": {"const": "none_known"}}, "required": ["outcome"]},
            "then": {
                "properties": {
                    "severity": {"not": {"enum": ["hospitalised", "life_threatening"]}},
                    "signs": {"not": {"contains": {"const": "death"}}},
                }
            },
        }
    }
}
_DEAD: Final[JsonDict] = {
    "properties": {
        "harm": {
            "if": {"properties": {"outcome": {"const": "death"}}, "required": ["outcome"]},
            "then": {"properties": {"severity": {"not": {"enum": ["minor", "moderate"]}}}},
        }
    }
}
_PERCENT: Final[JsonDict] = {
    "properties": {
        "components": {
            "items": {
                "properties": {
                    "amount": {
                        "if": {"properties": {"per": {"const": "percent_w_w"}}, "required": ["per"]},
                        "then": {"properties": {"value": {"maximum": 100}}},
                    }
                }
            }
        }
    }
}
_SOME_STRUCTURE: Final[JsonDict] = {
    "required": ["components"],
    "properties": {"components": {"contains": {"anyOf": [_needs(name) for name in STRUCTURAL]}}},
}
_ANALYSED: Final = ["seizure", "collected_sample", "biological_sample", "environmental", "precursor"]

CONDITIONS: Final[JsonDict] = {
    "allOf": [
        _when("report_type", _ANALYSED, {"required": ["components"], "properties": {"components": {"minItems": 1}}}),
        _when("report_type", ["seizure", "collected_sample"], _needs("sample", "physical_form")),
        _when("report_type", ["seizure"], {"anyOf": [_needs("sample", "quantity"), _needs("sample", "n_units")]}),
        _when("report_type", ["biological_sample"], _needs("matrix")),
        _when("novelty_claim", ["national_first", "union_first"], _SOME_STRUCTURE),
        _NOT_HARMED,
        _DEAD,
        _PERCENT,
    ]
}
