"""The sender against real HTTP servers with every fault: one outcome each, and nothing reached that must not be."""

import asyncio
import base64
import gzip
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from notifiers.outcomes import Outcome, OutcomeReason, Verdict
from notifiers.purposes import Content
from notifiers.rendering import render_webhook
from notifiers.webhook.guard import Origin
from notifiers.webhook.sender import Access, WebhookConfig, WebhookSender
from tests.broker.smtp import Reader, Writer, scripted
from tests.speaking import URGENT
from tests.unit.test_webhook_guard import INNER

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
ACCESS = Access(secrets=(SECRET,))
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BODY = render_webhook(URGENT, content=Content.THIN)


@dataclass
class Receiver:
    """Keeps what it was sent and answers as told."""

    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = field(default_factory=lambda: ok)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.path, headers, await request.read()))
        return await self.answer(request)


async def ok(request: web.Request) -> web.StreamResponse:
    return web.Response(status=202, text="thank you")


def answering(status: int, **headers: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


@asynccontextmanager
async def receiving(receiver: Receiver, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(receiver.handle), shutdown_timeout=0.1)  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def post(
    port: int, *, scheme: str = "http", config: WebhookConfig | None = None, times: int = 1, path: str = "/hook"
) -> Outcome:
    settings = config or WebhookConfig()
    allowed = frozenset({(scheme, "127.0.0.1", port)})
    with_port = WebhookConfig(
        loopback=allowed,
        connect_timeout=settings.connect_timeout,
        total_timeout=settings.total_timeout,
        ca_file=settings.ca_file,
    )
    async with WebhookSender(with_port) as sender:
        for _ in range(times):
            outcome = await sender.send(
                url=f"{scheme}://127.0.0.1:{port}{path}",
                access=ACCESS,
                message_id="delivery-1",
                timestamp=NOW,
                body=BODY,
            )
    return outcome


def judged(outcome: Outcome) -> tuple[Verdict, OutcomeReason]:
    return outcome.verdict, outcome.reason


def hmac_by_hand(key: bytes, text: bytes) -> bytes:
    """RFC 2104 written out: what a receiver without our code computes."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + text).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


async def test_a_receiver_can_check_who_sent_it_and_that_nothing_changed() -> None:
    receiver = Receiver()
    async with receiving(receiver) as port:
        outcome = await post(port)
    assert judged(outcome) == (Verdict.ACCEPTED, OutcomeReason.ACCEPTED)
    assert (outcome.code, outcome.answer) == ("202", "thank you")
    path, headers, body = receiver.requests[0]
    assert path == "/hook"
    assert body == BODY
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac_by_hand(KEY, signed)).decode()
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert headers["content-type"].startswith("application/cloudevents+json")


async def test_every_attempt_bears_the_same_id_and_no_cookie_comes_back() -> None:
    receiver = Receiver(answering(500, Set_Cookie="tracked=yes"))
    async with receiving(receiver) as port:
        await post(port, times=3)
    assert [headers["webhook-id"] for _, headers, _ in receiver.requests] == ["delivery-1"] * 3
    assert not [headers for _, headers, _ in receiver.requests if "cookie" in headers]


@pytest.mark.parametrize(
    ("status", "verdict", "reason"),
    [
        (204, Verdict.ACCEPTED, OutcomeReason.ACCEPTED),
        (400, Verdict.DEFERRED, OutcomeReason.CLIENT_ERROR),
        (410, Verdict.FAILED, OutcomeReason.GONE),
        (500, Verdict.DEFERRED, OutcomeReason.SERVER_ERROR),
    ],
)
async def test_the_status_decides(status: int, verdict: Verdict, reason: OutcomeReason) -> None:
    async with receiving(Receiver(answering(status))) as port:
        assert judged(await post(port)) == (verdict, reason)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["http://169.254.169.254/latest/meta-data/", "/elsewhere"])
async def test_a_redirect_is_never_followed(status: int, to: str) -> None:
    receiver = Receiver(answering(status, Location=to))
    async with receiving(receiver) as port:
        assert judged(await post(port)) == (Verdict.DEFERRED, OutcomeReason.REDIRECTED)
    assert [path for path, _, _ in receiver.requests] == ["/hook"]


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("Tue, 24 Nov 2026 12:03:00 GMT", timedelta(minutes=3)),
        ("Mon, 23 Nov 2026 12:00:00 GMT", timedelta()),
        ("-1", None),
        ("315360000", timedelta(days=1)),
        ("when pigs fly", None),
    ],
)
async def test_a_receiver_may_ask_for_time(asked: str, wait: timedelta | None) -> None:
    async with receiving(Receiver(answering(503, Retry_After=asked))) as port:
        outcome = await post(port)
    assert judged(outcome) == (Verdict.DEFERRED, OutcomeReason.THROTTLED)
    assert outcome.retry_after == wait


async def _request(reader: Reader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length"))
    await reader.readexactly(length)


def raw(*pieces: bytes, endless: bytes = b"", hold: bool = False) -> Callable[[Reader, Writer], Awaitable[None]]:
    """Answer these bytes, then go on for ever, hold the line, or hang up."""

    async def script(reader: Reader, writer: Writer) -> None:
        await _request(reader)
        for piece in pieces:
            writer.write(piece)
        await writer.drain()
        while endless:
            writer.write(endless)
            await writer.drain()
        if hold:
            await reader.read()

    return script


SHORT = WebhookConfig(total_timeout=1.0)


async def test_a_body_without_end_is_read_to_its_limit_only() -> None:
    written = 0

    async def script(reader: Reader, writer: Writer) -> None:
        nonlocal written
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            written += 65536
            await writer.drain()

    async with scripted(script) as port:
        outcome = await post(port)
    assert judged(outcome) == (Verdict.ACCEPTED, OutcomeReason.ACCEPTED)
    assert len(outcome.answer) == 1024
    assert written < 64 * 2**20


async def test_a_gzip_bomb_is_never_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    async with scripted(raw(head, bomb, hold=True)) as port:
        outcome = await post(port)
    assert judged(outcome) == (Verdict.ACCEPTED, OutcomeReason.ACCEPTED)
    assert "\ufffd" in outcome.answer


async def test_a_reset_in_the_body_leaves_the_status_as_it_was() -> None:
    for status, verdict in ((b"200 OK", Verdict.ACCEPTED), (b"500 Oh", Verdict.DEFERRED)):
        async with scripted(raw(b"HTTP/1.1 " + status + b"\r\nContent-Length: 100\r\n\r\nhalf")) as port:
            outcome = await post(port)
        assert outcome.verdict is verdict
        assert outcome.answer == "half"


async def test_a_body_that_drips_leaves_the_status_as_it_was() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd"
    async with scripted(raw(head, hold=True)) as port:
        assert judged(await post(port, config=SHORT)) == (Verdict.ACCEPTED, OutcomeReason.ACCEPTED)


@pytest.mark.parametrize(
    ("pieces", "endless", "hold", "reasons"),
    [
        ((), b"", False, {OutcomeReason.CONNECTION_LOST}),
        ((), b"", True, {OutcomeReason.TIMED_OUT}),
        ((b"HTTP/1.1 200 OK\r\nX",), b"", True, {OutcomeReason.TIMED_OUT}),
        ((b"HTTP/1.1 200 OK\r\n",), b"X-More: of the same\r\n" * 100, False, {OutcomeReason.ANSWER_BROKEN}),
        ((b"HTTP/1.1 200 OK\r\nX: ",), b"x" * 65536, False, {OutcomeReason.ANSWER_BROKEN}),
        ((), b"HTTP/1.1 103 Early Hints\r\n\r\n", False, {OutcomeReason.TIMED_OUT, OutcomeReason.ANSWER_BROKEN}),
        ((b"220 mx.example ESMTP\r\n",), b"", False, {OutcomeReason.ANSWER_BROKEN}),
        ((b"HTTP/1.1 2xx Fine\r\n\r\n",), b"", False, {OutcomeReason.ANSWER_BROKEN}),
    ],
    ids=["hangs up", "silence", "half a head", "endless headers", "endless header", "endless hints", "SMTP", "2xx"],
)
async def test_what_is_not_an_answer_leaves_us_not_knowing(
    pieces: tuple[bytes, ...], endless: bytes, hold: bool, reasons: set[OutcomeReason]
) -> None:
    async with scripted(raw(*pieces, endless=endless, hold=hold)) as port:
        outcome = await post(port, config=SHORT if OutcomeReason.TIMED_OUT in reasons else None)
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.reason in reasons


async def test_a_2xx_that_comes_too_late_is_not_a_success() -> None:
    release = asyncio.Event()

    async def late(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response(status=200)

    async with receiving(Receiver(late)) as port:
        assert judged(await post(port, config=SHORT)) == (Verdict.UNKNOWN, OutcomeReason.TIMED_OUT)
        release.set()


async def test_nobody_listening_defers() -> None:
    async with receiving(Receiver()) as port:
        pass
    assert judged(await post(port)) == (Verdict.DEFERRED, OutcomeReason.UNREACHABLE)


async def test_a_name_that_leads_inside_is_refused_at_the_socket() -> None:
    async with WebhookSender(WebhookConfig()) as sender:
        outcome = await sender.send(
            url="https://localhost:8443/", access=ACCESS, message_id="d", timestamp=NOW, body=BODY
        )
    assert judged(outcome) == (Verdict.DEFERRED, OutcomeReason.ADDRESS_FORBIDDEN)


async def test_a_loopback_server_that_is_not_on_the_allow_list_is_never_reached() -> None:
    receiver = Receiver()
    async with receiving(receiver) as port, WebhookSender(WebhookConfig()) as sender:
        for url in (f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{port}/", f"https://localhost:{port}/"):
            outcome = await sender.send(url=url, access=ACCESS, message_id="d", timestamp=NOW, body=BODY)
            assert judged(outcome) == (Verdict.FAILED, OutcomeReason.ADDRESS_FORBIDDEN)
    assert receiver.requests == []


async def test_the_allow_list_opens_loopback_only() -> None:
    config = WebhookConfig(loopback=frozenset({("http", "169.254.169.254", 80), ("https", "8.8.8.8", 443)}))
    async with WebhookSender(config) as sender:
        for url in ("http://169.254.169.254/", "https://8.8.8.8/"):
            outcome = await sender.send(url=url, access=ACCESS, message_id="d", timestamp=NOW, body=BODY)
            assert judged(outcome) == (Verdict.DEFERRED, OutcomeReason.ADDRESS_FORBIDDEN)


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, receiver = Receiver(), Receiver()
    async with receiving(proxy) as proxy_port, receiving(receiver) as port:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy_port}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert (await post(port)).verdict is Verdict.ACCEPTED
    assert proxy.requests == []
    assert len(receiver.requests) == 1


async def test_a_broken_secret_sends_nothing() -> None:
    receiver = Receiver()
    async with receiving(receiver) as port:
        config = WebhookConfig(loopback=frozenset({("http", "127.0.0.1", port)}))
        async with WebhookSender(config) as sender:
            outcome = await sender.send(
                url=f"http://127.0.0.1:{port}/",
                access=Access(secrets=("whsec_x",)),
                message_id="d",
                timestamp=NOW,
                body=BODY,
            )
    assert judged(outcome) == (Verdict.FAILED, OutcomeReason.CANNOT_RENDER)
    assert receiver.requests == []


@dataclass(frozen=True)
class Authority:
    ours: trustme.CA
    strange: trustme.CA
    file: str

    def server(self, fault: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issuer = self.strange if fault == "self-signed" else self.ours
        name = "other.example" if fault == "wrong name" else "127.0.0.1"
        past = datetime(2020, 1, 1, tzinfo=UTC)
        if fault == "expired":
            issuer.issue_cert(name, not_before=past, not_after=past + timedelta(days=1)).configure_cert(context)
        else:
            issuer.issue_cert(name).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ours, file = trustme.CA(), tmp_path_factory.mktemp("certificates") / "ca.pem"
    ours.cert_pem.write_to_path(str(file))
    assert Path(file).exists()
    return Authority(ours, trustme.CA(), str(file))


async def test_a_good_certificate_is_trusted(authority: Authority) -> None:
    receiver = Receiver()
    async with receiving(receiver, authority.server("none")) as port:
        outcome = await post(port, scheme="https", config=WebhookConfig(ca_file=authority.file))
    assert outcome.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("fault", ["self-signed", "wrong name", "expired"])
async def test_a_certificate_with_a_fault_gets_nothing(authority: Authority, fault: str) -> None:
    receiver = Receiver()
    async with receiving(receiver, authority.server(fault)) as port:
        outcome = await post(port, scheme="https", config=WebhookConfig(ca_file=authority.file))
    assert judged(outcome) == (Verdict.DEFERRED, OutcomeReason.TLS_FAILED)
    assert receiver.requests == []


class Names(AbstractResolver):
    """A name server in the hands of an attacker: each question gets the next answer, the last one for ever."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in answer
        ]

    async def close(self) -> None:
        return None


