"""The tiles of an alert's page: which country lies where, how many events it has, and the same in words."""

from dataclasses import dataclass

from notifiers.wording import Wording, phrases
from notifiers.wording.tongue import Tongue
from schemas.alert_events import AlertEvent


@dataclass(frozen=True)
class PlacedTile:
    """One country of the grid; rows and columns count from 1. `words` are for who hears the page: empty where there is
    nothing to tell."""

    country: str
    row: int
    column: int
    events: int
    step: int
    newly_affected: bool
    words: str


def placed(wording: Wording, event: AlertEvent, t: Tongue) -> tuple[PlacedTile, ...]:
    """The grid of the mail as tiles with their places; none where the message says nothing of countries."""
    if not any(tile.events for row in wording.tiles for tile in row):
        return ()
    told = {count.country: count for count in event.countries}
    return tuple(
        PlacedTile(
            country=tile.country,
            row=row,
            column=column,
            events=tile.events,
            step=tile.step,
            newly_affected=tile.country in told and told[tile.country].newly_affected,
            words=_words(tile.country, tile.events, new=told[tile.country].newly_affected, t=t) if tile.events else "",
        )
        for row, tiles in enumerate(wording.tiles, start=1)
        for column, tile in enumerate(tiles, start=1)
        if tile.country
    )


def _words(country: str, events: int, *, new: bool, t: Tongue) -> str:
    said = phrases.COUNT_NEW if new else phrases.COUNT
    return t.say(said, country=t.country(country), n=t.number(events))
