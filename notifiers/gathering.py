"""Gathers what comes while the database is busy, so that one transaction serves many; what fails there, fails alone."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from storage.engine import is_infrastructure

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(eq=False)
class Gathering(Generic[Asked, Answer]):
    """Asks `together` for at most `most` at a time, and rests `pause` seconds between two groups: the first of a burst
    goes at once, the next ones fill larger groups. What a group leaves unanswered, or all of one that broke, is asked
    `alone`, beside the groups that follow, so that one that fails or waits holds nothing up. Where the database is
    away, all of the group are told so."""

    together: Callable[[Sequence[Asked]], Awaitable[Mapping[Asked, Answer]]]
    alone: Callable[[Asked], Awaitable[Answer]]
    most: int
    pause: float
    _waiting: list[tuple[Asked, asyncio.Future[Answer]]] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _running: bool = False

    async def ask(self, asked: Asked) -> Answer:
        """The answer, or whatever asking for it raised."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if not self._running:
            self._running = True
            self._begin(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[: self.most], self._waiting[self.most :]
                await self._serve(group)
                await asyncio.sleep(self.pause)
        finally:
            self._running = False

    async def _serve(self, group: Sequence[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        answers: Mapping[Asked, Answer] = {}
        try:
            answers = await self.together([asked for asked, _ in group])
        except Exception as error:
            if is_infrastructure(error):
                _refuse(group, error)
                return
        self._hand_out(group, answers)

    def _hand_out(self, group: Sequence[tuple[Asked, asyncio.Future[Answer]]], answers: Mapping[Asked, Answer]) -> None:
        for asked, future in group:
            if asked not in answers:
                self._begin(self._serve_alone(asked, future))
            elif not future.done():
                future.set_result(answers[asked])

    async def _serve_alone(self, asked: Asked, future: asyncio.Future[Answer]) -> None:
        try:
            answer = await self.alone(asked)
        except Exception as error:
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(answer)

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refuse(group: Sequence[tuple[Asked, asyncio.Future[Answer]]], error: Exception) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)
