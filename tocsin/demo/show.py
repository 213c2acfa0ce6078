"""Puts the demo together: its directory, its engines, who reports and who is told, the receiver, and what is seen."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from storage import laboratories, overview, subscribers
from tocsin import wiring
from tocsin.demo import audience, ending
from tocsin.demo.driving import Drive, whole
from tocsin.demo.place import kept, open_for_demo
from tocsin.demo.receiver import Receiver
from tocsin.demo.replay import HISTORY_COUNTRY, Replay, replay
from tocsin.demo.scenes import GATHERING_SECONDS, Figures, Scene, Screen
from tocsin.embedded.directory import DataDirectory, DataPurpose, Running
from tocsin.embedded.processes import Say
from tocsin.settings import Settings
from tocsin.supervisor import COURIER, PORTAL, WORKER, Plan, supervise

_PREFIX: Final = "up       | "


@dataclass
class Show:
    """One run. `told` gets the figures and the closing words as soon as all is settled; with `once` it then ends."""

    settings: Settings
    screen: Screen
    told: Callable[[Figures, list[str]], None]
    once: bool
    fresh: bool
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    settled: bool = False

    def run(self) -> bool:
        """Whether everything was settled before somebody stopped it."""
        directory = DataDirectory(self.settings.data_dir)
        open_for_demo(directory, fresh=self.fresh, say=self.screen.hear)
        self.screen.show(Scene())
        fixed = kept(directory)
        receiver = Receiver(
            port=fixed.receiver_port,
            secret=audience.webhook_secret(),
            log=directory.path / "webhook.jsonl",
            out_of_order=self.screen.tempo.out_of_order,
        )
        try:
            made = replay(began=fixed.began, days=fixed.shift_days)
            self.screen.show(Scene(seconds_left=whole(made, self.screen)))
            with _Overheard(directory.path / "demo.log", self.screen.hear) as log:
                supervise(self._plan(made, receiver, log), lambda found: self._body(made, receiver, found))
        finally:
            self.screen.close()
        return self.settled

    def _plan(self, made: Replay, receiver: Receiver, log: "_Overheard") -> Plan:
        async def prepare(_: Running) -> None:
            await receiver.open()
            await asyncio.to_thread(self._register, made, receiver)
            await audience.confirmed(wiring.database(self.settings, "demo"), receiver.origin)

        return Plan(
            settings=self.settings,
            purpose=DataPurpose.DEMO,
            environment={
                "TOCSIN_GATHERING_INTERVAL": f"{GATHERING_SECONDS}s",
                "TOCSIN_HISTORY_COUNTRIES": HISTORY_COUNTRY,
                "TOCSIN_WEBHOOK__ALLOW": receiver.origin,
            },
            commands=(WORKER, COURIER, PORTAL),
            prepare=prepare,
            log=log,
        )

    def _register(self, made: Replay, receiver: Receiver) -> None:
        engine = wiring.database(self.settings, "demo")
        with engine.begin() as connection:
            for laboratory in made.laboratories:
                laboratories.put(connection, laboratory)
            subscribers.bring_in(connection, audience.audience(webhook=receiver.url))
        engine.dispose()

    async def _body(self, made: Replay, receiver: Receiver, found: Running) -> None:
        engine = wiring.database(self.settings, "demo")
        try:
            figures = await Drive(wiring.kafka(self.settings), engine, made, self.screen).run()
            with engine.connect() as connection:
                first_mail, board = overview.first_mail_accepted(connection), overview.board(connection)
        finally:
            engine.dispose()
        directory = DataDirectory(self.settings.data_dir).path
        self.screen.close()
        self.settled = True
        self.told(
            figures,
            [
                *ending.summary(figures, began=self.began, first_mail=first_mail),
                "",
                *ending.where_to_look(found.mailbox, receiver, directory),
                "",
                "Try, in another terminal:" if not self.once else "Try, while it runs (without --once):",
                *(f"  {command}" for command in ending.commands(board, directory)),
            ],
        )
        if not self.once:
            await asyncio.Event().wait()


class _Overheard(io.TextIOWrapper):
    """The log of everything, appended to; what the supervisor says is passed on too."""

    def __init__(self, file: Path, hear: Say) -> None:
        super().__init__(file.open("ab"), encoding="utf-8", errors="replace")
        self._hear = hear

    def write(self, text: str) -> int:
        if text.startswith(_PREFIX):
            self._hear(text.removeprefix(_PREFIX).rstrip("\n"))
        return super().write(text)
