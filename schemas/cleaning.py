"""Strips hidden characters from the texts of a report and refuses them in its identifiers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from schemas.characters import clean, marked, name_of, suspicious
from schemas.parsing import Json
from schemas.rejections import Problem
from schemas.sentences import dotted, pointer, visible

_LINES: Final = frozenset({"use_conditions", "free_text"})
_TEXTS: Final = frozenset(
    {"name_reported", "iupac", "formula", "sold_as", "colour", "shape", "logo", "imprint", "dimensions", "text", "by"}
)
_IDENTIFIERS: Final = frozenset(
    {"schema_version", "event_id", "action", "status", "report_type", "lab", "role", "case_ref", "org", "ref"}
    | {"reported_at", "value", "precision", "sampled_at", "analysed_at", "country", "region", "smiles", "inchi"}
    | {"inchikey", "cas", "isomer_status", "unit", "basis", "per", "methods", "reference_standard", "identification"}
    | {"physical_form", "image_uri", "image_sha256", "presentation", "mis_sold", "distribution", "route", "intent"}
    | {"matrix", "outcome", "severity", "exposure", "causality", "age_band", "sex", "signs", "antidote_response"}
    | {"risks", "kind", "code", "novelty_claim", "handling"}
)
Path = tuple[str | int, ...]


@dataclass(kw_only=True)
class Cleaned:
    """The document without hidden characters, what was stripped, and what must be refused."""

    document: Json
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def cleaned(document: Json) -> Cleaned:
    """A copy of the document with every text cleaned. Depth is bounded by the parser."""
    found = Cleaned(document=None)
    found.document = _walk(document, (), found)
    return found


def _walk(value: Json, path: Path, found: Cleaned) -> Json:
    if isinstance(value, str):
        return _string(value, path, found)
    if isinstance(value, list):
        return [_walk(item, (*path, index), found) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {marked(name): _walk(item, (*path, name), found) for name, item in value.items()}
    return value


def _string(value: str, path: Path, found: Cleaned) -> str:
    if not suspicious(value):
        return value
    names = [part for part in path if isinstance(part, str)]
    lines = bool(names) and (names[0] in _LINES or names[-1] == "text")
    stripped = clean(value, lines=lines)
    if stripped == value:
        return value
    if names and names[-1] in _IDENTIFIERS and "free_text" not in names:
        found.problems.append(_refused(value, path))
        return value
    found.notes.append(visible(f"{pointer(path)}: hidden characters were taken out ({name_of(value)} and any others)."))
    return stripped


def _refused(value: str, path: Path) -> Problem:
    return Problem(
        pointer=visible(pointer(path)),
        sentence=visible(
            f"{dotted(path)} must not hold invisible or control characters ({name_of(value)}); send plain ones only."
        ),
    )


def known_names() -> Iterator[str]:
    """Every field whose treatment is decided here, for the test that none was forgotten."""
    yield from _LINES | _TEXTS | _IDENTIFIERS
