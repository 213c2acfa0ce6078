"""Turns the coded facts of an alert event into the sentences of one message. Pure; the words are in `phrases`."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from notifiers.cleaning import header_fault, shown
from notifiers.purposes import Content, Purpose
from notifiers.wording import phrases
from notifiers.wording.facts import Fact, dosed, facts_about, facts_of_the_ended, harmed
from notifiers.wording.grammar import (
    counted,
    country,
    distinct,
    in_country,
    instant,
    joined,
    sentence,
    spanned,
    titled,
    without_brackets,
)
from notifiers.wording.tiles import Tile, grid
from schemas.alert_events import AlertEvent, CountryCount
from schemas.vocabularies import AlertKind, Audience, Change, PhysicalForm, Presentation, Tense

ENDINGS = frozenset({AlertKind.CANCELLED, AlertKind.CLOSED, AlertKind.EXPIRED})
NAME_IN_SUBJECT = 60
NAME_LIMIT = 300
MOST_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Band:
    """The strip on top. `tone` names its colour, `bars` of four are filled; the words say the same."""

    tone: str
    bars: int
    word: str
    note: str
    label: str
    """The same in capitals, for the subject."""


@dataclass(frozen=True, kw_only=True)
class Wording:
    """One message in one language: plain strings that were cleaned, in the order in which they are said.
    `mark` is EXERCISE or TEST and begins every text."""

    mark: str
    mark_sentence: str
    band: Band
    title: str
    subject: str
    handling: str
    lead: tuple[str, ...]
    notices: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    serious: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    why_heading: str = ""
    tiles: tuple[tuple[Tile, ...], ...] = ()
    places: str = ""
    facts: tuple[Fact, ...] = ()
    questions: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    language: str = phrases.LANGUAGE
    headings: phrases.Headings = field(default_factory=phrases.Headings)

    @property
    def preheader(self) -> str:
        """What a mailbox shows beside the subject."""
        return shown(" ".join((self.mark, *self.lead)).strip(), limit=140)


def compose(event: AlertEvent, *, purpose: Purpose, content: Content) -> Wording:
    """The wording of one message. Anything but full content says nothing of what the alert is about."""
    if content is not Content.FULL:
        return _waiting(event, purpose=purpose, content=content)
    return _ending(event, purpose=purpose) if event.kind in ENDINGS else _alert(event, purpose=purpose)


def mark_of(event: AlertEvent, *, purpose: Purpose) -> str:
    """EXERCISE or TEST for anything that is not real, else nothing (P6)."""
    return phrases.MARK.get(_told_tense(event, purpose), "")


def headline(event: AlertEvent, *, purpose: Purpose, content: Content) -> str:
    """The title behind its mark: one line that a machine can show to a person."""
    said = compose(event, purpose=purpose, content=content)
    return f"{said.mark} {said.title}".strip()


def _alert(event: AlertEvent, *, purpose: Purpose) -> Wording:
    band, title = _level_band(event, note=phrases.KIND[event.kind]), _title(event, name=_name(event))
    return Wording(
        mark=mark_of(event, purpose=purpose),
        mark_sentence=phrases.MARK_SENTENCE.get(_told_tense(event, purpose), ""),
        band=band,
        title=title,
        subject=_subject(event, purpose, band=band),
        handling=_handling(event),
        lead=_lead(event),
        notices=_provisional(event),
        changed=_changed(event),
        serious=_serious(event),
        advice=_lines(event.advice) or (phrases.UNSUPPORTED_ADVICE,),
        why=tuple(sentence(line) for line in _lines(rule.says for rule in event.rules)),
        why_heading=phrases.WHY.format(level=f"L{event.level:d}"),
        tiles=grid({count.country: count.events for count in event.countries}),
        places=_places(event),
        facts=facts_about(event),
        questions=_lines(event.questions),
        footer=_footer(event),
    )


def _ending(event: AlertEvent, *, purpose: Purpose) -> Wording:
    band = _ended_band(event)
    title = phrases.ENDING_TITLE[event.kind].format(title=_title(event, name=_name(event)))
    lead = phrases.ENDING_LEAD[event.kind].format(number=_number(event))
    reason = (phrases.REASON_GIVEN.format(reason=shown(event.reason, limit=600)),) if event.reason else ()
    return Wording(
        mark=mark_of(event, purpose=purpose),
        mark_sentence=phrases.MARK_SENTENCE.get(_told_tense(event, purpose), ""),
        band=band,
        title=title,
        subject=_subject(event, purpose, band=band),
        handling=_handling(event),
        lead=(lead, *reason),
        changed=_changed(event),
        advice=phrases.ENDING_ADVICE[event.kind],
        facts=facts_of_the_ended(event),
        footer=_footer(event),
    )


def _waiting(event: AlertEvent, *, purpose: Purpose, content: Content) -> Wording:
    """Says how urgent it is and whom to ask; nothing of the substance, the countries or, when bare, the number."""
    band = _ended_band(event) if event.kind in ENDINGS else _level_band(event, note="", provisional=False)
    title = phrases.WAITING[event.kind]
    if content is Content.THIN:
        title = phrases.SUBJECT.format(text=title, number=_number(event))
    return Wording(
        mark=mark_of(event, purpose=purpose),
        mark_sentence=phrases.MARK_SENTENCE.get(_told_tense(event, purpose), ""),
        band=band,
        title=title,
        subject=_behind_labels(event, purpose, band=band, text=title),
        handling=_handling(event),
        lead=(phrases.WAITING_LEAD.format(tlp=_tlp(event)),),
        advice=tuple(line.format(reference=event.alert_id[:12]) for line in phrases.WAITING_ADVICE),
        footer=(phrases.WAITING_FOOTER,),
    )


def _told_tense(event: AlertEvent, purpose: Purpose) -> Tense:
    return Tense.TEST if purpose is Purpose.TEST and event.tense is Tense.ACTUAL else event.tense


def _level_band(event: AlertEvent, *, note: str, provisional: bool | None = None) -> Band:
    level = int(event.level)
    shown_as_provisional = event.provisional if provisional is None else provisional
    word = phrases.LEVEL.format(level=level, word=event.level.word)
    of = phrases.LEVEL_OF.format(level=level)
    notes = (of, phrases.PROVISIONAL if shown_as_provisional else "", note)
    label = phrases.SUBJECT_LEVEL[level]
    return Band(
        tone=f"l{level}",
        bars=level,
        word=word,
        note=", ".join(part for part in notes if part),
        label=f"{label} {phrases.SUBJECT_PROVISIONAL}" if shown_as_provisional else label,
    )


def _ended_band(event: AlertEvent) -> Band:
    word = phrases.ENDING_BAND[event.kind]
    return Band(tone="ended", bars=0, word=word, note=phrases.ENDING_NOTE[event.kind], label=word.upper())


def _number(event: AlertEvent) -> str:
    return shown(event.number, limit=60)


def _tlp(event: AlertEvent) -> str:
    return phrases.TLP.format(handling=event.handling.value)


def _handling(event: AlertEvent) -> str:
    return phrases.HANDLING_SENTENCE.format(tlp=_tlp(event), means=phrases.HANDLING[event.handling])


def _name(event: AlertEvent, *, limit: int = 120) -> str:
    """The substance's name, in quotation marks where it could be read as our own mark of an exercise (P6)."""
    name = shown(event.substance.name, limit=limit)
    return phrases.QUOTED.format(text=name) if name.upper().startswith(tuple(phrases.MARK.values())) else name


