"""A laboratory's journal: each report is written and synced here before it is sent, and marked when Kafka has it.

A directory with two files. `lock` is held by the one process that writes. `journal.jsonl` is only appended to; each
line is one JSON object:

    {"journal": 1, "topic": "detections-si-example"}      the first line: what it is for
    {"event_id": …, "revision": …, "digest": …, "report": …}      one report; `report` is its bytes as text
    {"sealed": 500, "sha256": …}      500 reports stand above; the hash is of their lines since the seal before
    {"acknowledged": 500}      every replica of Kafka has the first 500

A seal is written with its reports and synced with them; only what is sealed is sent. What a crash left behind the last
seal was never sent and is cut off. Bytes that are not UTF-8 stand as lone surrogates, Python's `surrogateescape`.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final, NoReturn
from uuid import UUID

from schemas.decoding import canonical
from schemas.parsing import Json, parse
from schemas.rejections import Rejection
from tocsin.errors import Refusal

FILE: Final = "journal.jsonl"
LOCK: Final = "lock"
VERSION: Final = 1
BLOCK: Final = 500
"""Reports per seal, and per wait for the disk."""

Key = tuple[UUID, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A report and that by which it is known again: same key, same digest; the digest is of the canonical content."""

    event_id: UUID
    revision: int
    digest: str
    value: bytes

    @property
    def key(self) -> Key:
        """Event and revision: what may be said once."""
        return self.event_id, self.revision

    def line(self) -> bytes:
        """Its line in the journal."""
        return _line(
            {
                "event_id": str(self.event_id),
                "revision": self.revision,
                "digest": self.digest,
                "report": self.value.decode("utf-8", "surrogateescape"),
            }
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a journal stands: how many reports it keeps, and how many of these Kafka has."""

    topic: str
    kept: int
    acknowledged: int

    @property
    def waiting(self) -> int:
        """How many are still to be sent."""
        return self.kept - self.acknowledged


@dataclass(slots=True)
class _Content:
    """What was read of a file. `end` is where its last complete block ends, `starts` where each report's line does."""

    topic: str = ""
    known: dict[Key, str] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    acknowledged: int = 0
    end: int = 0
    block: list[tuple[int, bytes]] = field(default_factory=list)


def identified(value: bytes) -> Entry | str:
    """The report's identity, or a sentence that says why it has none."""
    found = parse(value)
    if isinstance(found, Rejection):
        return found.problems[0].sentence
    document = found.value if isinstance(found.value, dict) else {}
    event, revision = _uuid(document.get("event_id")), document.get("revision")
    if event is None or isinstance(revision, bool) or not isinstance(revision, int):
        return "It has no event_id and revision by which it could be known again; give it both."
    try:
        content = canonical(found.value)
    except ValueError:
        return "It holds a number beyond all bounds; correct it or leave it out."
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Entry(event_id=event, revision=revision, digest=digest, value=value)


def standing(directory: Path) -> Standing:
    """Where the journal stands now, whoever holds it; nothing is changed."""
    try:
        with (directory / FILE).open("rb") as file:
            content = _read(file, directory / FILE)
    except OSError as error:
        raise Refusal(f"{directory} holds no journal that can be read ({error.strerror}); check --journal.") from None
    return _standing(content)


@contextmanager
def held(directory: Path, topic: str) -> Iterator["Journal"]:
    """The journal of this topic for this process alone; made when there is none. A second process is refused."""
    _make(directory)
    with (directory / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Refusal(
                f"The journal {directory} is in use by another process (pid {lock.read().strip() or 'unknown'}). "
                "Wait until that one is done, or use another directory for another topic."
            ) from None
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        with _opened(directory / FILE, topic) as file:
            yield Journal(directory / FILE, file, _recovered(directory / FILE, file, topic))


class Journal:
    """Adds and marks. Every write is synced before it counts; a disk that fails ends it with a `Refusal`."""

    def __init__(self, path: Path, file: FileIO, content: _Content) -> None:
        self._path, self._file, self._content = path, file, content

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        return _standing(self._content)

    def conflict(self, entry: Entry) -> bool:
        """Whether the same event and revision is kept with another content."""
        return self._content.known.get(entry.key, entry.digest) != entry.digest

    def add(self, entries: Sequence[Entry]) -> int:
        """Keep those that are not kept yet; returns how many, when the disk has them."""
        new = list({one.key: one for one in entries if one.key not in self._content.known}.values())
        for first in range(0, len(new), BLOCK):
            self._seal(new[first : first + BLOCK])
        return len(new)

    def acknowledge(self, more: int) -> None:
        """The next so many that waited are on every replica."""
        self._append(_line({"acknowledged": self._content.acknowledged + more}))
        self._content.acknowledged += more

    def waiting(self) -> Iterator[bytes]:
        """Those that Kafka has not acknowledged, in their order."""
        with self._path.open("rb") as file:
            for start in self._content.starts[self._content.acknowledged :]:
                file.seek(start)
                yield _report(file.readline())

    def _seal(self, block: Sequence[Entry]) -> None:
        lines = [entry.line() for entry in block]
        sealed = len(self._content.starts) + len(block)
        start = self._content.end
        self._append(b"".join(lines) + _line({"sealed": sealed, "sha256": _hash(lines)}))
        for entry, line in zip(block, lines, strict=True):
            self._content.known[entry.key] = entry.digest
            self._content.starts.append(start)
            start += len(line)

    def _append(self, data: bytes) -> None:
        try:
            _write(self._file, data)
        except OSError as error:
            raise Refusal(
                f"The journal {self._path} cannot be written ({error.strerror}), and what is not kept is not sent. "
                "Mend the disk and run this again: what Kafka has is known or recognised as a duplicate."
            ) from error
        self._content.end += len(data)


def _write(file: FileIO, data: bytes) -> None:
    """All of it, on the disk; the file has no buffer that could write later what was given up."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _make(directory: Path) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path in missing:
            _sync_directory(path.parent)
    except OSError as error:
        raise Refusal(f"The journal {directory} cannot be made ({error.strerror}); choose another place.") from error


@contextmanager
def _opened(path: Path, topic: str) -> Iterator[FileIO]:
    """The file for appending, with its first line. It appears under its name only when that line is on the disk."""
    if not path.exists():
        new = path.with_suffix(".new")
        with new.open("wb", buffering=0) as file:
            _write(file, _line({"journal": VERSION, "topic": topic}))
        new.rename(path)
        _sync_directory(path.parent)
    with path.open("ab", buffering=0) as file:
        yield file


def _recovered(path: Path, file: FileIO, topic: str) -> _Content:
    """What the file holds, after what a crash left unsealed at its end is cut off."""
    with path.open("rb") as reading:
        content = _read(reading, path)
    if content.topic != topic:
        raise Refusal(f"The journal {path.parent} is for {content.topic}, not for {topic}: use a directory for each.")
    if file.seek(0, os.SEEK_END) > content.end:
        file.truncate(content.end)
        os.fsync(file.fileno())
    return content


def _read(file: BinaryIO, path: Path) -> _Content:
    """Line by line. What is wrong and has a seal or a mark behind it was not left by a crash: that is damage."""
    content, position, wrong = _Content(), 0, -1
    for line in file:
        position += len(line)
        found = _parsed(line)
        control = "sealed" in found or "acknowledged" in found or "journal" in found
        if not control:
            content.block.append((position - len(line), line))
        elif content.block and not _closes(content, found):
            wrong = content.block[0][0]
        else:
            _take(content, found, path)
            content.end = position
        if wrong >= 0:
            _damaged(path, wrong)
    if not content.topic:
        _damaged(path, 0)
    return content


def _closes(content: _Content, seal: dict[str, Json]) -> bool:
    """Whether the line seals exactly the reports above it."""
    lines = [line for _, line in content.block]
    return seal.get("sealed") == len(content.starts) + len(lines) and seal.get("sha256") == _hash(lines)


def _take(content: _Content, control: dict[str, Json], path: Path) -> None:
    for start, line in content.block:
        entry = _parsed(line)
        content.known[UUID(str(entry["event_id"])), int(str(entry["revision"]))] = str(entry["digest"])
        content.starts.append(start)
    content.block.clear()
    marked = control.get("acknowledged", content.acknowledged)
    if not isinstance(marked, int) or not content.acknowledged <= marked <= len(content.starts):
        _damaged(path, content.end)
    content.acknowledged = marked
    if "journal" in control:
        if control["journal"] != VERSION:
            raise Refusal(f"{path} is of version {control['journal']}, this program reads {VERSION}: use a newer one.")
        content.topic = str(control.get("topic"))


def _damaged(path: Path, position: int) -> NoReturn:
    raise Refusal(
        f"The journal {path} is damaged from byte {position} on, and nothing was sent. Set it aside and send the "
        "reports again with a new journal: those that Kafka has are recognised as duplicates."
    )


def _standing(content: _Content) -> Standing:
    return Standing(topic=content.topic, kept=len(content.starts), acknowledged=content.acknowledged)


def _sync_directory(path: Path) -> None:
    """A new name is on the disk only when its directory is."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(content: dict[str, Json]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _parsed(line: bytes) -> dict[str, Json]:
    """The object on a line; nothing when it is not whole."""
    try:
        found = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _report(line: bytes) -> bytes:
    return str(_parsed(line)["report"]).encode("utf-8", "surrogateescape")


def _hash(lines: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _uuid(value: Json) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
