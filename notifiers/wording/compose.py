"""Turns the coded facts of an alert event into the sentences of one message. Pure; the words are in `phrases`."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace

from alerts.explanation import nearness
from notifiers.cleaning import header_fault, shown
from notifiers.purposes import Content, Purpose
from notifiers.wording import classes, phrases
from notifiers.wording.amending import amended, decided, overridden
from notifiers.wording.facts import Fact, dosed, facts_about, facts_of_the_ended, harmed
from notifiers.wording.grammar import capitals, distinct, sentence, titled, without_brackets
from notifiers.wording.reminding import Reminder, reminded
from notifiers.wording.tiles import Tile, grid
from notifiers.wording.tongue import Tongue, tongue
from schemas.alert_events import AlertEvent, CountryCount
from schemas.languages import ENGLISH
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


@dataclass(frozen=True)
class Acts:
    """What the reader of a mail can do, as links say it."""

    acknowledge: str
    note: str
    unsubscribe: str
    statutory: str


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
    acts: Acts | None = None
    language: str = ENGLISH
    headings: phrases.Headings = field(default_factory=phrases.Headings)

    @property
    def preheader(self) -> str:
        """What a mailbox shows beside the subject."""
        return shown(" ".join((self.mark, *self.lead)).strip(), limit=140)

    @property
    def short(self) -> str:
        """The whole in 140 characters, for a pager or a text message: mark, level, handling, what it is, its number."""
        return shown(self.subject, limit=140)


def compose(
    event: AlertEvent,
    *,
    purpose: Purpose,
    content: Content,
    language: str = ENGLISH,
    reminder: Reminder | None = None,
) -> Wording:
    """The wording of one message. Anything but full content says nothing of what the alert is about."""
    t = tongue(language)
    said = _composed(event, t, purpose=purpose, content=content)
    return replace(said, notices=(reminded(reminder, t), *said.notices)) if reminder else said


def _composed(event: AlertEvent, t: Tongue, *, purpose: Purpose, content: Content) -> Wording:
    if content is not Content.FULL:
        return _waiting(event, t, purpose=purpose, content=content)
    return _ending(event, t, purpose=purpose) if event.kind in ENDINGS else _alert(event, t, purpose=purpose)


def mark_of(event: AlertEvent, *, purpose: Purpose) -> str:
    """EXERCISE or TEST for anything that is not real, else nothing (P6)."""
    return phrases.MARK.get(_told_tense(event, purpose), "")


def headline(event: AlertEvent, *, purpose: Purpose, content: Content, language: str = ENGLISH) -> str:
    """The title behind its mark: one line that a machine can show to a person."""
    said = compose(event, purpose=purpose, content=content, language=language)
    return f"{said.mark} {said.title}".strip()


def _alert(event: AlertEvent, t: Tongue, *, purpose: Purpose) -> Wording:
    band, title = _level_band(event, t, note=t.say(phrases.KIND[event.kind])), _title(event, t, name=_name(event, t))
    return Wording(
        mark=mark_of(event, purpose=purpose),
        mark_sentence=_mark_sentence(event, t, purpose=purpose),
        band=band,
        title=title,
        subject=_subject(event, t, purpose, band=band),
        handling=_handling(event, t),
        lead=_lead(event, t),
        notices=(*overridden(event, t), *_provisional(event, t), *_restricted(event, t)),
        changed=(*_changed(event, t), *amended(event, t), *decided(event, t)),
        serious=_serious(event, t),
        advice=_retold(event.advice, t) or (t.say(phrases.UNSUPPORTED_ADVICE),),
        why=_why(event, t),
        why_heading=t.say(phrases.WHY, level=f"L{event.level:d}"),
        tiles=grid({count.country: count.events for count in event.countries}),
        places=_places(event, t),
        facts=facts_about(event, t),
        questions=_retold(event.questions, t),
        footer=_footer(event, t),
        acts=_acts(t),
        language=t.code,
        headings=_headings(t),
    )


def _ending(event: AlertEvent, t: Tongue, *, purpose: Purpose) -> Wording:
    band = _ended_band(event, t)
    title = t.say(phrases.ENDING_TITLE[event.kind], title=_title(event, t, name=_name(event, t)))
    lead = t.say(phrases.ENDING_LEAD[event.kind], number=_number(event))
    return Wording(
        mark=mark_of(event, purpose=purpose),
        mark_sentence=_mark_sentence(event, t, purpose=purpose),
        band=band,
        title=title,
        subject=_subject(event, t, purpose, band=band),
        handling=_handling(event, t),
        lead=(lead, *decided(event, t)),
        changed=(*_changed(event, t), *amended(event, t)),
        advice=tuple(map(t.say, phrases.ENDING_ADVICE[event.kind])),
        facts=facts_of_the_ended(event, t),
        footer=_footer(event, t),
        acts=_acts(t),
        language=t.code,
        headings=_headings(t),
    )


def _waiting(event: AlertEvent, t: Tongue, *, purpose: Purpose, content: Content) -> Wording:
    """Says how urgent it is and whom to ask; nothing of the substance, the countries or, when bare, the number."""
    band = _ended_band(event, t) if event.kind in ENDINGS else _level_band(event, t, note="", provisional=False)
    title = t.say(phrases.WAITING[event.kind])
    if content is Content.THIN:
        title = t.say(phrases.SUBJECT, text=title, number=_number(event))
    return Wording(
        mark=mark_of(event, purpose=purpose),
        mark_sentence=_mark_sentence(event, t, purpose=purpose),
        band=band,
        title=title,
        subject=_behind_labels(event, purpose, band=band, text=_again(title, t, purpose)),
        handling=_handling(event, t),
        lead=(t.say(phrases.WAITING_LEAD, tlp=_tlp(event)),),
        advice=tuple(t.say(line, reference=event.alert_id[:12]) for line in phrases.WAITING_ADVICE),
        footer=(t.say(phrases.WAITING_FOOTER), *_unreviewed(t)),
        acts=_acts(t),
        language=t.code,
        headings=_headings(t),
    )


def _told_tense(event: AlertEvent, purpose: Purpose) -> Tense:
    return Tense.TEST if purpose is Purpose.TEST and event.tense is Tense.ACTUAL else event.tense


def _level_band(event: AlertEvent, t: Tongue, *, note: str, provisional: bool | None = None) -> Band:
    level = int(event.level)
    shown_as_provisional = event.provisional if provisional is None else provisional
    word = t.say(phrases.LEVEL, level=level, word=t.say(phrases.LEVEL_WORD[event.level]))
    of = t.say(phrases.LEVEL_OF, level=level)
    notes = (of, t.say(phrases.PROVISIONAL) if shown_as_provisional else "", note)
    label = t.say(phrases.SUBJECT_LEVEL[level])
    return Band(
        tone=f"l{level}",
        bars=level,
        word=word,
        note=", ".join(part for part in notes if part),
        label=f"{label} {t.say(phrases.SUBJECT_PROVISIONAL)}" if shown_as_provisional else label,
    )


def _ended_band(event: AlertEvent, t: Tongue) -> Band:
    word = t.say(phrases.ENDING_BAND[event.kind])
    return Band(tone="ended", bars=0, word=word, note=t.say(phrases.ENDING_NOTE[event.kind]), label=capitals(word))


def _number(event: AlertEvent) -> str:
    return shown(event.number, limit=60)


def _tlp(event: AlertEvent) -> str:
    return phrases.TLP.format(handling=event.handling.value)


def _handling(event: AlertEvent, t: Tongue) -> str:
    return t.say(phrases.HANDLING_SENTENCE, tlp=_tlp(event), means=t.say(phrases.HANDLING[event.handling]))


def _name(event: AlertEvent, t: Tongue, *, limit: int = 120) -> str:
    """The substance's name, in quotation marks where it could be read as our own mark of an exercise (P6)."""
    name = shown(classes.named(event.substance, t.say), limit=limit)
    return phrases.QUOTED.format(text=name) if name.upper().startswith(tuple(phrases.MARK.values())) else name


