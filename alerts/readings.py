"""A report with everything that can be said of it alone: its substances, and what it tells to which case."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alerts.catalogue import Catalogue
from alerts.evidence import Named
from alerts.identity import identify
from alerts.routes import Routes, routed
from alerts.settling import settled
from alerts.statements import Said, said_by
from alerts.techniques import Certainty
from schemas.decoding import Decoded
from schemas.records import Coordinates
from schemas.vocabularies import Tense


@dataclass(frozen=True, kw_only=True)
class Reading:
    """`at` is its decision time; `catalogue` and `routes` the versions it was read with; `source` where it lies in the
    log."""

    at: datetime
    laboratory: str
    decoded: Decoded
    named: tuple[Named, ...]
    said: Said
    catalogue: str
    routes: str = ""
    source: Coordinates | None = None

    @property
    def ledger(self) -> Tense:
        """Whose cases it touches; history belongs to the actual ones."""
        status = self.decoded.detection.status
        return Tense.ACTUAL if status is Tense.ARCHIVAL else status

    @property
    def report(self) -> tuple[str, UUID]:
        """Which event of which laboratory it speaks of."""
        return (self.laboratory, self.decoded.detection.event_id)


def reading_of(
    decoded: Decoded,
    *,
    laboratory: str,
    at: datetime,
    catalogue: Catalogue,
    certainty: Certainty,
    source: Coordinates | None = None,
    routes: Routes | None = None,
) -> Reading:
    """Identify each component and derive the evidence. Same report, catalogue, rules and routes: same reading."""
    detection = decoded.detection
    named = tuple(
        Named(component, identity)
        for component in detection.components
        for identity in settled(
            identify(component, laboratory=laboratory, sample=detection.reporter.case_ref, catalogue=catalogue),
            component,
            laboratory=laboratory,
            catalogue=catalogue,
        )
    )
    said = said_by(detection, named, laboratory=laboratory, catalogue=catalogue, certainty=certainty)
    return Reading(
        at=at,
        laboratory=laboratory,
        decoded=decoded,
        named=named,
        said=said if routes is None else routed(said, routes),
        catalogue=catalogue.version,
        routes=routes.version if routes is not None else "",
        source=source,
    )
