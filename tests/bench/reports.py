"""Reports shaped like real ones: substances and structures of the Slovenian list, the documented events, street drugs.

Deterministic: the same count and day give the same bytes. Laboratories report in the order of time, an event some days
after it happened; the substances follow a Zipf law, so that a few cases are hot and most are small.
"""

import itertools
import json
import random
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import JsonValue

from tocsin.demo.history import facts
from tocsin.demo.scenario import Document, load, merged

_NAMESPACE: Final = uuid5(NAMESPACE_URL, "urn:tocsin:bench")
_SEED: Final = 20261124
_DAYS: Final = 365
_LATEST: Final = 200
_SAID_TWICE: Final = 0.01
_AMENDED: Final = 0.005
_STREET_SHARE: Final = 0.5
_DOCUMENTED_SHARE: Final = 0.05

REGIONS: Final = {
    "si": ("SI031", "SI041"),
    "fi": ("FI1B1", "FI1C1"),
    "de": ("DE300", "DE600"),
    "nl": ("NL32", "NL33"),
    "be": ("BE10", "BE21"),
    "ee": ("EE001", "EE004"),
    "pt": ("PT11", "PT17"),
    "ie": ("IE04", "IE06"),
}
"""The eight laboratories' countries, in small letters, with two regions each."""


def laboratories(tag: str) -> tuple[str, ...]:
    """One laboratory in each of the eight countries."""
    return tuple(f"{country}-bench-{tag}" for country in REGIONS)


_STREET: Final[tuple[tuple[int, str, str, tuple[tuple[str, str], ...]], ...]] = (
    (30, "cocaine", "powder", (("cocaine", "main_active"), ("levamisole", "adulterant"), ("phenacetin", "adulterant"))),
    (20, "heroin", "powder", (("heroin", "main_active"), ("paracetamol", "adulterant"), ("caffeine", "adulterant"))),
    (20, "ecstasy", "tablet", (("MDMA", "main_active"),)),
    (12, "speed", "powder", (("amphetamine", "main_active"), ("caffeine", "adulterant"))),
    (8, "ketamine", "crystal", (("ketamine", "main_active"),)),
    (5, "diazepam", "tablet", (("bromazolam", "main_active"),)),
    (3, "cocaine", "powder", (("ketamine", "main_active"), ("cocaine", "adulterant"))),
    (2, "heroin", "powder", (("heroin", "main_active"), ("metonitazene", "adulterant"))),
)
"""Weight, sold as, form, components with their roles."""

_COLOURS: Final = ("white", "pink", "blue", "green", "yellow", "beige")
_SHAPES: Final = ("round", "skull", "heart", "shield")
_FORMS: Final = ("powder", "powder", "crystal", "plant_material", "tablet")


@dataclass(frozen=True, slots=True)
class Report:
    """One message: whose topic it goes to, and its bytes."""

    laboratory: str
    value: bytes


def reports(count: int, *, until: datetime, by: Sequence[str]) -> list[Report]:
    """So many messages of the twelve months before `until`, in the order in which these laboratories reported them."""
    return list(stream(count, until=until, by=by))


def stream(count: int, *, until: datetime, by: Sequence[str]) -> Iterator[Report]:
    """The same, one after the other: only the latest, which are said again or amended, are held."""
    source = random.Random(_SEED)
    kinds = _kinds(source)
    latest = deque[Report](maxlen=_LATEST)
    for number in range(count):
        chance = source.random()
        at = until - timedelta(days=_DAYS) * (1 - number / count)
        if latest and chance < _SAID_TWICE:
            made = source.choice(latest)
        elif latest and chance < _SAID_TWICE + _AMENDED:
            made = _amended(source.choice(latest), at, number)
        else:
            made = _report(next(kinds), number, at, by, source)
        latest.append(made)
        yield made


def hot(count: int, *, until: datetime, by: Sequence[str]) -> list[Report]:
    """Reports of the last two weeks about one new substance, by these laboratories in turn: all of one case."""
    kind: Document = {"components": [_component("bromazolam", "main_active")]}
    return _alike([kind] * count, until=until, by=by)


def cold(count: int, *, until: datetime, by: Sequence[str]) -> list[Report]:
    """The same, each about a substance that nobody knows but by its name: each a case of its own."""
    kinds: list[Document] = [
        {"components": [_component(f"example substance {number}", "main_active")]} for number in range(count)
    ]
    return _alike(kinds, until=until, by=by)


def _alike(kinds: Sequence[Document], *, until: datetime, by: Sequence[str]) -> list[Report]:
    source, length = random.Random(_SEED), timedelta(days=14)
    return [
        _report(kind, number, until - length * (1 - number / len(kinds)), (by[number % len(by)],), source)
        for number, kind in enumerate(kinds)
    ]


def spread_out(messages: Sequence[Report]) -> dict[str, list[bytes]]:
    """Messages by laboratory, each in order."""
    by_laboratory: dict[str, list[bytes]] = {}
    for message in messages:
        by_laboratory.setdefault(message.laboratory, []).append(message.value)
    return by_laboratory


