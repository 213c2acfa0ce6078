"""Alerts that were told before a restore, beyond what the restored database knew: kept by `recover`, read by recall."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, text

from alerts.told import Told, ToldBefore, by_alert_and_case

_LOAD: Final = text("SELECT CAST(body AS text) AS body FROM told_before")

_KEEP: Final = text("""
    INSERT INTO told_before (alert_id, body)
    SELECT alert_id, CAST(body AS jsonb)
    FROM unnest(CAST(:ids AS text[]), CAST(:bodies AS text[])) AS told (alert_id, body)
    ON CONFLICT (alert_id) DO UPDATE SET body = excluded.body
""")


def load(connection: Connection) -> Told:
    """All of them, by alert and by case."""
    return by_alert_and_case(_read(row.body) for row in connection.execute(_LOAD))


@lru_cache(maxsize=65_536)
def _read(body: str) -> ToldBefore:
    """They are loaded for every timer, and do not change."""
    return ToldBefore.model_validate_json(body)


def keep(connection: Connection, found: Sequence[ToldBefore]) -> None:
    """Add them to those of earlier recoveries."""
    if not found:
        return
    known = load(connection)
    merged = [one.with_earlier(known[one.alert_id]) if one.alert_id in known else one for one in found]
    bodies = [one.model_dump_json() for one in merged]
    connection.execute(_KEEP, {"ids": [one.alert_id for one in merged], "bodies": bodies})
