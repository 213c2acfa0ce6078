"""Everything that can be set, in one frozen object: `TOCSIN_` environment variables, secret files, defaults."""

import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from schemas.base import Frozen

PREFIX: Final = "TOCSIN_"
DELIMITER: Final = "__"
SECRETS_DIR: Final = "TOCSIN_SECRETS_DIR"
LOOPBACK: Final = "127.0.0.1"


class Allowed(str):
    """Annotates a field with what it may be, in the words of its error message."""

    __slots__ = ()


class KafkaSecurity(StrEnum):
    """How clients reach Kafka."""

    PLAINTEXT = "plaintext"
    TLS = "tls"
    SASL_PLAINTEXT = "sasl_plaintext"
    SASL_TLS = "sasl_tls"


class Tls(StrEnum):
    """How mail is protected on its way to the relay."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class LogLevel(StrEnum):
    """From which weight on a log line is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _wrong(sentence: str) -> PydanticCustomError:
    """A complete sentence, shown as it is."""
    return PydanticCustomError("setting", "{sentence}", {"sentence": sentence})


def _duration(value: object) -> object:
    """`90s`, `15m`, `6h`, `2d`; a bare number would leave its unit open."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", value.strip())
    if match is None:
        raise ValueError("no duration")
    seconds = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    return timedelta(seconds=float(match[1]) * seconds)


def _listed(value: object) -> object:
    """Entries between commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _database_url(value: object) -> object:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(text, str):
        parts = urlsplit(text)
        if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or not parts.path.strip("/"):
            raise ValueError("no PostgreSQL URL")
    return value


def _endpoint(value: object) -> object:
    """Exactly scheme, host and port, as the guard compares them."""
    if isinstance(value, str):
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port is None:
            raise ValueError("no endpoint")
        if value != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
            raise ValueError("more than an endpoint")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0)), Allowed("a duration such as 20s")]
Port = Annotated[int, Field(ge=1, le=65535), Allowed("a port number from 1 to 65535")]
FreePort = Annotated[int, Field(ge=0, le=65535), Allowed("a port number from 1 to 65535, or 0 for any free port")]
Count = Annotated[int, Field(ge=1, le=1000), Allowed("a whole number from 1 to 1000")]
Address = Annotated[
    str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$"), Allowed("one mail address without a name, such as alerts@example.org")
]
Host = Annotated[str, Field(pattern=r"^[^\s/:@]+$|^[0-9A-Fa-f:]+$"), Allowed("a host name or an IP address")]
Bootstrap = Annotated[
    str,
    Field(pattern=r"^[^\s,:/]+:\d{1,5}(,[^\s,:/]+:\d{1,5})*$"),
    Allowed("host:port, several with commas between"),
]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Countries = Annotated[
    tuple[Country, ...],
    NoDecode,
    BeforeValidator(_listed),
    Allowed("two-letter country codes in capitals, with commas between, such as SI,EE"),
]
Endpoints = Annotated[
    tuple[Annotated[str, BeforeValidator(_endpoint)], ...],
    NoDecode,
    BeforeValidator(_listed),
    Allowed("scheme://host:port and nothing more, several with commas between, such as http://127.0.0.1:8080"),
]


class KafkaSettings(Frozen):
    """Your own Kafka; without `bootstrap`, the embedded one of the data directory."""

    bootstrap: Bootstrap | None = None
    security: KafkaSecurity = KafkaSecurity.PLAINTEXT
    user: str | None = None
    password: SecretStr | None = None
    ca_file: Annotated[Path, Allowed("the path of a PEM file")] | None = None
    group: Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,100}$"), Allowed("a name in small letters")] = "tocsin"
    session_timeout: Duration = timedelta(seconds=15)

    @model_validator(mode="after")
    def _complete(self) -> "KafkaSettings":
        sasl = self.security in (KafkaSecurity.SASL_PLAINTEXT, KafkaSecurity.SASL_TLS)
        if self.bootstrap is None and self.security is not KafkaSecurity.PLAINTEXT:
            raise _wrong(
                f"TOCSIN_KAFKA__SECURITY is {self.security}, which the embedded Kafka does not have: "
                "set TOCSIN_KAFKA__BOOTSTRAP to your own, or leave both."
            )
        if sasl and not (self.user and self.password):
            raise _wrong(
                f"TOCSIN_KAFKA__SECURITY is {self.security}, which needs TOCSIN_KAFKA__USER and TOCSIN_KAFKA__PASSWORD."
            )
        if self.password and not sasl:
            raise _wrong(
                f"TOCSIN_KAFKA__PASSWORD is set but TOCSIN_KAFKA__SECURITY is {self.security}, which sends none: "
                "set it to sasl_tls (or sasl_plaintext), or remove the password."
            )
        return self


class DatabaseSettings(Frozen):
    """Your own PostgreSQL, 15 or newer; without it, the embedded one of the data directory."""

    url: (
        Annotated[SecretStr, BeforeValidator(_database_url), Allowed("postgresql://user:password@host:port/database")]
        | None
    ) = None