def _title(event: AlertEvent, t: Tongue, *, name: str) -> str:
    """`Protonitazepyne in tablets sold as oxycodone`, `MDMA in tablets, up to 216 mg per unit`. What it was sold as is
    said when that deceives, and without what stands in brackets; the facts have the whole of it."""
    product = event.product
    forms = t.joined(t.say(phrases.FORM[form]) for form in product.forms[:2] if form is not PhysicalForm.OTHER)
    title = t.say(phrases.TITLE_FORMS, name=name, forms=forms) if forms and ", " not in name else name
    if sold_as := _deceptive_names(event, name):
        title = t.say(phrases.TITLE_SOLD_AS, title=title, sold_as=t.joined(sold_as, limit=2))
    elif product.max_dose_mg is not None:
        title = t.say(phrases.TITLE_DOSE, title=title, dose=dosed(product.max_dose_mg, t))
    return titled(title)


def _deceptive_names(event: AlertEvent, name: str) -> tuple[str, ...]:
    product = event.product
    if not product.mis_sold and Presentation.FAKE_MEDICINE not in product.presentations:
        return ()
    names = distinct((without_brackets(word[:NAME_LIMIT]) for word in product.sold_as), limit=60)
    return tuple(word for word in names if word.casefold() not in name.casefold())


