"""The mailbox keeps any mail whole, and shows even a hostile one without running anything of it."""

import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mails import HOSTILE, letter
from tocsin.embedded.mailpage import listing, single
from tocsin.embedded.mailstore import Mail, MailStore

_MULTIPART: Final = (
    b'Content-Type: multipart/alternative; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html; charset=nonsense\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n"
)


@pytest.fixture
def store(tmp_path: Path) -> MailStore:
    return MailStore(tmp_path / "mailbox")


def test_a_mail_is_kept_byte_for_byte_behind_its_envelope(store: MailStore) -> None:
    content = letter("Alert", text="text\n", html="<p>html</p>")
    mail = _opened(store, content, recipients=("a@one.example", "b@two.example"))
    assert mail.raw.endswith(content)
    assert mail.summary.recipients == ("a@one.example", "b@two.example")
    assert (mail.text, mail.html) == ("text\n", "<p>html</p>\n")


def test_the_newest_mail_is_first_and_an_unfinished_one_is_not_listed(store: MailStore, tmp_path: Path) -> None:
    first = store.add(sender="", recipients=("a@one.example",), content=letter("1"))
    second = store.add(sender="", recipients=("a@one.example",), content=letter("2"))
    (tmp_path / "mailbox" / "9999999999999999999-00000000.new").write_bytes(b"half")
    assert store.ids() == [second, first]


@pytest.mark.parametrize("name", ["../secret", "..", "", "1", "1795519157873095771-1a6f1283/..", "%2e%2e"])
def test_an_id_that_is_none_opens_nothing(store: MailStore, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.eml").write_bytes(b"x")
    assert store.open(name) is None


def test_a_subject_in_any_script_is_shown_decoded(store: MailStore) -> None:
    assert _opened(store, letter("Opozorilo: žgoče – ⚠")).summary.subject == "Opozorilo: žgoče – ⚠"


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_of_a_hostile_mail_becomes_markup_of_our_page(store: MailStore, content: bytes) -> None:
    mail = _opened(store, content, recipients=("<script>x</script>@one.example",))
    for page in (single(mail), listing([mail.summary], 1)):
        assert "<script" not in page.lower()
        assert "<img" not in page.lower()


def test_the_html_part_is_framed_without_any_permission(store: MailStore) -> None:
    page = single(_opened(store, HOSTILE["script in html"]))
    assert '<iframe sandbox title="HTML part of the mail" src="/mail/' in page


@given(content=st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: _MULTIPART + tail))
def test_no_bytes_whatever_break_the_list_or_the_page(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = MailStore(Path(folder))
        mail = _opened(store, content)
        single(mail).encode()
        listing([store.summary(mail.summary.id)], 1).encode()


def _opened(store: MailStore, content: bytes, recipients: tuple[str, ...] = ("a@one.example",)) -> Mail:
    mail = store.open(store.add(sender="alerts@tocsin.example", recipients=recipients, content=content))
    assert mail is not None
    return mail
