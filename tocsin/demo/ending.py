"""What the demo says at the end: what came of it, where to look, three commands to try."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from schemas.deliveries import Channel, DeliveryState
from storage.overview import BoardRow
from tocsin.demo.receiver import Receiver
from tocsin.demo.scenes import GATHERING_SECONDS, Figures


def summary(figures: Figures, *, began: datetime, first_mail: datetime | None) -> Iterator[str]:
    """The figures as sentences. `began` is when this run did; an older first mail was an earlier run's."""
    fate = f"{figures.duplicates:,} known already, {figures.dead_letters:,} refused"
    yield f"{figures.reports:,} reports published and read: {fate}."
    if figures.duplicates == figures.reports:
        yield "Nothing of it was new, so nobody was told anything."
    levels = ", ".join(f"{number} at {name}" for name, number in reversed([*figures.cases_by_level.items()]) if number)
    yield f"Cases: {levels or 'none'}."
    kinds = ", ".join(f"{number} {kind.value}" for kind, number in figures.alert_events_by_kind.items())
    yield f"Messages: {kinds or 'none'}."
    for channel, name in ((Channel.EMAIL, "Mail"), (Channel.WEBHOOK, "Webhook")):
        yield f"{name}: {_states(figures.deliveries.get(channel, {}))}."
    if (times := figures.report_to_accepted_s) is not None:
        yield f"From report to mail accepted: p50 {times.p50 * 1000:.0f} ms, p99 {times.p99 * 1000:.0f} ms."
        yield f"  (Updates gathered for {GATHERING_SECONDS} s are left out of that.)"
    if first_mail is not None and first_mail >= began:
        yield f"First alert in the mailbox {(first_mail - began).total_seconds():.0f} s after the start."


def where_to_look(mailbox: str | None, receiver: Receiver, directory: Path) -> Iterator[str]:
    """Addresses to open."""
    yield f"Mailbox   {mailbox}"
    yield f"Webhook   {_short(receiver.log)}"
    yield f"          ({receiver.taken} taken, {receiver.turned_away} turned away with 503, {receiver.forged} forged)"
    yield f"Log       {_short(directory / 'demo.log')}"


def commands(board: tuple[BoardRow, ...], directory: Path) -> Iterator[str]:
    """Three to try, ready to be copied."""
    program, place = _program(), f"--data-dir {shlex.quote(str(_short(directory)))}"
    gravest = next((case.number for case in board if case.number), None)
    yield f"{program} alert show {gravest} {place}" if gravest else f"{program} alert list {place}"
    yield f"{program} deliveries list --state suppressed {place}"
    yield f"{program} audit {place}"


def _states(states: Mapping[DeliveryState, int]) -> str:
    return ", ".join(f"{states[state]} {state.value}" for state in DeliveryState if states.get(state)) or "nothing"


def _program() -> str:
    beside = Path(sys.executable).parent / "tocsin"
    if shutil.which("tocsin") == str(beside):
        return "tocsin"
    return shlex.quote(str(_short(beside))) if beside.exists() else f"{shlex.quote(sys.executable)} -m tocsin"


def _short(path: Path) -> Path:
    """From here, when it is below here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
