"""The message about a dead letter, for the topic `dead-letters`."""

import hashlib
from uuid import UUID

from schemas.dead_letter_messages import DeadLetterMessage
from schemas.rejections import Problem, Rejection
from schemas.topics import DEAD_LETTERS
from storage.dead_letters import DeadLetter, clean
from storage.outbox import Outgoing


def announcement(letter: DeadLetter) -> Outgoing:
    """The same dead letter always makes the same message with the same `event_id`."""
    record, rejection = letter.record, letter.rejection
    problems = tuple(Problem(pointer=clean(one.pointer), sentence=clean(one.sentence)) for one in rejection.problems)
    message = DeadLetterMessage.about(record, Rejection(reason=rejection.reason, problems=problems))
    return Outgoing(
        event_id=event_id(letter),
        topic=DEAD_LETTERS,
        key=f"{record.topic}/{record.partition}/{record.offset}",
        body=message.model_dump_json(),
    )


def event_id(letter: DeadLetter) -> UUID:
    """A hash of where the record lay, when and what it was: a topic made anew does not repeat old ids."""
    record = letter.record
    place = f"{letter.flow}\n{record.topic}\n{record.partition}\n{record.offset}\n{record.timestamp.isoformat()}\n"
    digest = hashlib.sha256(place.encode() + (record.value or b"")).digest()
    return UUID(bytes=digest[:16], version=5)
