"""Decides whether the bytes of a record are a report: `Decoded`, or a `Rejection` that names every problem at once.

Pure and total: it never raises and needs no memory. What needs the registry or earlier reports is decided elsewhere.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from schemas.characters import shown, suspicious_in_document
from schemas.cleaning import Path, cleaned
from schemas.contradictions import contradictions
from schemas.detections import SCHEMA_VERSION, Detection
from schemas.parsing import Json, parse
from schemas.persons import named_persons
from schemas.records import Record
from schemas.rejections import Problem, Rejection
from schemas.sentences import pointer, problem, visible
from schemas.values import LABORATORY_PATTERN
from schemas.vocabularies import RejectionReason

CLOCK_TOLERANCE: Final = timedelta(minutes=10)
_VERSION: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.[0-9]{1,9})*")
_LABORATORY: Final = re.compile(LABORATORY_PATTERN)
_MOST_PROBLEMS: Final = 100
_SOURCE_HEADER: Final = "ce_source"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """A report that can be acted on.

    `digest` is the SHA-256 of its content in canonical JSON (sorted keys, no spaces, unknown fields included): the
    same content in other bytes is the same report. `content` is that JSON, so that nothing a newer sender said is
    lost. `notes` say what was stripped or ignored.
    """

    detection: Detection
    digest: str
    notes: tuple[str, ...] = ()
    content: str = ""
    ignored_fields: int = 0


def decode(record: Record, *, laboratory: str) -> Decoded | Rejection:
    """A record of the topic of `laboratory`. Its broker time bounds `reported_at`, its `ce_` headers must agree."""
    sources = tuple(value for name, value in record.headers if name == _SOURCE_HEADER)
    return decode_bytes(record.value, laboratory=laboratory, received_at=record.timestamp, sources=sources)


def decode_bytes(
    value: bytes | None,
    *,
    laboratory: str | None,
    received_at: datetime | None = None,
    sources: Sequence[bytes] = (),
) -> Decoded | Rejection:
    """The same for bytes without a record. Without `laboratory` any reporter is taken, without a time any future.

    `sources` are the values of all headers `ce_source`: each must agree, whichever a reader would take.
    """
    parsed = parse(value)
    if isinstance(parsed, Rejection):
        return parsed
    document, notes, refused = parsed.value, list[str](), list[Problem]()
    if suspicious_in_document(parsed.text):
        cleaning = cleaned(document)
        document, notes, refused = cleaning.document, cleaning.notes, cleaning.problems
    if not isinstance(document, dict):
        return Rejection.because(
            RejectionReason.INVALID,
            f"The message is {shown(document)}; a report is one JSON object. Send one per message.",
        )
    early = _newer_major(document) or _other_laboratory(document, laboratory, sources)
    return early or _validated(document, notes, refused, received_at)


def _newer_major(document: Mapping[str, Json]) -> Rejection | None:
    version = document.get("schema_version")
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if found is None or int(found.group(1)) <= 1:
        return None
    return Rejection.because(
        RejectionReason.UNSUPPORTED_VERSION,
        f"schema_version is {shown(version)}; this system reads 1.x. Send the report in version {SCHEMA_VERSION}.",
        "/schema_version",
    )


def _other_laboratory(
    document: Mapping[str, Json], laboratory: str | None, sources: Sequence[bytes]
) -> Rejection | None:
    reporter = document.get("reporter")
    named = reporter.get("lab") if isinstance(reporter, dict) else None
    if not isinstance(named, str) or not _LABORATORY.fullmatch(named):
        return None
    if laboratory is not None and named != laboratory:
        return Rejection.because(
            RejectionReason.REPORTER_MISMATCH,
            f"reporter.lab is {shown(named)} but this is the topic of {shown(laboratory)}; "
            "send it to your own topic, or correct reporter.lab.",
            "/reporter/lab",
        )
    named_so = {"", laboratory or named}
    source = next((found for value in sources if (found := _last_part(value)) not in named_so), None)
    if source is None:
        return None
    return Rejection.because(
        RejectionReason.REPORTER_MISMATCH,
        f"the header ce_source ends in {shown(source)} but the laboratory is {shown(laboratory or named)}; "
        "correct the header or leave it out.",
        "/reporter/lab",
    )


def _last_part(source: bytes) -> str:
    """The laboratory of a CloudEvents source: `si-example`, `/laboratories/si-example`, `urn:tocsin:lab:si-example`."""
    return re.split(r"[/:#]", source.decode("utf-8", errors="replace").strip().rstrip("/"))[-1]


def _validated(
    document: dict[str, Json], notes: list[str], refused: list[Problem], received_at: datetime | None
) -> Decoded | Rejection:
    known: Json = document
    unknown: list[Path] = []
    try:
        detection = Detection.model_validate(document)
    except ValidationError as error:
        unknown = _ignorable(document, error)
        if not unknown:
            return _invalid(document, error, refused)
        known = _without(document, unknown)
        try:
            detection = Detection.model_validate(known)
        except ValidationError as second:
            return _invalid(known, second, refused)
    late = _from_the_future(detection, received_at)
    if refused or late:
        return Rejection(reason=RejectionReason.INVALID, problems=_capped((*refused, *late)))
    if named := named_persons(document):
        return Rejection(reason=RejectionReason.PERSONAL_DATA, problems=_capped(named))
    return _decoded(detection, document, notes, unknown)


def _decoded(
    detection: Detection, document: dict[str, Json], notes: list[str], unknown: list[Path]
) -> Decoded | Rejection:
    try:
        content = canonical(document)
    except ValueError:
        return Rejection.because(
            RejectionReason.INVALID,
            "A field of the report holds a number beyond all bounds; correct it or leave it out.",
        )
    ignored = [visible(f"{pointer(path)}: unknown to version {SCHEMA_VERSION}, kept and ignored.") for path in unknown]
    return Decoded(
        detection=detection,
        digest=hashlib.sha256(content.encode()).hexdigest(),
        notes=tuple([*notes, *ignored][:_MOST_PROBLEMS]),
        content=content,
        ignored_fields=len(unknown),
    )


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(document: Json) -> str:
    """The one JSON text of a content: ASCII, sorted keys, no spaces. ValueError for an infinite number."""
    return _CANONICAL.encode(document)


def content_of(value: bytes | None) -> str | None:
    """The content that `Decoded` would keep of a message, without asking whether it is a report; None for no object."""
    parsed = parse(value)
    if isinstance(parsed, Rejection):
        return None
    document = cleaned(parsed.value).document if suspicious_in_document(parsed.text) else parsed.value
    try:
        return canonical(document) if isinstance(document, dict) else None
    except ValueError:
        return None


def _ignorable(document: Mapping[str, Json], error: ValidationError) -> list[Path]:
    """The unknown fields that a newer minor may hold; none when the report is of a version known here."""
    version = document.get("schema_version")
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    newest = int(SCHEMA_VERSION.partition(".")[2])
    if found is None or int(found.group(1)) != 1 or int(found.group(2) or 0) <= newest:
        return []
    return [found["loc"] for found in error.errors(include_url=False) if found["type"] == "extra_forbidden"]


def _without(value: Json, paths: list[Path]) -> Json:
    """A copy without the fields at these paths."""
    here = {path[0] for path in paths if len(path) == 1}
    deeper: dict[str | int, list[Path]] = {}
    for path in paths:
        if len(path) > 1:
            deeper.setdefault(path[0], []).append(path[1:])
    if isinstance(value, dict):
        return {name: _without(item, deeper.get(name, [])) for name, item in value.items() if name not in here}
    if isinstance(value, list):
        return [_without(item, deeper.get(index, [])) for index, item in enumerate(value)]
    return value


def _invalid(document: Json, error: ValidationError, refused: list[Problem]) -> Rejection:
    """Every problem of the report: of its fields, and between those fields that can be read."""
    errors = error.errors(include_url=False)
    fields = [problem(found) for found in errors if found["type"] != "contradictions"]
    known = {found.pointer for found in refused}
    between = [found for found in contradictions(document) if not _covered(found.pointer, fields)]
    problems = (*refused, *(found for found in fields if found.pointer not in known), *between)
    return Rejection(reason=RejectionReason.INVALID, problems=_capped(problems))


def _capped(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """The first hundred, and a count of the others: feedback is read by people."""
    rest = len(problems) - _MOST_PROBLEMS
    if rest <= 0:
        return problems
    return (
        *problems[:_MOST_PROBLEMS],
        Problem(pointer="", sentence=f"The report has {rest:,} more problems like these."),
    )


def _covered(place: str, problems: list[Problem]) -> bool:
    """Whether a problem already stands at that place or above it."""
    return any(place == found.pointer or place.startswith(found.pointer + "/") for found in problems)


def _from_the_future(detection: Detection, received_at: datetime | None) -> tuple[Problem, ...]:
    if received_at is None or detection.reported_at <= received_at + CLOCK_TOLERANCE:
        return ()
    return (
        Problem(
            pointer="/reported_at",
            sentence=f"reported_at {detection.reported_at.isoformat()} lies more than 10 minutes after its arrival "
            f"{received_at.isoformat()}; check the clock and the time zone.",
        ),
    )
