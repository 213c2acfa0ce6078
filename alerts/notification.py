"""Drafts the formal notification of a first finding in the Union: the content of Art. 13(2)(a)–(j), what is missing.

A draft for a focal point to complete and send; nothing here sends it. (EU) 2023/1322 is the Regulation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from alerts.evidence import Subject
from alerts.time_limits import Clock, Step, clocks
from schemas.base import Frozen
from schemas.detections import Component, Detection
from schemas.vocabularies import MeasureKind, ReferenceStandard


class Item(Frozen):
    """One letter of Art. 13(2): what is known, and what the focal point still has to find out."""

    letter: str
    heading: str
    known: tuple[str, ...]
    missing: tuple[str, ...]


class Draft(Frozen):
    """The whole draft. `handling` and `conditions` go with it wherever it goes."""

    title: str
    number: str | None
    case: str
    alert: str | None
    first_in_union: bool
    substance: str
    inchikey: str | None
    handling: str
    conditions: tuple[str, ...]
    items: tuple[Item, ...]
    clocks: tuple[Clock, ...]

    @property
    def missing(self) -> int:
        """How many things are still to be found out."""
        return sum(len(item.missing) for item in self.items)


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What a draft is made from: the case, its reports as they came, and the day on which the case first spoke."""

    case: str
    alert: str | None
    subject: Subject
    first_in_union: bool
    decided_on: date
    today: date
    number: str | None = None
    done: Mapping[Step, date] = field(default_factory=dict)
    handling: str
    conditions: tuple[str, ...]
    reports: tuple[Detection, ...]


Known = list[str]


def draft(basis: Basis) -> Draft:
    """The notification as far as the reports go. Same reports, same draft."""
    reports, subject = basis.reports, basis.subject
    return Draft(
        title=f"Notification of {subject.name} (draft)",
        number=basis.number,
        case=basis.case,
        alert=basis.alert,
        first_in_union=basis.first_in_union,
        substance=subject.name,
        inchikey=subject.inchikey,
        handling=basis.handling,
        conditions=basis.conditions,
        items=tuple(Item(letter=letter, heading=heading, **_part(fill, basis)) for letter, heading, fill in _ITEMS),
        clocks=clocks(basis.decided_on, basis.done, basis.today) if reports else (),
    )


def _part(fill: Callable[[Basis, Known, Known], None], basis: Basis) -> dict[str, tuple[str, ...]]:
    known, missing = Known(), Known()
    fill(basis, known, missing)
    return {"known": tuple(dict.fromkeys(known)), "missing": tuple(dict.fromkeys(missing))}


def _say(known: Known, missing: Known, label: str, values: Iterable[object]) -> None:
    """What is given, each once; what is not is missing."""
    said = sorted({str(value).replace("_", " ") for value in values if value not in (None, "", "unknown")})
    if said:
        known.append(f"{label}: {', '.join(said)}")
    else:
        missing.append(label)


def _own(basis: Basis) -> list[Component]:
    """The components that speak of the substance: by its InChIKey where one is given, else all but bystanders."""
    parts = [part for report in basis.reports for part in report.components]
    named = [part for part in parts if _is_it(part, basis.subject)]
    return named or [part for part in parts if part.role == "main_active"] or parts


def _is_it(part: Component, subject: Subject) -> bool:
    if part.inchikey and subject.inchikey:
        return part.inchikey[:14] == subject.inchikey[:14]
    return part.name_reported.casefold() == subject.name.casefold()


def _risk(basis: Basis, known: Known, missing: Known) -> None:
    subject, reports = basis.subject, basis.reports
    known.append(f"substance: {subject.name}, {subject.subgroup or subject.category}".replace("_", " "))
    known.append("first finding in the Union" if basis.first_in_union else "not the first finding in the Union")
    _say(known, missing, "type of report", (report.report_type for report in reports))
    _say(known, missing, "origin of the product", (report.region for report in reports))
    routes = (route for report in reports if report.sample for route in report.sample.distribution)
    _say(known, missing, "where it came from (border, production site, sale)", routes)


def _when_where(basis: Basis, known: Known, missing: Known) -> None:
    reports = basis.reports
    _say(known, missing, "date of the event", (report.event_date.value for report in reports))
    _say(known, missing, "country", (report.country for report in reports))
    _say(known, missing, "region (NUTS)", (report.region for report in reports))