def product(laboratory: str, name: str, inchikey: str | None, *, at: datetime, number: int) -> Report:
    """A fake medicine bought on the internet today: of a new psychoactive substance, it is an alert."""
    identified: Document = {"inchikey": inchikey} if inchikey else {}
    document: Document = {
        "schema_version": "1.0",
        "event_id": str(_event_id(f"product {at.isoformat()} {number}")),
        "revision": 1,
        "action": "new",
        "status": "actual",
        "report_type": "collected_sample",
        "reporter": {"lab": laboratory, "role": "forensic_lab", "case_ref": f"EX-{number}"},
        "reported_at": _instant(at),
        "event_date": {"value": at.date().isoformat(), "precision": "day"},
        "country": laboratory[:2].upper(),
        "components": [_component(name, "main_active") | identified],
        "sample": {
            "physical_form": "tablet",
            "presentation": "fake_medicine",
            "sold_as": "diazepam",
            "mis_sold": True,
            "distribution": ["online"],
        },
        "handling": "AMBER",
        "public_consent": {"given": False},
    }
    return Report(laboratory, _bytes(document))


def _kinds(source: random.Random) -> Iterator[Document]:
    """What is found: half of it on the street, nearly half from the list, one in twenty as in documented events."""
    street, listed, events = _street(), _listed(), _documented()
    by_rank = list(itertools.accumulate(1 / rank for rank in range(1, len(listed) + 1)))
    weights = list(itertools.accumulate(kind[0] for kind in _STREET))
    while True:
        chance = source.random()
        if chance < _STREET_SHARE:
            yield source.choices(street, cum_weights=weights)[0]
        elif chance < 1 - _DOCUMENTED_SHARE:
            yield source.choices(listed, cum_weights=by_rank)[0]
        else:
            yield source.choice(events)


def _street() -> list[Document]:
    return [
        {
            "components": [_component(name, role) for name, role in components],
            "sample": {"physical_form": form, "sold_as": sold_as, "distribution": ["street"]},
        }
        for _, sold_as, form, components in _STREET
    ]


def _listed() -> list[Document]:
    """The substances of the list with name and structure, the most reported first."""
    rows = list(facts())
    times = Counter(row.inchikey or row.name_as_reported for row in rows)
    first = {row.inchikey or row.name_as_reported: row for row in reversed(rows)}
    ordered = [first[key] for key, _ in sorted(times.items(), key=lambda item: (-item[1], item[0]))]
    found: list[Document] = []
    for row in ordered:
        said = {"iupac": row.iupac, "smiles": row.smiles, "inchikey": row.inchikey, "formula": row.formula}
        known: Document = {name: value for name, value in said.items() if value}
        found.append({"components": [_component(row.name_as_reported, "main_active") | known]})
    return found


def _documented() -> list[Document]:
    """The documented events without what ties them to their own time and place."""
    ours = ("event_id", "revision", "status", "reported_at", "event_date", "sampled_at", "analysed_at", "linked_refs")
    live = [one for one in load().live if one["revision"] == 1 and one["status"] == "actual"]
    return [{name: value for name, value in one.items() if name not in ours} for one in live]


def _component(name: str, role: str) -> Document:
    return {
        "name_reported": name,
        "role": role,
        "methods": ["gc_ms", "ftir"],
        "reference_standard": "yes",
        "identification": "confirmed",
    }


def _report(kind: Document, number: int, at: datetime, by: Sequence[str], source: random.Random) -> Report:
    laboratory = source.choice(by)
    country = laboratory[:2]
    happened = at - timedelta(days=min(source.expovariate(1 / 10), 60))
    common: Document = {
        "schema_version": "1.0",
        "event_id": str(_event_id(str(number))),
        "revision": 1,
        "action": "new",
        "status": "actual",
        "report_type": "collected_sample",
        "reported_at": _instant(at),
        "event_date": {"value": happened.date().isoformat(), "precision": "day"},
        "country": country.upper(),
        "sample": _sample(source),
        "handling": "AMBER",
        "public_consent": {"given": False},
    }
    if "country" not in kind and source.random() < 0.6:
        common["region"] = source.choice(REGIONS[country])
    document = merged(common, kind) | {
        "reporter": {"lab": laboratory, "role": "forensic_lab", "case_ref": f"EX-{number}"}
    }
    return Report(laboratory, _bytes(document))


def _sample(source: random.Random) -> Document:
    sample: Document = {"physical_form": source.choice(_FORMS), "n_units": source.randint(1, 20)}
    if source.random() < 0.3:
        sample["quantity"] = {"value": round(0.01 + source.lognormvariate(1, 2), 2), "unit": "g"}
    if source.random() < 0.4:
        sample["appearance"] = {"colour": source.choice(_COLOURS), "shape": source.choice(_SHAPES)}
    return sample


def _amended(report: Report, at: datetime, number: int) -> Report:
    """The next word on the same event: analysed again, identified for sure."""
    document = json.loads(report.value)
    if document["action"] != "new":
        return report
    changed: dict[str, JsonValue] = {
        "revision": 2,
        "action": "amend",
        "reported_at": _instant(at),
        "free_text": {"en": f"Analysed again, {number}."},
    }
    return Report(report.laboratory, _bytes(document | changed))


def _event_id(name: str) -> UUID:
    return uuid5(_NAMESPACE, name)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _bytes(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