def _title(event: AlertEvent, *, name: str) -> str:
    """`Protonitazepyne in tablets sold as oxycodone`, `MDMA in tablets, up to 216 mg per unit`. What it was sold as is
    said when that deceives, and without what stands in brackets; the facts have the whole of it."""
    product = event.product
    forms = joined(phrases.FORM[form] for form in product.forms[:2] if form is not PhysicalForm.OTHER)
    title = phrases.TITLE_FORMS.format(name=name, forms=forms) if forms and ", " not in name else name
    if sold_as := _deceptive_names(event, name):
        title = phrases.TITLE_SOLD_AS.format(title=title, sold_as=joined(sold_as, limit=2))
    elif product.max_dose_mg is not None:
        title = phrases.TITLE_DOSE.format(title=title, dose=dosed(product.max_dose_mg))
    return titled(title)


def _deceptive_names(event: AlertEvent, name: str) -> tuple[str, ...]:
    product = event.product
    if not product.mis_sold and Presentation.FAKE_MEDICINE not in product.presentations:
        return ()
    names = distinct((without_brackets(word[:NAME_LIMIT]) for word in product.sold_as), limit=60)
    return tuple(word for word in names if word.casefold() not in name.casefold())


def _subject(event: AlertEvent, purpose: Purpose, *, band: Band) -> str:
    """Title and number behind the labels. Foreign text that is not fit for a header is left out, never repaired."""
    name, product = event.substance.name, event.product
    if header_fault(name, limit=NAME_IN_SUBJECT):
        title = phrases.UNNAMED.format(category=phrases.CATEGORY[event.substance.category])
    else:
        fit = tuple(word for word in product.sold_as if not header_fault(word, limit=NAME_IN_SUBJECT))
        safe = event.model_copy(update={"product": product.model_copy(update={"sold_as": fit})})
        title = _title(safe, name=_name(safe, limit=NAME_IN_SUBJECT))
    text = phrases.SUBJECT_KIND[event.kind].format(text=title)
    return _behind_labels(event, purpose, band=band, text=phrases.SUBJECT.format(text=text, number=_number(event)))


