"""Who may report: suspended and resumed by a person, with the reason kept, and noticed by what decides."""

import pytest
from sqlalchemy import Connection

from storage import laboratories
from storage.engine import connect
from storage.laboratories import LaboratoryState, StateChange
from tests.programs import run
from tests.streaming.site import laboratory

SUSPENDED = StateChange(
    laboratory="a", state=LaboratoryState.SUSPENDED, by="Example officer", reason="sends test data as actual"
)
RESUMED = StateChange(laboratory="a", state=LaboratoryState.ACTIVE, by="Another officer", reason="has mended it")


def _state(connection: Connection) -> LaboratoryState:
    (found,) = laboratories.registered(connection)
    return found.state


def test_each_decision_counts_once_raises_the_version_and_keeps_who_and_why(database: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        laboratories.put(connection, laboratory("a"))
        versions = [laboratories.registry_version(connection)]
        for change, counts in ((SUSPENDED, True), (SUSPENDED, False), (RESUMED, True), (RESUMED, False)):
            assert laboratories.turn(connection, change) is counts
            assert _state(connection) is change.state
            versions.append(laboratories.registry_version(connection))
        kept = laboratories.history(connection, "a")
    engine.dispose()
    assert [version - versions[0] for version in versions] == [0, 1, 1, 2, 2]
    assert [(one.state, one.by, one.reason) for one in kept] == [
        (one.state, one.by, one.reason) for one in (SUSPENDED, RESUMED)
    ]
    assert all(one.at is not None and one.at.tzinfo is not None for one in kept)


def test_registering_a_suspended_laboratory_again_does_not_resume_it(database: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        laboratories.put(connection, laboratory("a"))
        laboratories.turn(connection, SUSPENDED)
        assert not laboratories.put(connection, laboratory("a"))
        assert _state(connection) is LaboratoryState.SUSPENDED
    engine.dispose()


def test_nobody_is_suspended_who_is_not_registered(database: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        before = laboratories.registry_version(connection)
        assert not laboratories.turn(connection, SUSPENDED)
        assert laboratories.history(connection, "a") == ()
        assert laboratories.registry_version(connection) == before
    engine.dispose()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("suspend", "a", "--by", "Example officer", "--reason", "why"), 0, "a is suspended\n"),
        (
            ("resume", "a", "--by", "Example officer", "--reason", "why"),
            0,
            "a is active already; nothing was",
        ),
        (("suspend", "a", "--by", " ", "--reason", "why"), 1, "--by and --reason must say who decides and why"),
        (("suspend", "b", "--by", "Example officer", "--reason", "why"), 1, "'b' is not registered"),
        (("suspend", "a", "--by", "Example officer"), 2, "Missing option '--reason'"),
    ],
)
def test_the_command_says_what_became_of_it(database: str, words: tuple[str, ...], code: int, said: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        laboratories.put(connection, laboratory("a"))
    engine.dispose()
    done = run("lab", *words, environment={"TOCSIN_DATABASE__URL": database})
    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_the_command_shows_who_decided_and_why(database: str) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        laboratories.put(connection, laboratory("a"))
        laboratories.turn(connection, SUSPENDED)
    engine.dispose()
    done = run("lab", "show", "a", environment={"TOCSIN_DATABASE__URL": database})
    assert done.stdout.splitlines()[0].split()[:4] == ["a", "SI", "forensic_lab", "suspended"]
    assert "suspended  by Example officer: sends test data as actual" in done.stdout