async def to_name(
    names: Names, url: str = "https://hook.example.org:8443/", loopback: frozenset[Origin] = frozenset()
) -> Outcome:
    async with WebhookSender(WebhookConfig(resolver=names, loopback=loopback)) as sender:
        return await sender.send(url=url, access=ACCESS, message_id="d", timestamp=NOW, body=BODY)


@pytest.mark.parametrize("address", [each for each in INNER if ":" in each or each.count(".") == 3])
async def test_a_name_that_leads_to_any_inner_address_is_refused_at_the_socket(address: str) -> None:
    names = Names((address,))
    assert judged(await to_name(names)) == (Verdict.DEFERRED, OutcomeReason.ADDRESS_FORBIDDEN)
    assert names.asked == 1


async def test_several_inner_addresses_of_one_name_are_all_refused() -> None:
    names = Names(("127.0.0.1", "::1", "10.0.0.1", "169.254.169.254"))
    assert judged(await to_name(names)) == (Verdict.DEFERRED, OutcomeReason.ADDRESS_FORBIDDEN)


async def test_a_name_that_changes_its_answer_after_the_first_time_is_caught_the_second_time() -> None:
    """As public then private: what the allow-list opens first, and what nothing may open then."""
    receiver = Receiver()
    async with receiving(receiver) as port:
        names = Names(("127.0.0.1",), ("169.254.169.254",), ("10.0.0.1", "8.8.8.8"))
        allowed = frozenset({("http", "hook.example.org", port)})
        url = f"http://hook.example.org:{port}/"
        outcomes = [await to_name(names, url, loopback=allowed) for _ in range(3)]
    assert [each.verdict for each in outcomes] == [Verdict.ACCEPTED, Verdict.DEFERRED, Verdict.DEFERRED]
    assert {each.reason for each in outcomes[1:]} == {OutcomeReason.ADDRESS_FORBIDDEN}
    assert len(receiver.requests) == 1


