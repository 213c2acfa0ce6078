"""What the demo publishes and where it keeps it, without engines."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from schemas.decoding import Decoded, decode_bytes
from schemas.detections import Detection
from schemas.topics import laboratory_of
from schemas.vocabularies import Tense
from tocsin.demo import scenario
from tocsin.demo.audience import audience
from tocsin.demo.ending import summary
from tocsin.demo.place import kept, open_for_demo, own_settings
from tocsin.demo.replay import Report, moved, replay, shift_to
from tocsin.demo.scenes import Figures, Reach
from tocsin.embedded.directory import DataDirectory, DataPurpose
from tocsin.errors import Refusal
from tocsin.reading import read

BEGAN = datetime(2027, 2, 28, 0, 5, tzinfo=UTC)
DAYS = shift_to(BEGAN.date())


def nobody(_: str) -> None:
    """Hears nothing."""


def detection(report: Report) -> Detection:
    """The report as the worker reads it."""
    decoded = decode_bytes(report.value, laboratory=laboratory_of(report.topic), received_at=BEGAN)
    assert isinstance(decoded, Decoded), decoded
    return decoded.detection


def event_id(report: Report) -> str:
    """As it was written."""
    return str(json.loads(report.value)["event_id"])


def test_the_last_event_ends_on_the_day_of_the_first_run_and_nothing_lies_in_the_future() -> None:
    told = [detection(report) for report in replay(began=BEGAN, days=DAYS).live]
    assert max(one.reported_at for one in told) == BEGAN
    assert max(one.event_date.last_day or date.min for one in told) >= BEGAN.date()
    assert all((one.event_date.first_day or date.min) <= one.reported_at.date() for one in told)


def test_reports_are_published_in_the_order_in_which_they_were_reported() -> None:
    reported = [detection(report).reported_at for report in replay(began=BEGAN, days=DAYS).live]
    assert reported == sorted(reported)


def test_the_same_first_run_makes_the_same_bytes_and_another_day_the_same_ids() -> None:
    first, again = replay(began=BEGAN, days=DAYS), replay(began=BEGAN, days=DAYS)
    assert first == again
    later = replay(began=BEGAN + timedelta(days=3), days=DAYS + 3)
    assert [event_id(report) for report in first.live] == [event_id(report) for report in later.live]


def test_history_is_the_police_list_told_as_archival() -> None:
    made = replay(began=BEGAN, days=DAYS)
    assert len(made.history) == 1002
    assert {(report.told, detection(report).country) for report in made.history} == {(Tense.ARCHIVAL, "SI")}
    assert made.reports == 1002 + len(scenario.load().live)


def test_moving_keeps_every_distance_between_the_days_that_are_counted() -> None:
    """Months and years would drift against days if their first day were moved."""
    document: scenario.Document = {
        **scenario.load().live[0],
        "reported_at": "2023-12-31T09:00:00Z",
        "event_date": {"value": "2023", "precision": "year"},
    }
    later = scenario.detection(moved(document, days=238, latest=BEGAN))
    assert later.reported_at.date() == date(2023, 12, 31) + timedelta(days=238)
    assert later.event_date.first_day == date(2024, 1, 1)


def test_every_reporter_is_registered_under_a_name_that_says_it_is_an_example() -> None:
    made = replay(began=BEGAN, days=DAYS)
    by_topic = {laboratory.topic: laboratory for laboratory in made.laboratories}
    for report in (*made.history, *made.live):
        reporter = detection(report).reporter
        assert reporter.role in by_topic[report.topic].roles
    assert all(laboratory.display_name.startswith("Example ") for laboratory in made.laboratories)


def test_six_bodies_by_mail_and_one_webhook_all_marked_as_examples() -> None:
    entries = audience(webhook="http://127.0.0.1:4711/tocsin")
    channels = [(each.channel.value, each.address) for entry in entries for each in entry.destinations]
    assert [channel for channel, _ in channels].count("email") == 6
    assert [address for channel, address in channels if channel == "webhook"] == ["http://127.0.0.1:4711/tocsin"]
    assert all(entry.example and entry.name.startswith("Example ") for entry in entries)
    assert all(address.endswith(".example.org") for channel, address in channels if channel == "email")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TOCSIN_KAFKA__BOOTSTRAP", "kafka.example:9092"),
        ("TOCSIN_DATABASE__URL", "postgresql://one:two@database.example:5432/tocsin"),
        ("TOCSIN_SMTP__HOST", "relay.example"),
    ],
)
def test_an_engine_that_is_not_its_own_is_refused_by_name(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Refusal, match=f"^{variable} is set"):
        own_settings(read())


def test_its_directory_is_its_own_unless_one_is_named(tmp_path: Path) -> None:
    assert own_settings(read()).data_dir == Path("var/demo")
    assert own_settings(read(data_dir=tmp_path)).data_dir == tmp_path


def test_a_directory_with_other_things_in_it_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(Refusal, match="not empty and not a demo's"):
        open_for_demo(DataDirectory(tmp_path), fresh=True, say=nobody)
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_fresh_never_empties_a_directory_of_another_purpose(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    with directory.held(DataPurpose.UP):
        (tmp_path / "state.json").write_text("{}")
    with pytest.raises(Refusal, match="was made for `up`"):
        open_for_demo(directory, fresh=True, say=nobody)
    assert (tmp_path / "state.json").exists()


def test_fresh_empties_a_demo_and_nothing_without_it(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "demo")
    open_for_demo(directory, fresh=False, say=nobody)
    first = kept(directory)
    outside = tmp_path / "outside"
    outside.mkdir()
    (directory.path / "mailbox").mkdir()
    (directory.path / "link").symlink_to(outside)
    open_for_demo(directory, fresh=False, say=nobody)
    assert kept(directory) == first
    open_for_demo(directory, fresh=True, say=nobody)
    assert {entry.name for entry in directory.path.iterdir()} == {"lock", "purpose"}
    assert outside.exists()


def test_fresh_is_refused_while_a_demo_runs_there(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "demo")
    open_for_demo(directory, fresh=False, say=nobody)
    (directory.path / "mailbox").mkdir()
    with directory.held(DataPurpose.DEMO), pytest.raises(Refusal, match="is in use"):
        open_for_demo(directory, fresh=True, say=nobody)
    assert (directory.path / "mailbox").exists()


def test_the_shift_is_fixed_at_the_first_run(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "demo")
    open_for_demo(directory, fresh=False, say=nobody)
    first = kept(directory)
    assert first.shift_days == shift_to(first.began.date())
    assert json.loads((directory.path / "demo.json").read_text())["shift_days"] == first.shift_days
    assert kept(directory) == first


def test_every_line_of_the_ending_fits_eighty_columns() -> None:
    figures = Figures(
        reports=1088,
        duplicates=1088,
        dead_letters=10,
        cases_by_level={"L0": 10, "L1": 17, "L2": 19, "L3": 16, "L4": 16},
        alert_events_by_kind={},
        deliveries={},
        report_to_accepted_s=Reach(p50=0.2666, p99=10.5615),
    )
    lines = list(summary(figures, began=BEGAN, first_mail=BEGAN + timedelta(seconds=61)))
    assert lines[-1] == "First alert in the mailbox 61 s after the start."
    assert max(map(len, lines)) <= 80
