"""The commands of telling, as a person or a machine runs them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.vocabularies import Handling
from tests.broker.telling import Site, authority, hook_to, mail_to, site, volunteer
from tests.programs import run
from tests.receivers import SECRET, Mailbox
from tests.telling import alert_event
from tocsin.commands import deliveries, subscriber
from tocsin.errors import Refusal

FILE = f"""
subscribers:
  - id: body
    name: Example body
    country: SI
    kind: authority
    example: true
    destinations:
      - {{name: desk, channel: email, address: desk@body.example.org}}
      - {{name: system, channel: webhook, address: "https://body.example.org/hook", secret: {SECRET}}}
    subscriptions: [{{name: duty, ground: statutory}}]
"""


@pytest.fixture
def here(database: str) -> Site:
    return site(database, Mailbox())


def said(here: Site, *arguments: str) -> str:
    """What a command prints, run in this process: the environment is all it is given."""
    app = {"subscriber": subscriber.app, "deliveries": deliveries.app}[arguments[0]]
    done = CliRunner().invoke(app, arguments[1:], env={"TOCSIN_DATABASE__URL": here.url})
    waits = "body/system gets no alert yet: tocsin destination confirm body/system --by WHO\n"
    assert (done.exit_code, done.stderr) == (0, waits if arguments[:2] == ("subscriber", "add") else "")
    return done.stdout


def test_subscribers_are_added_once_and_listed_without_their_secrets(here: Site, tmp_path: Path) -> None:
    file = tmp_path / "subscribers.yaml"
    file.write_text(FILE)
    first = json.loads(said(here, "subscriber", "add", str(file), "--json"))
    assert first == {"subscribers": 1, "destinations": 2, "subscriptions": 1, "links": 2, "ended": 0}
    assert "were so already" in said(here, "subscriber", "add", str(file))
    listed = said(here, "subscriber", "list", "--json")
    assert [each["address"] for each in json.loads(listed)] == [
        "desk@body.example.org",
        "https://body.example.org/hook",
    ]
    assert {each["clearance"] for each in json.loads(listed)} == {"AMBER+STRICT"}
    assert SECRET not in listed + said(here, "subscriber", "list")


def test_a_wrong_file_ends_with_a_sentence_and_changes_nothing(here: Site, tmp_path: Path) -> None:
    file = tmp_path / "subscribers.yaml"
    file.write_text(FILE.replace("country: SI", "country: Slovenia"))
    done = run("subscriber", "add", str(file), environment={"TOCSIN_DATABASE__URL": here.url})
    assert (done.returncode, done.stdout) == (1, "")
    assert "/subscribers/0/country" in done.stderr
    assert "Traceback" not in done.stderr
    assert here.sql_one("SELECT count(*) FROM subscribers") == 0


def test_deliveries_are_listed_by_filter_and_shown_with_their_reasons(here: Site) -> None:
    here.import_(authority("si", mail_to("si"), hook_to("https://x.example.org/")), volunteer("open", mail_to("open")))
    here.planned(alert_event(handling=Handling.AMBER))
    rows = json.loads(said(here, "deliveries", "list", "--json"))
    assert {row["state"] for row in rows} == {"planned", "suppressed"}
    assert len(json.loads(said(here, "deliveries", "list", "--state", "suppressed", "--json"))) == 1
    assert len(json.loads(said(here, "deliveries", "list", "--destination", "si", "--json"))) == 2
    assert len(json.loads(said(here, "deliveries", "list", "--alert", rows[0]["alert"], "--json"))) == 3
    assert json.loads(said(here, "deliveries", "list", "--alert", "TOC-A-1999-0001", "--json")) == []
    (stopped,) = [row for row in rows if row["state"] == "suppressed"]
    story = said(here, "deliveries", "show", stopped["delivery_id"][:12])
    assert "The handling is above the clearance of the destination." in story
    whole = json.loads(said(here, "deliveries", "show", stopped["delivery_id"], "--json"))
    assert [note["gate"] for note in whole["gates"]] == ["destination", "tense", "handling"]
    assert said(here, "deliveries", "held") == ""


def test_an_unknown_delivery_is_a_sentence(here: Site) -> None:
    done = CliRunner().invoke(deliveries.app, ["show", "f" * 32], env={"TOCSIN_DATABASE__URL": here.url})
    assert isinstance(done.exception, Refusal)
    assert "is no delivery" in str(done.exception)
