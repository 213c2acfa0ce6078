"""Topics as data: whose they are, what they carry, what they promise."""

from datetime import timedelta

import pytest

from schemas.parsing import MAX_BYTES
from schemas.topics import (
    ALERT_EVENTS,
    BACKUPS_KEPT,
    DELIVERY_RECEIPTS,
    SHARED_TOPICS,
    Payload,
    backfill_topic,
    detections_topic,
    feedback_topic,
    laboratory_of,
    laboratory_topics,
)

ALL = (*SHARED_TOPICS, *laboratory_topics("si-example"))


@pytest.mark.parametrize("laboratory", ["si-example", "detections-x", "x"])
def test_a_topic_says_whose_reports_it_carries(laboratory: str) -> None:
    assert laboratory_of(detections_topic(laboratory)) == laboratory
    assert laboratory_of(backfill_topic(laboratory)) == laboratory


@pytest.mark.parametrize("topic", ["alert-events", "dead-letters", "detections-", "detections", feedback_topic("x")])
def test_other_topics_are_no_laboratorys(topic: str) -> None:
    assert laboratory_of(topic) is None


def test_every_payload_has_its_topic_and_names_are_unique() -> None:
    assert {spec.payload for spec in ALL} == set(Payload)
    assert len({spec.name for spec in ALL}) == len(ALL)


def test_every_topic_keeps_ninety_days_and_the_brokers_time() -> None:
    for spec in ALL:
        assert spec.retention >= timedelta(days=90)
        assert spec.settings()["retention.ms"] == str(spec.retention // timedelta(milliseconds=1))
        assert spec.settings()["message.timestamp.type"] == "LogAppendTime"


def test_what_was_told_stays_longer_than_any_backup_and_under_the_alert_that_it_belongs_to() -> None:
    kept = {spec.name: spec for spec in SHARED_TOPICS}
    for name in (ALERT_EVENTS, DELIVERY_RECEIPTS):
        assert kept[name].retention > BACKUPS_KEPT
    assert kept[DELIVERY_RECEIPTS].key == "alert id"


def test_an_oversized_report_fits_its_topic_and_its_dead_letter_fits_there() -> None:
    by_payload = {spec.payload: spec for spec in ALL}
    reports, letters = by_payload[Payload.DETECTION], by_payload[Payload.DEAD_LETTER]
    assert reports.max_message_bytes > MAX_BYTES
    assert letters.max_message_bytes > reports.max_message_bytes * 4 / 3
    assert reports.partitions == 1
