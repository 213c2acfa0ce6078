"""What readers in several languages are told of the documented European events, by `tocsin render`."""

import re
from pathlib import Path
from typing import Final

import pytest
from babel import Locale
from typer.testing import CliRunner

from alerts.catalogue import load
from alerts.grading import european_grading
from alerts.pipeline import Setting
from notifiers.cap import read
from schemas.alert_events import AlertEvent
from schemas.vocabularies import Level
from tocsin.commands.render import app
from tocsin.demo.scenario import numbered_reports
from tocsin.simulation import Simulation

LANGUAGES: Final = ("sl", "de", "fr", "el", "fi", "mt")
LEFT_OPEN: Final = re.compile(r"\{\w*\}|\{\{|\}\}|%\(|\bNone\b|<[a-z]+>|\b[a-z]+_[a-z]+_[a-z]+\b")
"""A place that nothing was put into, a value of a program, a code instead of its words."""


@pytest.fixture(scope="module")
def events() -> tuple[AlertEvent, ...]:
    """Every revision of every alert that the scenario comes to."""
    simulation = Simulation(setting=Setting(catalogue=load(), grading=european_grading()))
    simulation.run(numbered_reports())
    return tuple(simulation.effects.events)


@pytest.fixture(scope="module")
def threads(events: tuple[AlertEvent, ...]) -> tuple[AlertEvent, ...]:
    """The gravest revision of each alert."""
    gravest: dict[str, AlertEvent] = {}
    for event in events:
        known = gravest.get(event.alert_id)
        gravest[event.alert_id] = event if known is None or event.level >= known.level else known
    return tuple(gravest.values())


def rendered(event: AlertEvent, file: Path, *options: str) -> str:
    file.write_text(event.model_dump_json())
    done = CliRunner().invoke(app, [str(file), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def ours(text: str, event: AlertEvent) -> set[str]:
    """Lines of several words that start at the margin, less what names the substance, unless its name is ours; the
    words of laboratories are indented under their heading."""
    lines = {line for line in text.splitlines() if len(line.split()) > 3 and not line.startswith(" ")}
    if nameless(event):
        return lines
    return {line for line in lines if event.substance.name.casefold() not in line.casefold()}


def nameless(event: AlertEvent) -> bool:
    """Whether nobody identified or analysed it."""
    return event.substance.key.startswith("U:")


def test_the_scenario_comes_to_alerts_of_every_level(events: tuple[AlertEvent, ...]) -> None:
    assert {event.level for event in events} >= {Level.L1, Level.L2, Level.L3, Level.L4}
    assert len({event.kind for event in events}) >= 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_revision_is_whole_in_every_language_and_nothing_of_ours_stays_english(
    events: tuple[AlertEvent, ...], tmp_path: Path, language: str
) -> None:
    for event in events:
        english = rendered(event, tmp_path / "event.json")
        said = rendered(event, tmp_path / "event.json", "--lang", language)
        assert event.number in said and (event.substance.name in said) is not nameless(event)
        assert said.startswith("Subject: [") and f"[TLP:{event.handling}]" in said.splitlines()[0]
        assert not LEFT_OPEN.search(said), LEFT_OPEN.search(said)
        assert ours(english, event) & ours(said, event) == set()
        assert f"{event.decided_at:%Y}" in said and "UTC" in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_alert_names_its_countries_and_is_good_as_page_short_message_and_cap(
    threads: tuple[AlertEvent, ...], tmp_path: Path, language: str
) -> None:
    file = tmp_path / "event.json"
    for event in threads:
        page = rendered(event, file, "--lang", language, "--format", "html")
        assert f'lang="{language}"' in page and event.number in page
        short = rendered(event, file, "--lang", language, "--format", "short").strip()
        assert len(short) <= 140 and f"[TLP:{event.handling}]" in short
        cap = read(rendered(event, file, "--lang", f"{language},en", "--format", "cap").encode())
        assert cap.incidents == (event.number,)
        assert [info.language for info in cap.infos] == [language, "en-IE"]
        if event.kind in ("raised", "updated", "escalated"):
            text = " ".join(rendered(event, file, "--lang", language).split())
            names = Locale.parse(language).territories
            assert all(names[country] in text for country in event.affected), event.affected