def _exposure(basis: Basis, known: Known, missing: Known) -> None:
    samples = [report.sample for report in basis.reports if report.sample]
    _say(known, missing, "sold as", (sample.sold_as for sample in samples))
    _say(known, missing, "presentation", (sample.presentation for sample in samples))
    _say(known, missing, "route of sale", (route for sample in samples for route in sample.distribution))
    exposures = [report.exposure for report in basis.reports if report.exposure]
    _say(known, missing, "route of exposure", (route for exposure in exposures for route in exposure.route))
    _say(known, missing, "intended or not", (exposure.intent for exposure in exposures))


def _analysis(basis: Basis, known: Known, missing: Known) -> None:
    own, samples = _own(basis), [report.sample for report in basis.reports if report.sample]
    for label in ("inchikey", "smiles", "cas", "iupac", "formula"):
        _say(known, missing, label, (getattr(part, label) for part in own))
    _say(known, missing, "physical form", (sample.physical_form for sample in samples))
    _say(known, missing, "quantity", (_quantity(report) for report in basis.reports))
    amounts = (f"{part.amount.value:g} {part.amount.unit}" for part in own if part.amount)
    _say(known, missing, "amount of the substance", amounts)
    others = {part.name_reported for report in basis.reports for part in report.components} - {
        part.name_reported for part in own
    }
    _say(known, missing, "other substances in it", others)
    missing.append("pharmacological and toxicological data: ask the poison centre and the laboratory")


def _quantity(report: Detection) -> str | None:
    sample = report.sample
    if sample is None:
        return None
    if sample.quantity:
        return f"{sample.quantity.value:g} {sample.quantity.unit}"
    return f"{sample.n_units} units" if sample.n_units else None


def _methods(basis: Basis, known: Known, missing: Known) -> None:
    own = _own(basis)
    _say(known, missing, "techniques", (method for part in own for method in part.methods))
    _say(known, missing, "identification", (part.identification for part in own))
    if any(part.reference_standard is ReferenceStandard.YES for part in own):
        known.append("compared with a reference standard")
    else:
        missing.append("comparison with a reference standard")
    _say(known, missing, "laboratory", (report.reporter.lab for report in basis.reports))


def _health(basis: Basis, known: Known, missing: Known) -> None:
    harms = [report.harm for report in basis.reports if report.harm]
    _say(known, missing, "outcome", (harm.outcome for harm in harms))
    _say(known, missing, "severity", (harm.severity for harm in harms))
    _say(known, missing, "exposure to the substance", (harm.exposure for harm in harms))
    _say(known, missing, "causality", (harm.causality for harm in harms))
    _say(known, missing, "signs", (sign for harm in harms for sign in harm.signs))
    _say(known, missing, "answer to an antidote", (harm.antidote_response for harm in harms))


def _society(basis: Basis, known: Known, missing: Known) -> None:
    _say(known, missing, "risks", (risk for report in basis.reports for risk in report.risks))


def _health_measures(basis: Basis, known: Known, missing: Known) -> None:
    _say(known, missing, "health measures taken or planned", _measures(basis, MeasureKind.HEALTH))


def _other_measures(basis: Basis, known: Known, missing: Known) -> None:
    _say(known, missing, "other measures taken or planned", _measures(basis, MeasureKind.OTHER))


def _measures(basis: Basis, kind: MeasureKind) -> list[str]:
    found = [measure for report in basis.reports for measure in report.measures if measure.kind is kind]
    return [f"{measure.text or measure.code or 'measure'} ({measure.status})" for measure in found]


def _relevant(basis: Basis, known: Known, missing: Known) -> None:
    known.append(f"reports: {len(basis.reports)}")
    notes = sum(bool(report.free_text) for report in basis.reports)
    if notes:
        known.append(f"free texts of laboratories: {notes}, kept in the restricted view")
    known += [f"conditions of use: {condition}" for condition in basis.conditions]
    missing.append("anything else that the focal point knows")


_ITEMS: Sequence[tuple[str, str, Callable[[Basis, Known, Known], None]]] = (
    ("a", "Type and origin of the risk", _risk),
    ("b", "Date and place", _when_where),
    ("c", "Means of exposure or dissemination", _exposure),
    ("d", "Analytical and toxicological data", _analysis),
    ("e", "Methods of identification", _methods),
    ("f", "Health risks", _health),
    ("g", "Social, safety and security risks", _society),
    ("h", "Health measures", _health_measures),
    ("i", "Other measures", _other_measures),
    ("j", "Anything else relevant", _relevant),
)
