"""A Kafka with logins (`tocsin up --secure`): a laboratory writes its topics, reads its feedback, and nothing else."""

import asyncio
import json
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from schemas.topics import SHARED_TOPICS, backfill_topic, detections_topic, feedback_topic, laboratory_topics
from streams.access import admit, rights_of
from streams.admin import administration
from streams.clients import connection_options
from streams.config import Kafka, Login
from streams.publishing import NotPublished, Refused, publisher
from streams.topics import apply
from tests.programs import Program, open_directory, run, tocsin
from tests.streaming.site import report
from tocsin.embedded.directory import ADMIN, DataDirectory

pytestmark = pytest.mark.long

OWN, OTHER = "test-own", "test-other"


@dataclass(frozen=True)
class Secured:
    """A directory where `tocsin up --secure` runs with two laboratories; `added` is what was said about the first."""

    directory: Path
    added: str
    other: str = ""

    @property
    def administrator(self) -> Kafka:
        """The cluster as we reach it."""
        found = DataDirectory(self.directory).running()
        assert found is not None and found.kafka is not None and found.kafka_password is not None
        return Kafka(bootstrap=found.kafka, login=Login(username=ADMIN, password=found.kafka_password))

    @property
    def settings(self) -> dict[str, str]:
        """What the first laboratory was given."""
        lines = (self.directory / "logins" / f"{OWN}.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def laboratory(self) -> Kafka:
        """The cluster as the first laboratory reaches it."""
        given = self.settings
        login = Login(username=given["TOCSIN_KAFKA__USER"], password=given["TOCSIN_KAFKA__PASSWORD"])
        return Kafka(bootstrap=given["TOCSIN_KAFKA__BOOTSTRAP"], login=login)


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    """The engines alone, for all tests here."""
    with open_directory() as directory:
        command = [sys.executable, "-m", "tocsin.embedded", str(directory), "--secure"]
        with Program(command, log=directory / "engines.log") as program:
            program.wait_for("ready: ", within=120)
            for words in (("database", "migrate"), ("topics", "apply")):
                assert run(*words, "--data-dir", str(directory)).returncode == 0
            yield Secured(directory, _add(directory, OWN), _add(directory, OTHER))


def _add(directory: Path, name: str) -> str:
    said = ("--id", name, "--name", "Example laboratory", "--country", "SI", "--role", "forensic_lab")
    done = run("lab", "add", *said, "--data-dir", str(directory))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_laboratory_gets_a_login_that_is_shown_once_and_kept_for_its_owner_alone(secured: Secured) -> None:
    file = secured.directory / "logins" / f"{OWN}.env"
    password = secured.settings["TOCSIN_KAFKA__PASSWORD"]
    assert password in secured.added
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    again = _add(secured.directory, OWN)
    assert password not in again
    assert str(file) in again
    assert secured.settings["TOCSIN_KAFKA__PASSWORD"] == password
    assert stat.S_IMODE((secured.directory / "kafka" / "server.properties").stat().st_mode) == 0o600


def test_it_publishes_with_these_settings_alone_and_is_told_when_the_topic_is_not_its_own(
    secured: Secured, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(report(OWN, 1))
    own = {**secured.settings, "TOCSIN_DATA_DIR": str(tmp_path)}
    done = run("publish", "--lab", OWN, "--journal", str(tmp_path / "journal"), str(file), environment=own)
    assert done.returncode == 0, done.stderr
    refused = run("publish", "--lab", OTHER, "--journal", str(tmp_path / "another"), str(file), environment=own)
    assert refused.returncode == 1
    assert "TopicAuthorizationFailedError" in refused.stderr


async def _write(kafka: Kafka, topic: str) -> None:
    async with publisher(kafka) as out:
        async for _ in out.publish(topic, [b"{}"]):
            pass


@pytest.mark.parametrize("topic", [detections_topic(OWN), backfill_topic(OWN)])
def test_it_writes_its_own_topics(secured: Secured, topic: str) -> None:
    asyncio.run(_write(secured.laboratory, topic))


OTHERS = sorted(
    {spec.name for spec in (*SHARED_TOPICS, *laboratory_topics(OTHER))} | {feedback_topic(OWN), "detections-unknown"}
)


@pytest.mark.parametrize("topic", OTHERS)
def test_it_writes_no_other_topic(secured: Secured, topic: str) -> None:
    with pytest.raises(Refused) as refused:
        asyncio.run(_write(secured.laboratory, topic))
    assert isinstance(refused.value.__cause__, TopicAuthorizationFailedError)


async def _subscribe(kafka: Kafka, topic: str, group: str | None) -> None:
    consumer = AIOKafkaConsumer(**connection_options(kafka), group_id=group)
    await consumer.start()
    try:
        consumer.subscribe([topic])
        await asyncio.wait_for(consumer.getone(), 20)
    finally:
        await consumer.stop()


async def _fetch(kafka: Kafka, topic: str) -> int:
    """How much was read of a topic that has something."""
    consumer = AIOKafkaConsumer(**connection_options(kafka), auto_offset_reset="earliest")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        if (await consumer.end_offsets([partition]))[partition] == 0:
            return 0
        return len([await asyncio.wait_for(consumer.getone(partition), 20)])
    finally:
        await consumer.stop()


async def _described(kafka: Kafka, topic: str) -> int:
    """Kafka's error code of a topic that is asked for; 0 is none."""
    async with administration(kafka) as client:
        (found,) = await client.describe_topics([topic])
    return int(found["error_code"])


@pytest.mark.parametrize("topic", [detections_topic(OTHER), feedback_topic(OTHER), "alert-events", "dead-letters"])
def test_it_does_not_even_see_topics_of_others(secured: Secured, topic: str) -> None:
    assert asyncio.run(_described(secured.administrator, topic)) == 0
    assert asyncio.run(_described(secured.laboratory, topic)) == TopicAuthorizationFailedError.errno


def test_it_does_not_read_its_reports_back(secured: Secured) -> None:
    asyncio.run(_write(secured.laboratory, detections_topic(OWN)))
    assert asyncio.run(_fetch(secured.administrator, detections_topic(OWN))) == 1
    with pytest.raises(TopicAuthorizationFailedError):
        asyncio.run(_fetch(secured.laboratory, detections_topic(OWN)))


def test_it_reads_its_feedback_and_joins_no_group_but_its_own(secured: Secured) -> None:
    topic = feedback_topic(OWN)
    assert asyncio.run(_fetch(secured.laboratory, topic)) >= 0
    with pytest.raises(GroupAuthorizationFailedError):
        asyncio.run(_subscribe(secured.laboratory, topic, "tocsin-live"))


def test_it_creates_no_topic_and_gives_nobody_rights(secured: Secured) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        asyncio.run(apply(secured.laboratory, laboratory_topics("test-new")))
    intruder = Login(username="intruder", password="example")
    with pytest.raises(ClusterAuthorizationFailedError):
        asyncio.run(admit(secured.laboratory, intruder, rights_of(OTHER)))


@pytest.mark.parametrize("login", [None, Login(username=f"lab-{OWN}", password="wrong")])
def test_without_the_right_password_nothing_is_written(secured: Secured, login: Login | None) -> None:
    with pytest.raises((NotPublished, KafkaError)):
        asyncio.run(_write(Kafka(bootstrap=secured.laboratory.bootstrap, login=login), detections_topic(OWN)))


def test_a_directory_made_without_logins_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    done = run("up", "--secure", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert "was made without logins, and that is for good" in done.stderr


def test_the_whole_works_with_logins_a_laboratory_conforms_and_they_outlast_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(report(OWN, 1))
    with open_directory() as directory:
        for words in (("--secure",), ()):
            command = tocsin("up", *words, "--data-dir", str(directory))
            with Program(command, log=directory / f"up{len(words)}.log") as program:
                program.wait_for("up       | ready: ", within=120)
                secured = Secured(directory, _add(directory, OWN))
                own = {**secured.settings, "TOCSIN_DATA_DIR": str(tmp_path)}
                done = run("conformance", "--lab", OWN, "--json", str(file), environment=own)
                assert done.returncode == 0, done.stdout + done.stderr + program.said()
                checks = {one["check"]: one["verdict"] for one in json.loads(done.stdout)["checks"]}
                assert checks["topics of others"] == checks[f"feedback {file}:1"] == "passed"
                cases = run("case", "list", "--json", "--data-dir", str(directory)).stdout
                assert "TEST-TOC-A-" in cases
                with pytest.raises(Refused):
                    asyncio.run(_write(secured.laboratory, "alert-events"))