def _subject(event: AlertEvent, t: Tongue, purpose: Purpose, *, band: Band) -> str:
    """Title and number behind the labels. Foreign text that is not fit for a header is left out, never repaired."""
    name, product = event.substance.name, event.product
    if header_fault(name, limit=NAME_IN_SUBJECT):
        title = t.say(phrases.UNNAMED, category=t.say(phrases.CATEGORY[event.substance.category]))
    else:
        fit = tuple(word for word in product.sold_as if not header_fault(word, limit=NAME_IN_SUBJECT))
        safe = event.model_copy(update={"product": product.model_copy(update={"sold_as": fit})})
        title = _title(safe, t, name=_name(safe, t, limit=NAME_IN_SUBJECT))
    text = _again(t.say(phrases.SUBJECT_KIND[event.kind], text=title), t, purpose)
    return _behind_labels(event, purpose, band=band, text=t.say(phrases.SUBJECT, text=text, number=_number(event)))


def _again(text: str, t: Tongue, purpose: Purpose) -> str:
    return t.say(phrases.SUBJECT_REMINDER, text=text) if purpose is Purpose.ESCALATION else text


def _behind_labels(event: AlertEvent, purpose: Purpose, *, band: Band, text: str) -> str:
    return f"{mark_of(event, purpose=purpose)} [{band.label}] [{_tlp(event)}] {text}".strip()


def _lead(event: AlertEvent, t: Tongue) -> tuple[str, ...]:
    what = t.say(phrases.SUBGROUP.get(event.substance.subgroup or "", phrases.CATEGORY[event.substance.category]))
    people = harmed(event.harm, t)
    found = phrases.LEAD if event.countries else phrases.LEAD_NOWHERE
    told = t.say(
        found,
        what=what,
        events=t.count(phrases.EVENTS, event.events_total),
        countries=t.joined(t.in_country(count.country) for count in _most_first(event, t)),
        period=_period(event, t),
    )
    return (told, t.say(phrases.HARM_LEAD, people=people)) if people else (told,)


def _period(event: AlertEvent, t: Tongue) -> str:
    return t.spanned(event.first_event, event.last_event) if event.first_event and event.last_event else ""


def _most_first(event: AlertEvent, t: Tongue) -> list[CountryCount]:
    return sorted(event.countries, key=lambda count: (-count.events, t.country(count.country)))


def _restricted(event: AlertEvent, t: Tongue) -> tuple[str, ...]:
    return (t.say(phrases.RESTRICTED),) if event.restricted else ()


