"""A wrong setting names itself, its value and what is allowed; secrets are never shown."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.programs import run
from tocsin.errors import WrongSetting
from tocsin.reading import leaves, masked_url, read, unknown_variables
from tocsin.settings import Settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for leaf in leaves():
        monkeypatch.delenv(leaf.variable, raising=False)
    monkeypatch.delenv("TOCSIN_SECRETS_DIR", raising=False)


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("TOCSIN_SMTP__PORT", "0", "a port number from 1 to 65535"),
        ("TOCSIN_KAFKA__BOOTSTRAP", "broker", "host:port"),
        ("TOCSIN_LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("TOCSIN_GATHERING_INTERVAL", "20", "a duration such as 20s"),
        ("TOCSIN_GATHERING_INTERVAL", "0s", "a duration such as 20s"),
        ("TOCSIN_BATCH__SIZE", "501", "a whole number from 1 to 500"),
        ("TOCSIN_WEBHOOK__ALLOW", "http://127.0.0.1:80/path", "scheme://host:port and nothing more"),
        ("TOCSIN_WEBHOOK__ALLOW", "http://127.0.0.1", "scheme://host:port and nothing more"),
        ("TOCSIN_HISTORY_COUNTRIES", "SI,ee", "two-letter country codes in capitals"),
        ("TOCSIN_SMTP__FROM_ADDRESS", "Tocsin <a@b.example>", "one mail address without a name"),
        ("TOCSIN_SITE", "tocsin example", "a domain name"),
    ],
)
def test_a_wrong_setting_names_itself_its_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(WrongSetting) as caught:
        read()
    sentence = str(caught.value)
    assert sentence.startswith(f"{variable} is {value!r}, which is not allowed")
    assert allowed in sentence


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SMTP__PORT", "x")
    monkeypatch.setenv("TOCSIN_LOG_LEVEL", "x")
    with pytest.raises(WrongSetting) as caught:
        read()
    assert [line.split()[0] for line in str(caught.value).splitlines()] == ["TOCSIN_SMTP__PORT", "TOCSIN_LOG_LEVEL"]


def test_every_setting_says_what_it_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    for leaf in leaves():
        monkeypatch.setenv(leaf.variable, " \n@,")
        try:
            read()
        except WrongSetting as wrong:
            assert leaf.variable in str(wrong)
            assert not str(wrong).endswith("allowed: text.")
        finally:
            monkeypatch.delenv(leaf.variable)


def test_mail_in_clear_is_refused_to_any_other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SMTP__TLS", "none")
    for host in ("localhost", "127.0.0.1", "::1"):
        monkeypatch.setenv("TOCSIN_SMTP__HOST", host)
        assert read().smtp.host == host
    for host in ("mail.example.org", "10.0.0.1", "127.0.0.1.example.org"):
        monkeypatch.setenv("TOCSIN_SMTP__HOST", host)
        with pytest.raises(WrongSetting, match=r"TOCSIN_SMTP__TLS is none.*use starttls or tls"):
            read()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"KAFKA__SECURITY": "sasl_tls"}, "which the embedded Kafka does not have"),
        ({"KAFKA__BOOTSTRAP": "k:1", "KAFKA__SECURITY": "sasl_tls"}, "needs TOCSIN_KAFKA__USER and TOCSIN_KAFKA__PASS"),
        ({"KAFKA__BOOTSTRAP": "k:1", "KAFKA__PASSWORD": "x"}, "which sends none"),
        ({"SMTP__USERNAME": "u", "SMTP__PASSWORD": "x"}, "which the embedded mailbox does not ask for"),
        ({"SMTP__HOST": "relay", "SMTP__USERNAME": "u"}, "belong together"),
    ],
)
def test_settings_that_do_not_fit_each_other_are_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"TOCSIN_{name}", value)
    with pytest.raises(WrongSetting, match=sentence):
        read()


def test_a_wrong_secret_is_not_shown_in_its_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE__URL", "mysql://tocsin:hunter2@db/tocsin")
    with pytest.raises(WrongSetting) as caught:
        read()
    assert "TOCSIN_DATABASE__URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_settings_do_not_show_a_secret_when_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE__URL", "postgresql://tocsin:hunter2@db/tocsin")
    assert "hunter2" not in repr(read())


def test_the_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        read().log_level = "debug"  # type: ignore[misc, assignment]


def test_show_masks_secrets_and_names_sources(tmp_path: Path) -> None:
    (tmp_path / "TOCSIN_SMTP__PASSWORD").write_text("hunter3\n")
    environment = {
        "TOCSIN_DATABASE__URL": "postgresql://tocsin:hunter2@db:5433/tocsin?sslpassword=hunter4",
        "TOCSIN_SMTP__USERNAME": "tocsin",
        "TOCSIN_SMTP__HOST": "mail.example.org",
        "TOCSIN_SECRETS_DIR": str(tmp_path),
    }
    shown = run("settings", "show", "--json", environment=environment)
    assert "hunter" not in shown.stdout + shown.stderr
    settings = json.loads(shown.stdout)
    assert settings["TOCSIN_DATABASE__URL"] == {
        "value": "postgresql://tocsin:********@db:5433/tocsin?sslpassword=********",
        "source": "environment",
    }
    assert settings["TOCSIN_SMTP__PASSWORD"] == {"value": "********", "source": "secret file"}
    assert settings["TOCSIN_SMTP__PORT"] == {"value": "587", "source": "default"}


def test_a_secret_file_sets_what_its_name_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tocsin_database__url").write_text("postgresql://u:p@db/t\n")
    monkeypatch.setenv("TOCSIN_SECRETS_DIR", str(tmp_path))
    url = read().database.url
    assert url is not None
    assert url.get_secret_value() == "postgresql://u:p@db/t"


def test_a_wrong_setting_ends_a_command_with_code_2_and_no_traceback() -> None:
    ended = run("settings", "show", environment={"TOCSIN_BATCH__SIZE": "many"})
    assert ended.returncode == 2
    assert ended.stderr.startswith("tocsin: TOCSIN_BATCH__SIZE is 'many'")
    assert "Traceback" not in ended.stderr


def test_a_misspelt_variable_is_named_with_what_was_meant() -> None:
    assert list(unknown_variables({"TOCSIN_SMPT__HOST": "x", "TOCSIN_SMTP__HOST": "x", "PATH": "x"})) == [
        "TOCSIN_SMPT__HOST is not a setting and does nothing; did you mean TOCSIN_SMTP__HOST?"
    ]


def test_a_section_cannot_be_set_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_KAFKA", '{"bootstrap": "a:1"}')
    with pytest.raises(WrongSetting, match="TOCSIN_KAFKA cannot be set as a whole"):
        read()


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://u:pw@h/d", "postgresql://u:********@h/d"),
        ("postgresql://u@h:1/d", "postgresql://u@h:1/d"),
        ("postgresql://h/d?password=pw", "postgresql://h/d?password=********"),
        ("postgresql://u:p@w@h/d", "postgresql://u:********@h/d"),
        ("pw", "********"),
        ("postgresql://u:pw@[h/d", "********"),
    ],
)
def test_a_masked_url_has_no_password(url: str, masked: str) -> None:
    assert masked_url(url) == masked


def test_the_message_domain_is_where_the_mail_comes_from_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SMTP__FROM_ADDRESS", "alerts@Drugs.Example")
    assert Settings().message_domain == "drugs.example"
    monkeypatch.setenv("TOCSIN_SITE", "tocsin.example")
    assert Settings().message_domain == "tocsin.example"
