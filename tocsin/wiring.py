"""The one place where settings become parts: every command builds what it needs here and nowhere else."""

import asyncio
import os
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import Engine

from alerts.catalogue import Catalogue
from schemas.topics import backfill_topic, detections_topic
from storage import catalogues, laboratories
from storage.engine import connect
from storage.laboratories import Laboratory
from storage.site_keys import site_key
from streams.config import Flow, Kafka, Login, Stream
from tocsin.embedded.directory import ADMIN, DataDirectory, Running
from tocsin.errors import Refusal
from tocsin.readiness import say_ready
from tocsin.reading import read
from tocsin.settings import KafkaSecurity, Settings, Tls

if TYPE_CHECKING:  # chemistry and the stream take a second to import: only those who decide or read pay for them
    from fastapi import FastAPI

    from alerts.pipeline import Setting
    from notifiers.email.relay import MailRelay
    from notifiers.email.smime import Signer
    from notifiers.email.verp import Verp
    from notifiers.tokens import Links
    from notifiers.webhook.sender import WebhookConfig
    from streams.assess import Assessed
    from streams.clock import Tick
    from streams.identifying import Identifying
    from streams.replaying import Replays
    from streams.told import Topics
    from streams.worker import Worker


def settings(data_dir: Path | None = None) -> Settings:
    """The settings of this process; `data_dir` is the one given on the command line."""
    return read(data_dir=data_dir)


def running(settings: Settings) -> Running | None:
    """What runs embedded in the data directory now, or None."""
    return DataDirectory(settings.data_dir).running()


def kafka_bootstrap(settings: Settings) -> str:
    """Where Kafka is: as set, else the embedded one that runs."""
    if settings.kafka.bootstrap is not None:
        return settings.kafka.bootstrap
    found = _started(settings, "TOCSIN_KAFKA__BOOTSTRAP").kafka
    return found or _lacking(settings, "Kafka", "TOCSIN_KAFKA__BOOTSTRAP")


def database_url(settings: Settings) -> str:
    """Where PostgreSQL is, with its password: as set, else the embedded one that runs."""
    if settings.database.url is not None:
        return settings.database.url.get_secret_value()
    found = _started(settings, "TOCSIN_DATABASE__URL").database_url
    return found or _lacking(settings, "PostgreSQL", "TOCSIN_DATABASE__URL")


def smtp_endpoint(settings: Settings) -> tuple[str, int, str]:
    """Host, port and protection of the mail relay: as set, else the embedded mailbox that runs."""
    if settings.smtp.host is not None:
        return settings.smtp.host, settings.smtp.port, settings.smtp.tls
    found = _started(settings, "TOCSIN_SMTP__HOST").smtp or _lacking(settings, "mailbox", "TOCSIN_SMTP__HOST")
    host, _, port = found.rpartition(":")
    return host, int(port), "none"


def _started(settings: Settings, variable: str) -> Running:
    found = running(settings)
    if found is None:
        raise Refusal(
            f"Nothing is running in {settings.data_dir.absolute()}: start `tocsin up` there, "
            f"name the directory of what runs with TOCSIN_DATA_DIR, or set {variable} to your own."
        )
    return found


def _lacking(settings: Settings, what: str, variable: str) -> str:
    raise Refusal(
        f"What runs in {settings.data_dir.absolute()} has no {what} of its own, because it was started with one "
        f"that is set: set {variable} here to the same."
    )


def kafka(settings: Settings) -> Kafka:
    """The Kafka of these settings, as the stream reaches it."""
    given = settings.kafka
    tls = given.security in (KafkaSecurity.TLS, KafkaSecurity.SASL_TLS)
    return Kafka(
        bootstrap=kafka_bootstrap(settings),
        login=_login(settings),
        tls=ssl.create_default_context(cafile=given.ca_file) if tls else None,
        session_timeout=given.session_timeout.total_seconds(),
        heartbeat_interval=given.session_timeout.total_seconds() / 5,
    )


def _login(settings: Settings) -> Login | None:
    """The login that is set; at an embedded Kafka that asks for one, the administrator's."""
    given = settings.kafka
    if given.user and given.password:
        return Login(username=given.user, password=given.password.get_secret_value())
    found = running(settings) if given.bootstrap is None else None
    return Login(username=ADMIN, password=found.kafka_password) if found and found.kafka_password else None