def _behind_labels(event: AlertEvent, purpose: Purpose, *, band: Band, text: str) -> str:
    return f"{mark_of(event, purpose=purpose)} [{band.label}] [{_tlp(event)}] {text}".strip()


def _lead(event: AlertEvent) -> tuple[str, ...]:
    what = phrases.SUBGROUP.get(event.substance.subgroup or "", phrases.CATEGORY[event.substance.category])
    people = harmed(event.harm)
    found = phrases.LEAD if event.countries else phrases.LEAD_NOWHERE
    told = found.format(
        what=what,
        events=counted(phrases.EVENTS, event.events_total),
        countries=joined(in_country(count.country) for count in _most_first(event)),
        period=_period(event),
    )
    return (told, phrases.HARM_LEAD.format(people=people)) if people else (told,)


def _period(event: AlertEvent) -> str:
    return spanned(event.first_event, event.last_event) if event.first_event and event.last_event else ""


def _most_first(event: AlertEvent) -> list[CountryCount]:
    return sorted(event.countries, key=lambda count: (-count.events, country(count.country)))


def _provisional(event: AlertEvent) -> tuple[str, ...]:
    if not event.provisional:
        return ()
    by = phrases.PROVISIONAL_BY.format(at=instant(event.review_at)) if event.review_at else phrases.PROVISIONAL_SOON
    return (phrases.PROVISIONAL_NOTE.format(by=by),)


def _changed(event: AlertEvent) -> tuple[str, ...]:
    if event.kind is AlertKind.RAISED:
        return ()
    level = phrases.LEVEL.format(level=int(event.level), word=event.level.word)
    told = (change for change in event.changes if change is not Change.FIRST_LEVEL)
    return tuple(phrases.CHANGE[change].format(level=level, name=_name(event)) for change in told)


def _serious(event: AlertEvent) -> tuple[str, ...]:
    scores = phrases.SCORES.format(impact=event.impact, spread=event.spread)
    lines = (phrases.LEVEL_MEANING[event.level], scores, phrases.SCOPE[event.scope])
    if event.computed_level < event.level:
        return (*lines, phrases.LOWER_NOW.format(level=f"L{event.computed_level:d}"))
    return lines


def _places(event: AlertEvent) -> str:
    if not event.countries:
        return phrases.NOWHERE
    counts = (
        (phrases.COUNT_NEW if count.newly_affected else phrases.COUNT).format(
            country=country(count.country), n=count.events
        )
        for count in _most_first(event)
    )
    return phrases.COUNTS_SENTENCE.format(counts=", ".join(counts))


def _footer(event: AlertEvent) -> tuple[str, ...]:
    conditions = (phrases.USE_CONDITION.format(condition=line) for line in distinct(event.use_conditions, limit=2000))
    replaces = phrases.FIRST_REVISION if event.revision == 1 else phrases.REPLACES
    rules = event.rule_set
    audience = (phrases.PRECURSOR_AUDIENCE,) if event.audience is Audience.PRECURSOR else ()
    return (
        *audience,
        *conditions,
        replaces.format(revision=event.revision, number=_number(event)),
        phrases.DECIDED.format(
            at=instant(event.decided_at),
            rules=shown(rules.name, limit=60),
            version=shown(rules.version, limit=40),
            catalogue=shown(event.catalogue_version, limit=40),
        ),
        phrases.REPLY,
    )


def _lines(sentences: Iterable[str]) -> tuple[str, ...]:
    return distinct(sentences, limit=400)[:MOST_LINES]
