"""The embedded mailbox over its real ports: takes a mail by SMTP, shows it by HTTP, forgets nothing."""

import json
import smtplib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import pytest

from tests.programs import Program, until
from tests.unit.mails import HOSTILE, letter
from tocsin.embedded.ports import choose, listens
from tocsin.embedded.processes import python


@dataclass(frozen=True)
class Box:
    """One running mailbox."""

    smtp: int
    page: int

    def send(self, content: bytes, *recipients: str) -> None:
        """Hand in one mail."""
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=10) as relay:
            relay.sendmail("alerts@tocsin.example", recipients or ["duty@authority.example"], content)

    def get(self, path: str, host: str | None = None) -> tuple[str, Message]:
        """Body and headers of a page."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.page}{path}")
        if host:
            request.add_header("Host", host)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode(), answer.headers

    def newest(self) -> str:
        """The id of the newest mail."""
        name = json.loads(self.get("/mails.json")[0])[0]["id"]
        assert isinstance(name, str)
        return name


@contextmanager
def mailbox(folder: Path) -> Iterator[Box]:
    """A mailbox on free ports that keeps its mails in this folder."""
    box = Box(*choose([0, 0]))
    command = python(folder, "tocsin.embedded.mailbox", str(folder / "mails"), str(box.smtp), str(box.page))
    with Program(command, log=folder / "log") as program:
        until(lambda: listens(program.process.pid, box.page) or program.process.poll() is not None, within=30)
        assert program.process.poll() is None, program.said()
        yield box


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with mailbox(tmp_path_factory.mktemp("mailbox")) as running:
        yield running


def test_a_mail_is_listed_and_shown_with_both_its_parts(box: Box) -> None:
    box.send(letter("Alert 2026-0001", text="the text\n", html="<b>the html</b>"), "a@one.example", "b@two.example")
    name = box.newest()
    listed = json.loads(box.get("/mails.json")[0])[0]
    assert (listed["subject"], listed["recipients"]) == ("Alert 2026-0001", ["a@one.example", "b@two.example"])
    assert f'<a href="/mail/{name}">Alert 2026-0001</a>' in box.get("/")[0]
    assert "the text" in box.get(f"/mail/{name}")[0]
    assert "<b>the html</b>" in box.get(f"/mail/{name}/html")[0]
    assert "Message-ID: <1@tocsin.example>" in box.get(f"/mail/{name}/raw")[0]


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_every_answer_about_a_hostile_mail_forbids_scripts_and_requests(box: Box, content: bytes) -> None:
    box.send(content)
    name = box.newest()
    for path in ("/", "/mails.json", f"/mail/{name}", f"/mail/{name}/raw"):
        _, headers = box.get(path)
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline';")
        assert "script-src" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert box.get(f"/mail/{name}/raw")[1].get_content_type() == "text/plain"


def test_the_html_of_a_mail_is_in_a_sandbox_even_when_opened_by_itself(box: Box) -> None:
    box.send(HOSTILE["script in html"])
    body, headers = box.get(f"/mail/{box.newest()}/html")
    assert "<script>" in body, "shown as it came, so it is the policy that must hold"
    directives = [part.strip() for part in headers["Content-Security-Policy"].split(";")]
    assert "sandbox" in directives
    assert {"default-src 'none'", "form-action 'none'", "base-uri 'none'"} <= set(directives)


def test_only_requests_that_name_this_machine_are_answered(box: Box) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        box.get("/mails.json", host=f"evil.example:{box.page}")
    assert refused.value.code == 421


def test_a_mail_that_is_not_there_is_said_to_be_so(box: Box) -> None:
    for path in ("/mail/1", "/mail/..%2f..%2fstate", "/mail/1/html", "/nothing"):
        with pytest.raises(urllib.error.HTTPError) as missing:
            box.get(path)
        assert missing.value.code == 404


def test_mails_survive_a_restart(tmp_path: Path) -> None:
    with mailbox(tmp_path) as first:
        first.send(letter("kept"))
    with mailbox(tmp_path) as second:
        assert "kept" in second.get("/")[0]