async def test_a_token_goes_out_and_an_answer_that_repeats_it_is_not_kept() -> None:
    token = "abcdef0123456789"

    async def repeats(request: web.Request) -> web.StreamResponse:
        return web.Response(status=400, text=f"bad token {request.headers['Authorization'][7:]}, secret {SECRET}")

    async with receiving(Receiver(repeats)) as port:
        config = WebhookConfig(loopback=frozenset({("http", "127.0.0.1", port)}))
        async with WebhookSender(config) as sender:
            access = Access(secrets=(SECRET,), bearer=token)
            outcome = await sender.send(
                url=f"http://127.0.0.1:{port}/", access=access, message_id="d", timestamp=NOW, body=BODY
            )
    assert outcome.answer == "bad token [secret], secret [secret]"
    assert token not in repr(access)
    assert SECRET not in repr(access)


@pytest.fixture(scope="module")
def client_file(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("client") / "client.pem"
    made = authority.ours.issue_cert("client.tocsin.example")
    file.write_bytes(made.private_key_and_cert_chain_pem.bytes())
    return str(file)


@pytest.mark.parametrize("named", [True, False])
async def test_an_endpoint_that_asks_for_a_certificate_gets_ours_or_nothing(
    authority: Authority, client_file: str, named: bool
) -> None:
    context = authority.server("none")
    authority.ours.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    receiver = Receiver()
    async with receiving(receiver, context) as port:
        config = WebhookConfig(loopback=frozenset({("https", "127.0.0.1", port)}), ca_file=authority.file)
        access = Access(secrets=(SECRET,), client_certificate=client_file if named else None)
        async with WebhookSender(config) as sender:
            outcome = await sender.send(
                url=f"https://127.0.0.1:{port}/", access=access, message_id="d", timestamp=NOW, body=BODY
            )
    assert (outcome.verdict is Verdict.ACCEPTED) is named
    assert len(receiver.requests) == named


@pytest.mark.parametrize("file", ["/nowhere/client.pem", __file__])
async def test_without_our_certificate_nothing_is_sent(file: str) -> None:
    receiver = Receiver()
    async with receiving(receiver) as port:
        config = WebhookConfig(loopback=frozenset({("http", "127.0.0.1", port)}))
        async with WebhookSender(config) as sender:
            outcome = await sender.send(
                url=f"http://127.0.0.1:{port}/",
                access=Access(secrets=(SECRET,), client_certificate=file),
                message_id="d",
                timestamp=NOW,
                body=BODY,
            )
    assert judged(outcome) == (Verdict.DEFERRED, OutcomeReason.CERTIFICATE_MISSING)
    assert receiver.requests == []
