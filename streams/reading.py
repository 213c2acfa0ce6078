"""Reads records: decodes each, checks its reporter, identifies its substances. In processes of their own, if wanted.

Reading is half of the work, and each record is read by itself: so the next batch is read while the last one is decided.
It also keeps the worker alive: a structure on which the chemistry library dies ends a reader, and its record becomes a
dead letter. Not so in a batch too small to be sent.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from alerts.pipeline import Setting, read
from alerts.readings import Reading
from schemas.decoding import decode
from schemas.records import Record
from schemas.rejections import Rejection
from schemas.topics import laboratory_of
from schemas.vocabularies import RejectionReason
from storage.laboratories import Laboratory, LaboratoryState
from streams import garbage

log: Final = structlog.get_logger("streams.reading")

Outcome = Reading | Rejection
Edition = tuple[str, str]
"""The versions of catalogue and routes."""

WORTH_SENDING: Final = 32
"""Fewer records are read at once where they are: sending them costs more time than it saves. But not after a reader
died, until the worker starts anew."""


class ReaderDied(Exception):
    """A process ended while it read these records: one of them may be why."""


@dataclass(frozen=True)
class Reader:
    """What reading depends on besides the record."""

    setting: Setting
    laboratories: Mapping[str, Laboratory]

    @property
    def edition(self) -> Edition:
        """What changes of it while a process lives."""
        return (self.setting.catalogue.version, self.setting.routes.version)

    def __call__(self, record: Record) -> Outcome:
        """The reading of one record, or why it is refused."""
        laboratory = self.laboratories.get(laboratory_of(record.topic) or "")
        if laboratory is None or laboratory.state is LaboratoryState.SUSPENDED:
            return _unknown(record, laboratory)
        decoded = decode(record, laboratory=laboratory.id)
        if isinstance(decoded, Rejection):
            return decoded
        role = decoded.detection.reporter.role
        if role not in laboratory.roles:
            return _other_role(laboratory, role)
        return read(
            decoded,
            laboratory=laboratory.canonical_id,
            at=record.timestamp,
            setting=self.setting,
            source=record.coordinates,
        )


@dataclass
class Readers:
    """Reader processes of one worker, begun with the first records that are worth it; `count` 0: none.

    Raises `ReaderDied` when one ends while it reads; the next call begins another.
    """

    count: int
    _processes: list["_Process"] = field(default_factory=list)
    _careful: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, records: Sequence[Record], reader: Reader) -> list[Outcome]:
        """What `reader` says of each record, in their order."""
        if not records:
            return []
        if self.count == 0 or (len(records) < WORTH_SENDING and not self._careful):
            return [reader(record) for record in records]
        with self._lock:
            return self._read(records, reader)

    def _read(self, records: Sequence[Record], reader: Reader) -> list[Outcome]:
        while len(self._processes) < self.count:
            self._processes.append(_Process())
        share = -(-len(records) // self.count)
        shares = [records[start : start + share] for start in range(0, len(records), share)]
        try:
            begun = [each.begin(part, reader) for each, part in zip(self._processes, shares, strict=False)]
            return [outcome for one in begun for outcome in one.result()]
        except BrokenProcessPool as error:
            self._careful = True
            self.close()
            log.error("reader_died", records=len(records))
            raise ReaderDied(f"a reader ended while it read {len(records)} records") from error

    def close(self) -> None:
        """End them all."""
        for each in self._processes:
            each.pool.shutdown(wait=False, cancel_futures=True)
        self._processes = []


class _Process:
    """One process, and the reader that it has."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self.pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
        self._edition: Edition | None = None

    def begin(self, records: Sequence[Record], reader: Reader) -> "Future[list[Outcome]]":
        """Read these; a reader that it does not have yet goes ahead of them."""
        if self._edition != reader.edition:
            self.pool.submit(_take, reader).result()
            self._edition = reader.edition
        return self.pool.submit(_read, records)


_reader: Reader | None = None


def _begin() -> None:
    """Signals are the worker's; when it is gone, however it went, so is this process."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        with suppress(Exception):
            parent.join()
    os._exit(0)


def _take(reader: Reader) -> None:
    global _reader
    _reader = reader
    garbage.look_less()


def _read(records: Sequence[Record]) -> list[Outcome]:
    assert _reader is not None
    return [_reader(record) for record in records]


def _unknown(record: Record, laboratory: Laboratory | None) -> Rejection:
    if laboratory is None:
        sentence = f"No laboratory is registered for the topic {record.topic}: ask the operators to register it."
    else:
        sentence = f"The laboratory {laboratory.id} is suspended: ask the operators what has to happen first."
    return Rejection.because(RejectionReason.UNKNOWN_REPORTER, sentence, "/reporter/lab")


def _other_role(laboratory: Laboratory, role: str) -> Rejection:
    allowed = ", ".join(sorted(laboratory.roles)) or "none"
    return Rejection.because(
        RejectionReason.REPORTER_MISMATCH,
        f"The laboratory {laboratory.id} is registered as {allowed}, not as {role}: send a role it has.",
        "/reporter/role",
    )
