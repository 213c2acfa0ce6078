"""A laboratory's login at the embedded Kafka of `tocsin up --secure`: made once, kept in a file for its owner alone."""

import asyncio
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from streams.access import admit, allow, rights_of
from streams.config import Kafka, Login
from tocsin import wiring
from tocsin.errors import Refusal
from tocsin.settings import KafkaSecurity, Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """Where the laboratory's settings are, and what to tell the person who registers it."""

    file: Path
    sentence: str


def given(settings: Settings, laboratory: str) -> Given | None:
    """See that it has a login and its rights; None where no logins are ours to give.

    Its name begins with `lab-`, so that no laboratory is called as the administrator is.
    The file is written before Kafka learns of the password, so that a crash in between is mended by asking again.
    """
    if not wiring.gives_logins(settings):
        return None
    kafka, user = wiring.kafka(settings), f"lab-{laboratory}"
    folder = settings.data_dir / "logins"
    file, new = folder / f"{laboratory}.env", folder / f"{laboratory}.env.new"
    if file.exists():
        asyncio.run(allow(kafka, user, rights_of(laboratory)))
        return Given(file=file, sentence=f"its login is in {file} (delete that file and run this again for a new one)")
    login = Login(username=user, password=secrets.token_urlsafe(24))
    _write(new, kafka, login)
    asyncio.run(admit(kafka, login, rights_of(laboratory)))
    new.rename(file)
    return Given(
        file=file, sentence=f"its password, shown this once: {login.password}\nits settings with it are in {file}"
    )


def _write(file: Path, kafka: Kafka, login: Login) -> None:
    """The settings of the laboratory's own Tocsin, as lines for its environment."""
    lines = {
        "TOCSIN_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "TOCSIN_KAFKA__SECURITY": KafkaSecurity.SASL_PLAINTEXT,
        "TOCSIN_KAFKA__USER": login.username,
        "TOCSIN_KAFKA__PASSWORD": login.password,
    }
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.writelines(f"{name}={value}\n" for name, value in lines.items())
    except OSError as error:
        raise Refusal(f"{file} cannot be written ({error.strerror}), so no login was made.") from error
