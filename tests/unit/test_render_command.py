"""`tocsin render`: what a recipient would see, and a sentence where there is nothing to see."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from notifiers.cap import read
from notifiers.purposes import Content, purpose_of
from notifiers.rendering import mail_body, render_webhook
from tests.speaking import RED, URGENT
from tocsin.commands.render import app


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "event.json"
    path.write_text(URGENT.model_dump_json())
    return path


def render(*arguments: str) -> str:
    """What the command prints, run in this process."""
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_each_format_is_what_would_be_sent(file: Path) -> None:
    body = mail_body(URGENT, purpose=purpose_of(URGENT.kind), content=Content.FULL)
    assert render(str(file)) == f"Subject: {body.subject}\n\n{body.text}"
    assert render(str(file), "--format", "html") == body.html.rstrip("\n") + "\n"
    webhook = render(str(file), "--format", "webhook")
    assert json.loads(webhook) == json.loads(render_webhook(URGENT, content=Content.FULL))
    assert read(render(str(file), "--format", "cap").encode()).incidents == (URGENT.number,)


def test_the_short_form_fits_a_text_message(file: Path) -> None:
    said = render(str(file), "--format", "short").strip()
    assert len(said) <= 140
    assert said.startswith("[L4 URGENT] [TLP:AMBER]")


def test_a_reader_of_less_sees_less(file: Path) -> None:
    file.write_text(RED.model_dump_json())
    assert RED.substance.name not in render(str(file), "--content", "bare")


def test_what_cannot_be_rendered_is_said_in_a_sentence(file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    for arguments, said in (
        ((str(file), "--lang", "xx"), "is none of"),
        ((str(file), "--revision", "9"), "has no revision 9"),
        ((str(broken),), "does not hold one alert event"),
    ):
        command = [sys.executable, "-m", "tocsin", "render", *arguments]
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert found.returncode in (1, 2)
        assert said in " ".join(found.stderr.split())
        assert "Traceback" not in found.stderr