def topics(settings: Settings) -> "Topics":
    """What this site has told, as it lies in Kafka."""
    from streams.told import Topics

    return Topics(kafka=kafka(settings), site=settings.message_domain)


def gives_logins(settings: Settings) -> bool:
    """Whether laboratories get theirs from us: at the embedded Kafka that asks for one, never at your own."""
    found = running(settings) if settings.kafka.bootstrap is None else None
    return found is not None and found.kafka_password is not None


def database(settings: Settings, name: str) -> Engine:
    """The database of these settings; `name` is what its administrator sees."""
    return connect(database_url(settings), name=f"tocsin {name}")


def stream(settings: Settings, flow: Flow, registered: tuple[Laboratory, ...]) -> Stream:
    """One flow over the topics of the registered laboratories. A backfill takes smaller batches."""
    topic = detections_topic if flow is Flow.LIVE else backfill_topic
    most = settings.batch.size if flow is Flow.LIVE else min(settings.batch.size, 100)
    return Stream(
        kafka=kafka(settings),
        application=f"{settings.kafka.group}-{flow.value}",
        flow=flow.value,
        topics=tuple(topic(laboratory.id) for laboratory in registered),
        data_directory=settings.data_dir / "faust" / flow.value,
        batch_records=most,
        batch_window=settings.batch.window.total_seconds(),
    )


def setting(settings: Settings, engine: Engine) -> "Setting":
    """What every decision depends on besides reports and memory; the catalogue is that of the database."""
    from alerts.errors import RuleError
    from alerts.grading import grading_of
    from alerts.lifecycle import Policy
    from alerts.pipeline import Setting

    try:
        grading = grading_of(settings.rules)
    except RuleError as error:
        raise Refusal(
            f"{error}\nTOCSIN_RULES is {settings.rules}: `tocsin rules check` says all that is wrong."
        ) from None
    return Setting(
        catalogue=catalogue(engine),
        grading=grading,
        policy=Policy.of(grading.rules, settings.gathering_interval),
        loaded=frozenset(settings.history_countries),
    )


def catalogue(engine: Engine) -> Catalogue:
    """The newest version of the catalogue in the database."""
    try:
        with engine.begin() as connection:
            return catalogues.snapshot(connection, catalogues.newest(connection))
    except catalogues.NoCatalogue:
        raise Refusal("The database holds no catalogue yet: `tocsin database migrate` puts it there.") from None


def worker(settings: Settings, flow: Flow) -> "Worker[Assessed]":
    """A worker over all laboratories of now. One flow keeps the clock and relays: live; a backfill only reads."""
    from storage.repeating import repeat_all
    from streams.assess import Assess
    from streams.reading import Readers
    from streams.worker import Worker

    engine = database(settings, f"worker {flow.value}")
    with engine.begin() as connection:
        version = laboratories.registry_version(connection)
        registered = laboratories.registered(connection)
    decisions = setting(settings, engine)
    return Worker(
        engine=engine,
        stream=stream(settings, flow, registered),
        stage=Assess(decisions, {one.id: one for one in registered}, readers=Readers(settings.batch.readers)),
        registry=version,
        site=settings.message_domain,
        tick=clock_work(engine, decisions) if flow is Flow.LIVE else None,
        caught_up=lambda: repeat_all(engine, decisions, now=datetime.now(UTC)),
        relay=flow is Flow.LIVE,
        ready=say_ready,
    )


def clock_work(engine: Engine, decisions: "Setting") -> "Tick":
    """Everything that one process of a site does each second."""
    from streams.clock import Both
    from streams.desk import Desk
    from streams.identifying import Identifying
    from streams.timers import Timers

    return Both(Both(Timers(engine, decisions), Identifying(engine, decisions)), Desk(engine))


def identifying(settings: Settings, engine: Engine) -> "Identifying":
    """What identifies findings anew, as a reviewer or the catalogue asked for."""
    from streams.identifying import Identifying

    return Identifying(engine, setting(settings, engine))


def replays(settings: Settings) -> "Replays":
    """What runs dead letters through the worker's own stage, with the registry, rules and catalogue of now."""
    from streams.assess import Assess
    from streams.replaying import Replays

    engine = database(settings, "dead-letters")
    with engine.begin() as connection:
        registered = laboratories.registered(connection)
    return Replays(engine, Assess(setting(settings, engine), {one.id: one for one in registered}))