class SmtpSettings(Frozen):
    """Your mail relay; without `host`, the embedded mailbox of the data directory."""

    host: Host | None = None
    port: Port = 587
    tls: Tls = Tls.STARTTLS
    username: str | None = None
    password: SecretStr | None = None
    from_address: Address = "alerts@tocsin.example"
    from_name: Annotated[str, Field(max_length=200), Allowed("a name of at most 200 characters")] = "Tocsin"
    reply_to: Address | None = None
    ca_file: Annotated[Path, Allowed("the path of a PEM file")] | None = None
    connections: Annotated[int, Field(ge=1, le=32), Allowed("a whole number from 1 to 32")] = 4
    bounce_address: (
        Annotated[
            str,
            Field(pattern=r"^[A-Za-z0-9._-]{1,20}@[^@\s<>]+$"),
            Allowed("one mail address with at most 20 characters before the @, such as bounces@example.org"),
        ]
        | None
    ) = None
    smime_certificate: Annotated[Path, Allowed("the path of a PEM file")] | None = None
    smime_key: Annotated[Path, Allowed("the path of a PEM file")] | None = None

    @model_validator(mode="after")
    def _safe(self) -> "SmtpSettings":
        if self.host and self.tls is Tls.NONE and not _is_loopback(self.host):
            raise _wrong(
                f"TOCSIN_SMTP__TLS is none, which is allowed for a relay on this machine only and not for {self.host}: "
                "use starttls or tls."
            )
        if self.host is None and self.username:
            raise _wrong(
                "TOCSIN_SMTP__USERNAME is set, which the embedded mailbox does not ask for: "
                "set TOCSIN_SMTP__HOST to your relay, or leave both."
            )
        if bool(self.username) != bool(self.password):
            raise _wrong("TOCSIN_SMTP__USERNAME and TOCSIN_SMTP__PASSWORD belong together: set both or neither.")
        if bool(self.smime_certificate) != bool(self.smime_key):
            raise _wrong(
                "TOCSIN_SMTP__SMIME_CERTIFICATE and TOCSIN_SMTP__SMIME_KEY belong together: set both or neither."
            )
        return self


class WebhookSettings(Frozen):
    """Addresses on this machine that webhooks may reach, plain HTTP included; for demonstration and tests."""

    allow: Endpoints = ()


class MetricsSettings(Frozen):
    """Where each process shows its figures."""

    host: Host = LOOPBACK
    worker_port: FreePort = 0
    courier_port: FreePort = 0
    bounces_port: FreePort = 0


class PortalSettings(Frozen):
    """Where the pages behind the links of mails are. Without `base_url`, mails carry links only where `tocsin up` runs
    the portal itself."""

    host: Host = LOOPBACK
    port: FreePort = 0
    base_url: (
        Annotated[
            str,
            Field(pattern=r"^https?://[a-zA-Z0-9.\[\]:-]{1,200}$"),
            Allowed("https:// and a host, without a path, such as https://alerts.example.eu"),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _safe(self) -> "PortalSettings":
        parts = urlsplit(self.base_url or "")
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise _wrong(
                f"TOCSIN_PORTAL__BASE_URL is {self.base_url}: links that are secrets go over https, except on this "
                "machine; use https:// and let your web server end it."
            )
        return self


class CourierSettings(Frozen):
    """How much is sent at once."""

    in_flight: Count = 128
    per_destination: Annotated[int, Field(ge=1, le=32), Allowed("a whole number from 1 to 32")] = 4


class BatchSettings(Frozen):
    """What a worker takes into one transaction. `readers`: processes that decode and identify beside it, 0 for none."""

    size: Annotated[int, Field(ge=1, le=500), Allowed("a whole number from 1 to 500")] = 500
    readers: Annotated[int, Field(ge=0, le=16), Allowed("a whole number from 0 to 16")] = 1
    window: Duration = timedelta(milliseconds=5)


class Settings(BaseSettings):
    """Built once per process, in `tocsin.wiring`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
    )

    data_dir: Annotated[Path, Allowed("the path of a directory")] = Path("var")
    kafka: KafkaSettings = KafkaSettings()
    database: DatabaseSettings = DatabaseSettings()
    smtp: SmtpSettings = SmtpSettings()
    webhook: WebhookSettings = WebhookSettings()
    metrics: MetricsSettings = MetricsSettings()
    portal: PortalSettings = PortalSettings()
    courier: CourierSettings = CourierSettings()
    batch: BatchSettings = BatchSettings()
    gathering_interval: Duration = timedelta(hours=6)
    history_countries: Countries = ()
    rules: Annotated[Path, Allowed("the path of a rule file")] | None = None
    site: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$"), Allowed("a domain name in small letters")] | None = None
    log_level: LogLevel = LogLevel.INFO

    @property
    def message_domain(self) -> str:
        """The right-hand side of every Message-ID: `site`, else the domain that the mail comes from."""
        return self.site or self.smtp.from_address.rpartition("@")[2].lower()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then secret files; no `.env` file is looked for."""
        secrets = os.environ.get(SECRETS_DIR)
        if not secrets:
            return init_settings, env_settings
        return (
            init_settings,
            env_settings,
            NestedSecretsSettingsSource(file_secret_settings, secrets_dir=secrets, secrets_dir_missing="error"),
        )


def secret_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that settings are read from, by the same rule as above: named like the variables, in any case."""
    folder = environment.get(SECRETS_DIR)
    return tuple(sorted(Path(folder).iterdir())) if folder and Path(folder).is_dir() else ()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
