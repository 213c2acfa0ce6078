"""Lets no header stop a partition: Kafka takes any bytes as a header's name, aiokafka fails on what is not UTF-8.

Without this a single such record is read again for ever and nothing after it. Batches are read by aiokafka as before;
only what fails is read by the reader below, in which odd bytes become lone surrogates (`surrogateescape`).
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import structlog
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint

log: Final = structlog.get_logger("streams.headers")

MAGIC_AT: Final = 16
WITH_HEADERS: Final = 2


class _Bytes:
    """Goes through the bytes of one record."""

    def __init__(self, buffer: bytearray, at: int) -> None:
        self._buffer, self.at = buffer, at

    def number(self) -> int:
        found, self.at = decode_varint(self._buffer, self.at)
        return int(found)

    def bytes(self) -> bytes | None:
        length = self.number()
        if length < 0:
            return None
        self.at += length
        return bytes(self._buffer[self.at - length : self.at])

    def name(self) -> str:
        return (self.bytes() or b"").decode("utf-8", "surrogateescape")


class LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # final for others; its layout is Kafka's
    """A batch of format 2 whose header names may be any bytes."""

    _pos: int

    def _read_msg(self, *_: object) -> _DefaultRecordPy:
        reader = _Bytes(self._buffer, self._pos)
        end = reader.number() + reader.at
        reader.number()
        passed, delta = reader.number(), reader.number()
        key, value = reader.bytes(), reader.bytes()
        headers = [(reader.name(), reader.bytes()) for _ in range(reader.number())]
        if reader.at != end:
            raise CorruptRecordException(f"A record ends at byte {reader.at} and should end at {end}.")
        self._pos = end
        appended = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if appended else self.first_timestamp + passed
        return _DefaultRecordPy(self.base_offset + delta, timestamp, self.timestamp_type, key, value, headers)


class _Batch:
    """A batch as aiokafka reads it, and from the record on which that fails, as we do."""

    def __init__(self, batch: DefaultRecordBatch, raw: memoryview) -> None:
        self._batch, self._raw = batch, raw

    def __getattr__(self, name: str) -> object:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[object]:
        read = 0
        try:
            for record in self._batch:
                read += 1
                yield record
        except (UnicodeDecodeError, CorruptRecordException) as error:
            log.warning("odd_header", after=read, error=type(error).__name__)
            yield from islice(LenientBatch(self._raw), read, None)


class LenientRecords(_MemoryRecordsPy):  # type: ignore[misc]  # final for others
    """What a broker answered, batch by batch."""

    def next_batch(self) -> _Batch | DefaultRecordBatch | LegacyRecordBatch | None:
        raw = self._next_slice
        batch = super().next_batch()
        if raw is None or raw[MAGIC_AT] < WITH_HEADERS or batch.is_control_batch:
            return batch
        return _Batch(batch, raw)


def accept_any_header() -> None:
    """For every consumer of this process, Faust's too."""
    fetcher.MemoryRecords = LenientRecords
