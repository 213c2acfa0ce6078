"""The Slovenian police list 2006–2024 as archival reports: history that feeds baselines and first sightings.

Source: Slovenian police, NFL public list (1,002 reports; `history.csv` holds the facts). What the list does not say
is assumed and said so in each report: the kind of report, the form, the role of the substance and the methods.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas.detections import SCHEMA_VERSION, Detection

LABORATORY: Final = "si-example-history"
"""An example id: the list is public, the police did not send it here."""

SOURCE: Final = "Slovenian police, NFL public list"
ASSUMED: Final = (
    "Not in the source and assumed: collected_sample, physical form other, main_active, methods other, "
    "standard unknown, identified, noon of the day as time of the report."
)
FACTS: Final = Path(__file__).parent / "history.csv"
_NAMESPACE: Final = uuid5(NAMESPACE_URL, "urn:tocsin:history:slovenian-police-nfl-public-list")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One row of the list; empty text where it says nothing. The first row is 1."""

    row: int
    date: str
    name_as_reported: str
    iupac: str
    smiles: str
    inchikey: str
    formula: str
    source_file: str


def facts(path: Path = FACTS) -> Iterator[Fact]:
    """The rows, in their order."""
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            yield Fact(row=number, **row)


def history() -> Iterator[Detection]:
    """Every row as an archival report."""
    return (detection(fact) for fact in facts())


def event_id(fact: Fact) -> UUID:
    """The same for the same row, whenever and wherever it is read."""
    return uuid5(_NAMESPACE, f"{fact.row}/{fact.source_file}")


def detection(fact: Fact) -> Detection:
    """One row as a report of format 1.0."""
    said = {"iupac": fact.iupac, "smiles": fact.smiles, "inchikey": fact.inchikey, "formula": fact.formula}
    component = {
        "name_reported": fact.name_as_reported,
        **{field: value for field, value in said.items() if value},
        "role": "main_active",
        "methods": ["other"],
        "reference_standard": "unknown",
        "identification": "identified",
    }
    return Detection.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "event_id": event_id(fact),
            "revision": 1,
            "action": "new",
            "status": "archival",
            "report_type": "collected_sample",
            "reporter": {"lab": LABORATORY, "role": "forensic_lab", "case_ref": f"EX-NFL-{fact.row:04d}"},
            "reported_at": f"{fact.date}T12:00:00Z",
            "event_date": {"value": fact.date, "precision": "day"},
            "country": "SI",
            "components": [component],
            "sample": {"physical_form": "other"},
            "handling": "CLEAR",
            "public_consent": {"given": False},
            "use_conditions": f"Source: {SOURCE}.",
            "free_text": {"en": f"{SOURCE}, {fact.source_file or 'no file named'}. {ASSUMED}"},
        }
    )
