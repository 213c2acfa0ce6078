"""Says what one report means for which case: what qualifies, under which key, with which marks.

Everything here depends on the report, the catalogue and the rules only, never on what was seen before, so the same
report always says the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerts import appearance, harm
from alerts.catalogue import Catalogue, Entry
from alerts.evidence import POTENT_OPIOIDS, REMOTE, Evidence, Mark, Named, Subject
from alerts.harm import HarmRank
from alerts.identity import Identity, named_keys, resolve_name
from alerts.occurrences import event_day, same_event_links, twin_key
from alerts.quantities import dose_mg, grams
from alerts.techniques import Certainty, Techniques
from schemas.detections import Detection
from schemas.vocabularies import (
    Category,
    ComponentRole,
    Confidence,
    Exposure,
    Identification,
    Presentation,
    ReportType,
    SubstanceFlag,
    SubstanceKind,
)

_SEDATIVES_BY_NAME = frozenset({"xylazine", "medetomidine", "dexmedetomidine"})
_OPIOID_SUBGROUPS = POTENT_OPIOIDS | {"opiate", "opioid", "heroin", "morphinan"}


@dataclass(frozen=True)
class Said:
    """What a report says: evidence per case key, sorted by key; and per component the key it joins, None for none."""

    evidence: tuple[Evidence, ...]
    case_keys: tuple[str | None, ...]


def said_by(
    detection: Detection, named: Sequence[Named], *, laboratory: str, catalogue: Catalogue, certainty: Certainty
) -> Said:
    """What a report says to which case. What does not qualify joins none: it is recorded only."""
    report = _Report(detection, tuple(named), laboratory=laboratory, catalogue=catalogue, certainty=certainty)
    if not detection.components:
        return Said((report.unanalysed(),), ())
    keys = tuple(report.case_key(item) if report.qualifies(item) else None for item in named)
    by_key: dict[str, list[Named]] = {}
    for item, key in zip(named, keys, strict=True):
        if key is not None:
            by_key.setdefault(key, []).append(item)
    return Said(tuple(report.about(key, items) for key, items in sorted(by_key.items())), keys)


def case_key_of_adverse_event(detection: Detection) -> str:
    """Unanalysed adverse events share a case by country, region and sold-as."""
    sold_as = appearance.normal(detection.sample.sold_as if detection.sample else None)
    return f"U:adverse:{detection.country}:{detection.region or '-'}:{sold_as}"


class _Report:
    """One report with everything derived from it once."""

    def __init__(
        self,
        detection: Detection,
        named: tuple[Named, ...],
        *,
        laboratory: str,
        catalogue: Catalogue,
        certainty: Certainty,
    ) -> None:
        self.detection = detection
        self.named = named
        self.laboratory = laboratory
        self.catalogue = catalogue
        self.certainty = certainty
        self.sold_as = _sold_as(detection, catalogue)
        self.product = is_product(detection)
        self.expected = self._expected()
        self.day, self.dated = event_day(detection)

    def _expected(self) -> tuple[Entry, ...]:
        if self.sold_as is not None:
            return (self.sold_as,)
        mains = (item for item in self.named if item.component.role is ComponentRole.MAIN_ACTIVE)
        return tuple(item.identity.entry for item in mains if item.identity.entry is not None)

    # What qualifies

    def qualifies(self, item: Named) -> bool:
        """Whether the component opens or joins a case."""
        identity, role = item.identity, item.component.role
        if role is ComponentRole.METABOLITE:
            return False
        inert = role in (ComponentRole.CUTTING_AGENT, ComponentRole.BY_PRODUCT)
        if identity.kind is None:
            return identity.unidentified or not inert
        watched = identity.subgroup in POTENT_OPIOIDS or (identity.entry is not None and identity.entry.watch_listed)
        return (
            identity.kind in (SubstanceKind.NPS, SubstanceKind.PRECURSOR)
            or watched
            or self.mis_sold(item)
            or self.unexpected(item)
            or bool(self._dose_marks([item]))
        )

    def mis_sold(self, item: Named) -> bool:
        """Sold as another psychoactive substance than it is; the same class does not excuse."""
        sample = self.detection.sample
        if sample is None or not _psychoactive(item):
            return False
        if self.sold_as is None:
            return sample.mis_sold is True
        return not self._is_or_belongs_to(item, self.sold_as)

    def unexpected(self, item: Named) -> bool:
        """Neither what it was sold as, nor usual with that; product samples only."""
        if not self.product or not self.expected:
            return False
        if self.sold_as is None and item.component.role is ComponentRole.MAIN_ACTIVE:
            return False
        return not any(self._is_or_belongs_to(item, entry) for entry in self.expected)

    def _is_or_belongs_to(self, item: Named, entry: Entry) -> bool:
        if item.identity.key == entry.key:
            return True
        found = item.identity.entry
        return found is not None and not found.watch_listed and self.catalogue.usual_with(found, of=entry)

    # Keys

    def case_key(self, item: Named) -> str:
        """The case a component belongs to: its substance, with the product for classic drugs and medicines."""
        identity, country = item.identity, self.detection.country
        if identity.unidentified:
            return f"U:{identity.subgroup or identity.category.value}:{country}"
        if identity.kind in (None, SubstanceKind.NPS, SubstanceKind.PRECURSOR):
            return identity.key
        marks = appearance.fingerprint(self.detection.sample)
        form = appearance.form(self.detection.sample)
        if appearance.distinct(marks) >= 2:
            return "|".join((identity.key, form, *marks))
        return "|".join((identity.key, form, country))

    # Evidence

    def about(self, key: str, items: list[Named]) -> Evidence:
        """What the report says to the case of these components (several name one substance)."""
        confidence = self.certainty.confidence(Techniques.of(item.component for item in items))
        return self._evidence(
            key,
            subject=_subject(items[0].identity, self.catalogue),
            marks=self._marks(items),
            confidence=confidence,
            identified=confidence in (Confidence.A, Confidence.B) and any(map(_settled, items)),
            dose_mg=max(filter(None, (self._dose_mg(item) for item in items)), default=None),
            others=tuple(sorted(_names(self.named) - _names(items))),
        )

    def unanalysed(self) -> Evidence:
        """An adverse event of which nothing was analysed."""
        sold_as = self.detection.sample.sold_as if self.detection.sample else None
        name = f"not analysed, sold as {sold_as}" if sold_as else "not analysed"
        key = case_key_of_adverse_event(self.detection)
        subject = Subject(key=key, name=name, kind=None, category=Category.UNKNOWN, subgroup=None, unanalysed=True)
        return self._evidence(
            key,
            subject=subject,
            marks=self._harm_marks() | self._product_marks(()),
            confidence=self.certainty.confidence(Techniques.of(())),
            identified=False,
            dose_mg=None,
            others=(),
        )

    def _evidence(
        self,
        key: str,
        *,
        subject: Subject,
        marks: frozenset[Mark],
        confidence: Confidence,
        identified: bool,
        dose_mg: float | None,
        others: tuple[str, ...],
    ) -> Evidence:
        detection, sample = self.detection, self.detection.sample
        links = same_event_links(detection, self.laboratory, self.day)
        return Evidence.trusted(
            case_key=key,
            tense=detection.status,
            laboratory=self.laboratory,
            event_id=detection.event_id,
            revision=detection.revision,
            reported_at=detection.reported_at,
            subject=subject,
            day=self.day,
            dated=self.dated,
            country=detection.country,
            region=detection.region,
            links=links,
            twin=twin_key(detection),
            marks=marks,
            harm=harm.rank(detection.harm),
            exposure=detection.harm.exposure if detection.harm else None,
            people=harm.people(detection.harm),
            confidence=confidence,
            identified=identified,
            form=sample.physical_form if sample else None,
            presentation=sample.presentation if sample else None,
            distribution=frozenset(sample.distribution if sample else ()),
            dose_mg=dose_mg,
            grams=grams(detection),
            sold_as=sample.sold_as if sample else None,
            appearance=appearance.described(sample),
            others=others,
            handling=detection.handling,
            use_conditions=detection.use_conditions,
            public_consent=detection.public_consent.given,
        )

    def _marks(self, items: list[Named]) -> frozenset[Mark]:
        marks = self._harm_marks() | self._product_marks(items) | self._dose_marks(items)
        if any(self.mis_sold(item) for item in items):
            marks |= {Mark.MIS_SOLD}
        for item in items:
            if self.unexpected(item):
                marks |= _unexpected_marks(item)
        if self.product and any(self._in_dangerous_mixture(item) for item in items):
            marks |= {Mark.MIXTURE}
        return marks

    def _harm_marks(self) -> frozenset[Mark]:
        report, rank = self.detection.harm, harm.rank(self.detection.harm)
        if report is None or rank < HarmRank.HOSPITALISED:
            return frozenset()
        marks = {Mark.HOSPITALISED}
        if harm.likely(report):
            marks.add(Mark.HOSPITALISED_LIKELY)
        if report.exposure is Exposure.CONFIRMED:
            marks.add(Mark.HARM_CONFIRMED)
            if rank is HarmRank.DEATH:
                marks.add(Mark.DEATH_CONFIRMED)
        return frozenset(marks)

    def _product_marks(self, items: Iterable[Named]) -> frozenset[Mark]:
        items = tuple(items)
        marks: set[Mark] = set()
        bulk = any((grams(self.detection) or 0.0) >= limit for limit in self._bulk_limits(items))
        if bulk:
            marks.add(Mark.BULK)
        sample = self.detection.sample
        precursor = self.detection.report_type is ReportType.PRECURSOR
        few = sample is None or (sample.n_units or 0) <= self.certainty.rules.user_level_units.value
        consumer = sample is not None and sample.presentation is Presentation.CONSUMER_PRODUCT
        if consumer:
            marks.add(Mark.CONSUMER_PRODUCT)
        if sample is not None and sample.presentation is Presentation.FAKE_MEDICINE:
            marks.add(Mark.FAKE_MEDICINE)
        if sample is not None and set(sample.distribution) & REMOTE:
            marks.add(Mark.REMOTE_SALE)
        substances = [item.identity.kind is SubstanceKind.PRECURSOR for item in items]
        if not bulk and few and not consumer and not precursor and not any(substances):
            marks.add(Mark.USER_LEVEL)
        if precursor or any(substances):
            marks.add(Mark.PRECURSOR_REPORT)
            if any(other.identity.kind in (SubstanceKind.CLASSIC, SubstanceKind.NPS) for other in self.named):
                marks.add(Mark.FINISHED_DRUG)
        return frozenset(marks)

    def _bulk_limits(self, items: Iterable[Named]) -> set[float]:
        """From how many grams on it is bulk, for each class in it; of what nobody analysed, as for any other."""
        limit = self.certainty.rules.bulk_grams
        found = {limit(item.identity.category.value, item.identity.subgroup) for item in items}
        return found or {limit(Category.UNKNOWN.value, None)}

    def _dose_marks(self, items: list[Named]) -> frozenset[Mark]:
        marks: set[Mark] = set()
        for item in items:
            limits, amount = self.certainty.rules.dose(item.identity.key), self._dose_mg(item)
            if limits is None or amount is None or not self.product:
                continue
            if amount > limits.extreme_mg:
                marks |= {Mark.DOSE_EXTREME, Mark.DOSE_HIGH}
            elif amount > limits.high_mg:
                marks.add(Mark.DOSE_HIGH)
        return frozenset(marks)

    def _dose_mg(self, item: Named) -> float | None:
        """Milligrams in one unit: as stated, or from the mass fraction and the mass of the unit."""
        return dose_mg(item.component, self.detection)

    def _in_dangerous_mixture(self, item: Named) -> bool:
        """Opioid with benzodiazepine, xylazine or medetomidine, where this component is one of the two."""
        opioids = {other.identity.key for other in self.named if _opioid(other.identity)}
        sedatives = {other.identity.key for other in self.named if _sedative(other.identity)}
        return bool(opioids and sedatives) and item.identity.key in opioids | sedatives


def _settled(item: Named) -> bool:
    """Whether first sightings may rest on it: identified, and nothing about its identity is open."""
    return item.component.identification is not Identification.PRESUMPTIVE and not item.identity.provisional


def _names(items: Iterable[Named]) -> set[str]:
    return {item.identity.name for item in items}


def is_product(detection: Detection) -> bool:
    """A seizure or sample of a product, or an adverse event whose product was described and analysed."""
    if detection.report_type in (ReportType.SEIZURE, ReportType.COLLECTED_SAMPLE):
        return True
    analysed = detection.report_type is ReportType.ADVERSE_EVENT and detection.matrix is None
    return analysed and detection.sample is not None and detection.sample.physical_form is not None


def _sold_as(detection: Detection, catalogue: Catalogue) -> Entry | None:
    sample = detection.sample
    return resolve_name(sample.sold_as, catalogue) if sample is not None and sample.sold_as else None


def _psychoactive(item: Named) -> bool:
    """A drug or medicine that acts, or what nobody could place; not an ingredient of low risk."""
    identity = item.identity
    if identity.entry is not None and identity.entry.low_risk:
        return False
    if identity.kind is None:
        return item.component.role in (ComponentRole.MAIN_ACTIVE, ComponentRole.ADULTERANT)
    return identity.kind in (SubstanceKind.NPS, SubstanceKind.CLASSIC, SubstanceKind.MEDICINE)


def _unexpected_marks(item: Named) -> frozenset[Mark]:
    flags = item.identity.flags
    marks = set()
    if flags & {SubstanceFlag.ACUTE_RISK, SubstanceFlag.DELAYED_ONSET}:
        marks.add(Mark.UNEXPECTED_ACUTE)
    if SubstanceFlag.TOXIC in flags:
        marks.add(Mark.UNEXPECTED_TOXIC)
    if item.component.role is ComponentRole.BY_PRODUCT or item.identity.kind is SubstanceKind.BY_PRODUCT:
        marks.add(Mark.UNEXPECTED_BY_PRODUCT)
    return frozenset(marks or {Mark.UNEXPECTED_LOW_RISK})


def _opioid(identity: Identity) -> bool:
    return identity.category is Category.OPIOID or identity.subgroup in _OPIOID_SUBGROUPS


def _sedative(identity: Identity) -> bool:
    benzodiazepine = identity.category is Category.BENZODIAZEPINE or identity.subgroup == "benzodiazepine"
    return benzodiazepine or identity.name.casefold() in _SEDATIVES_BY_NAME


def _spoken(group: str) -> str:
    """A class as it is said: `semi_synthetic_cannabinoid` is a semi-synthetic cannabinoid."""
    return group.replace("semi_", "semi-").replace("_", " ")


def _meant(identity: Identity, catalogue: Catalogue) -> Iterable[Entry]:
    """Listed substances that it is or may be: all members of a group, all that have the name."""
    if identity.entry is not None:
        return (identity.entry,)
    if identity.key.startswith("G:"):
        keys: Iterable[str] = identity.key.removeprefix("G:").split(",")
    else:
        keys = named_keys(identity.name, catalogue) if identity.key.startswith("N:") else ()
    return (entry for entry in map(catalogue.entry, keys) if entry is not None)


def _subject(identity: Identity, catalogue: Catalogue) -> Subject:
    entry = identity.entry
    unidentified = identity.unidentified
    group = identity.subgroup or identity.category.value
    return Subject.trusted(
        key=f"U:{group}" if unidentified else identity.key,
        name=f"unidentified {_spoken(group)}" if unidentified else identity.name,
        kind=identity.kind,
        category=identity.category,
        subgroup=identity.subgroup,
        inchikey=identity.variant or (entry.inchikey if entry else None),
        cas=entry.cas[0] if entry and entry.cas else None,
        class_rule=identity.class_rule,
        class_because=identity.class_because if identity.class_rule else None,
        effects_known=entry is not None and entry.effects_known,
        known_in_union=any(one.known_in_union for one in _meant(identity, catalogue)),
        designer_precursor=identity.precursor_family is not None,
        conflict=identity.conflict,
    )
