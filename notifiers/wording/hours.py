"""A moment as a reader far from UTC reads it: the clock of their capital beside it."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location

from notifiers.wording import phrases
from notifiers.wording.tongue import Tongue

CAPITALS: Final = {
    "AT": "Europe/Vienna",
    "BE": "Europe/Brussels",
    "BG": "Europe/Sofia",
    "CY": "Asia/Nicosia",
    "CZ": "Europe/Prague",
    "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen",
    "EE": "Europe/Tallinn",
    "ES": "Europe/Madrid",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "GR": "Europe/Athens",
    "HR": "Europe/Zagreb",
    "HU": "Europe/Budapest",
    "IE": "Europe/Dublin",
    "IT": "Europe/Rome",
    "LT": "Europe/Vilnius",
    "LU": "Europe/Luxembourg",
    "LV": "Europe/Riga",
    "MT": "Europe/Malta",
    "NL": "Europe/Amsterdam",
    "NO": "Europe/Oslo",
    "PL": "Europe/Warsaw",
    "PT": "Europe/Lisbon",
    "RO": "Europe/Bucharest",
    "SE": "Europe/Stockholm",
    "SI": "Europe/Ljubljana",
    "SK": "Europe/Bratislava",
    "TR": "Europe/Istanbul",
}
"""The zone of the capital of each reporting country (IANA time zone database, zone1970.tab): where the clock of a
country is not one, it is named by its city."""


def answer_by(moment: datetime, country: str | None, t: Tongue) -> str:
    """`To be acknowledged by 24 November 2026, 08:29 UTC (Ljubljana: 09:29).`"""
    return t.say(phrases.ANSWER_BY, at=at_home(moment, country, t))


def at_home(moment: datetime, country: str | None, t: Tongue) -> str:
    """`24 November 2026, 23:14 UTC (Ljubljana: 25 November 2026, 00:14)`; UTC alone where no clock is known."""
    said = t.instant(moment)
    if country not in CAPITALS:
        return said
    zone = ZoneInfo(CAPITALS[country])
    utc, local = moment.astimezone(UTC), moment.astimezone(zone)
    if utc.utcoffset() == local.utcoffset():
        return said
    clock = local.strftime("%H:%M")
    shown = clock if utc.date() == local.date() else f"{t.dated(local.date())}, {clock}"
    city = get_timezone_location(zone, locale=t.locale, return_city=True)
    return t.say(phrases.AT_HOME, at=said, city=city, local=shown)