def _provisional(event: AlertEvent, t: Tongue) -> tuple[str, ...]:
    if not event.provisional:
        return ()
    soon = t.say(phrases.PROVISIONAL_SOON)
    by = t.say(phrases.PROVISIONAL_BY, at=t.instant(event.review_at)) if event.review_at else soon
    return (t.say(phrases.PROVISIONAL_NOTE, by=by),)


def _changed(event: AlertEvent, t: Tongue) -> tuple[str, ...]:
    if event.kind is AlertKind.RAISED and event.override is None:
        return ()
    level = t.say(phrases.LEVEL, level=int(event.level), word=t.say(phrases.LEVEL_WORD[event.level]))
    told = (change for change in event.changes if change is not Change.FIRST_LEVEL)
    return tuple(t.say(phrases.CHANGE[change], level=level, name=_name(event, t)) for change in told)


def _serious(event: AlertEvent, t: Tongue) -> tuple[str, ...]:
    scores = t.say(phrases.SCORES, impact=event.impact, spread=event.spread)
    lines = (t.say(phrases.LEVEL_MEANING[event.level]), scores, t.say(phrases.SCOPE[event.scope]))
    if event.computed_level == event.level or event.override is not None:
        return lines
    differs = phrases.LOWER_NOW if event.computed_level < event.level else phrases.HIGHER_NOW
    return (*lines, t.say(differs, level=f"L{event.computed_level:d}"))


def _places(event: AlertEvent, t: Tongue) -> str:
    if not event.countries:
        return t.say(phrases.NOWHERE)
    counts = (
        t.say(
            phrases.COUNT_NEW if count.newly_affected else phrases.COUNT,
            country=t.country(count.country),
            n=t.number(count.events),
        )
        for count in _most_first(event, t)
    )
    return t.say(phrases.COUNTS_SENTENCE, counts=", ".join(counts))


def _footer(event: AlertEvent, t: Tongue) -> tuple[str, ...]:
    conditions = (t.say(phrases.USE_CONDITION, condition=line) for line in distinct(event.use_conditions, limit=2000))
    replaces = phrases.FIRST_REVISION if event.revision == 1 else phrases.REPLACES
    rules = event.rule_set
    audience = (t.say(phrases.PRECURSOR_AUDIENCE),) if event.audience is Audience.PRECURSOR else ()
    return (
        *audience,
        *conditions,
        t.say(replaces, revision=event.revision, number=_number(event)),
        t.say(
            phrases.DECIDED,
            at=t.instant(event.decided_at),
            rules=shown(rules.name, limit=60),
            version=shown(rules.version, limit=40),
            catalogue=shown(event.catalogue_version, limit=40),
        ),
        t.say(phrases.REPLY),
        *_unreviewed(t),
    )


def _why(event: AlertEvent, t: Tongue) -> tuple[str, ...]:
    """Every rule that fired, then what would raise the level: the words of the explanation."""
    said = (*(t.retold(rule.says) for rule in event.rules), *nearness(event.near, t.say))
    return tuple(sentence(line) for line in distinct(said, limit=400)[:MOST_LINES])


def _retold(sentences: Iterable[str], t: Tongue) -> tuple[str, ...]:
    """Sentences of rules and of the list of advice, which come filled in, in English."""
    return distinct(map(t.retold, sentences), limit=400)[:MOST_LINES]


def _mark_sentence(event: AlertEvent, t: Tongue, *, purpose: Purpose) -> str:
    mark = phrases.MARK_SENTENCE.get(_told_tense(event, purpose), "")
    return t.say(mark) if mark else ""


def _headings(t: Tongue) -> phrases.Headings:
    return phrases.Headings(**{name: t.say(words) for name, words in asdict(phrases.Headings()).items()})


def _acts(t: Tongue) -> Acts:
    said = (phrases.ACKNOWLEDGE, phrases.ACKNOWLEDGE_NOTE, phrases.UNSUBSCRIBE, phrases.STATUTORY)
    return Acts(*map(t.say, said))


def _unreviewed(t: Tongue) -> tuple[str, ...]:
    return () if t.reviewed else (t.say(phrases.UNREVIEWED),)