def mail_relay(settings: Settings) -> "MailRelay":
    """The site's relay and the names that its mail carries. A send ends before the courier's lease does."""
    from notifiers.email.relay import MailRelay

    host, port, tls = smtp_endpoint(settings)
    given = settings.smtp
    return MailRelay(
        host=host,
        port=port,
        tls=Tls(tls).value,
        from_address=given.from_address,
        from_name=given.from_name,
        reply_to=given.reply_to or given.from_address,
        site=settings.message_domain,
        username=given.username,
        password=given.password.get_secret_value() if given.password else None,
        ca_file=str(given.ca_file) if given.ca_file else None,
        connections=given.connections,
        deadline=40.0,
    )


def links(settings: Settings, engine: Engine) -> "Links | None":
    """How readers of mails answer; None where no portal is set."""
    from notifiers.tokens import Links

    if settings.portal.base_url is None:
        return None
    with engine.begin() as connection:
        return Links(settings.portal.base_url, site_key(connection, "links"))


def verp(settings: Settings, engine: Engine) -> "Verp | None":
    """Where mails come back to; None where nobody reads it."""
    from notifiers.email.verp import Verp

    if settings.smtp.bounce_address is None:
        return None
    with engine.begin() as connection:
        return Verp(settings.smtp.bounce_address, site_key(connection, "verp"))


def signer(settings: Settings) -> "Signer | None":
    """What mails are signed with; None where nothing is set."""
    from notifiers.email.smime import Signer

    certificate, key = settings.smtp.smime_certificate, settings.smtp.smime_key
    if certificate is None or key is None:
        return None
    try:
        return Signer.read(certificate, key)
    except ValueError as error:
        raise Refusal(f"{error} See TOCSIN_SMTP__SMIME_CERTIFICATE and TOCSIN_SMTP__SMIME_KEY.") from None


def webhooks(settings: Settings) -> "WebhookConfig":
    """Where webhooks may go."""
    from notifiers.webhook.sender import WebhookConfig

    return WebhookConfig(loopback=frozenset(map(_origin, settings.webhook.allow)))


def portal(settings: Settings, engine: Engine) -> "FastAPI":
    """The pages of this site."""
    from portal.answering import Answering
    from portal.app import application

    found = links(settings, engine)
    if found is None:
        raise Refusal(
            "The portal must know its own address, because the links in mails lead to it: set TOCSIN_PORTAL__BASE_URL, "
            "or let `tocsin up` run everything."
        )
    return application(Answering(engine, found))


async def courier(settings: Settings, stop: asyncio.Event) -> None:
    """Plan and send until `stop`."""
    from notifiers.courier import Courier, CourierConfig
    from notifiers.digesting import Digesting
    from notifiers.email.pool import MailPool
    from notifiers.lanes import Limits
    from notifiers.notices import Notices
    from notifiers.sending import Channels
    from notifiers.service import Service
    from notifiers.webhook.sender import WebhookSender

    relay = mail_relay(settings)
    engine = connect(database_url(settings), name="tocsin courier", pool_size=10)
    limits = Limits(in_flight=settings.courier.in_flight, per_destination=settings.courier.per_destination)
    pool = MailPool(relay)
    async with WebhookSender(webhooks(settings)) as sends:
        channels = Channels(
            relay=relay,
            mail=pool,
            webhook=sends,
            links=links(settings, engine),
            verp=verp(settings, engine),
            signer=signer(settings),
        )
        name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        sender = Courier(engine, channels, CourierConfig(name=name, limits=limits))
        digesting = Digesting(engine=engine)
        notices = asyncio.create_task(Notices(engine=engine, signer=channels.signer).run(), name="notices")
        await Service(engine=engine, courier=sender, digesting=digesting, ready=say_ready).run(stop)
        notices.cancel()
        await pool.close()
    engine.dispose()


def _origin(endpoint: str) -> tuple[str, str, int]:
    """Scheme, host and port of an allowed endpoint, as the guard compares them."""
    scheme, _, rest = endpoint.partition("://")
    host, _, port = rest.rpartition(":")
    return scheme, host.lower(), int(port)
