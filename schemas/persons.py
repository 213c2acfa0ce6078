"""Refuses reports that name persons: looks at every text of a document, names what it found by kind and place only."""

from collections.abc import Iterator, Sequence
from typing import Final

from schemas.parsing import Json
from schemas.personal_data import PersonalKind, find
from schemas.rejections import Problem
from schemas.sentences import dotted, pointer, visible

UNREAD: Final = frozenset(
    {"schema_version", "event_id", "reported_at", "value", "sampled_at", "analysed_at", "smiles", "inchi", "inchikey"}
    | {"cas", "iupac", "formula", "image_uri", "image_sha256", "lab", "region", "country"}
)
"""Fields whose own form leaves no room for a person, and chemical names, which are long and full of numbers."""
_ARTICLE: Final = {PersonalKind.EMAIL: "an", PersonalKind.COORDINATES: ""}

Path = tuple[str | int, ...]


def named_persons(document: Json) -> tuple[Problem, ...]:
    """One problem for each place of the document."""
    if not _somewhere(document):
        return ()
    return tuple(_problem(path, kind) for path, kind in _walk(document, ()))


def _somewhere(document: Json) -> bool:
    """Whether any text holds something, without saying where: nearly always none does (41 to 9 us a report)."""
    inner: list[Json] = [document]
    for value in inner:
        items = value.items() if isinstance(value, dict) else (("", item) for item in _parts(value))
        for name, item in items:
            if isinstance(item, dict | list):
                inner.append(item)
            elif isinstance(item, str) and name not in UNREAD and find(item):
                return True
    return False


def _parts(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else [value]


def _walk(value: Json, path: Path) -> Iterator[tuple[Path, PersonalKind]]:
    if isinstance(value, str):
        yield from ((path, kind) for kind in sorted({found.kind for found in find(value)}))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in UNREAD or isinstance(item, dict | list):
                yield from _walk(item, (*path, name))


def _problem(path: Path, kind: PersonalKind) -> Problem:
    what = f"{_ARTICLE.get(kind, 'a')} {kind}".strip()
    return Problem(
        pointer=visible(pointer(path)),
        sentence=visible(
            f"{dotted(path)} holds what looks like {what}; a report names no persons: take it out and send it again."
        ),
    )
