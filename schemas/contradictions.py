"""Decides which fields of a report contradict or require each other. Looks at the model and at raw JSON alike.

Raw JSON may hold anything anywhere: every rule must hold its tongue about a value of a kind it does not expect.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from schemas.characters import shown
from schemas.places import COUNTRIES, belongs, is_region, nuts_prefix
from schemas.rejections import Problem

STRUCTURAL: Final = ("smiles", "inchi", "inchikey", "cas", "iupac")


def contradictions(report: object) -> tuple[Problem, ...]:
    """Every rule that the report breaks, in the order of the fields."""
    found = (rule(report) for rule in _RULES)
    return tuple(problem for problem in found if problem is not None)


def _at(report: object, *path: str) -> object:
    """The value at a path of fields, in a model or in parsed JSON; None when any part is absent."""
    for name in path:
        report = report.get(name) if isinstance(report, dict) else getattr(report, name, None)
    return report


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple) and not value)


def _components(report: object) -> Problem | None:
    if not _is_empty(_at(report, "components")):
        return None
    kind = _at(report, "report_type")
    if kind == "adverse_event" or not isinstance(kind, str):
        return None
    return Problem(
        pointer="/components",
        sentence="components is empty, which only an adverse_event without analysis may be; "
        f"name what was found in this {shown(kind)}.",
    )


def _physical_form(report: object) -> Problem | None:
    kind = _at(report, "report_type")
    if kind not in ("seizure", "collected_sample") or _at(report, "sample", "physical_form") is not None:
        return None
    return Problem(
        pointer="/sample/physical_form",
        sentence=f"sample.physical_form is missing; a {kind} needs it (powder, tablet, … or other).",
    )


def _how_much(report: object) -> Problem | None:
    if _at(report, "report_type") != "seizure":
        return None
    if _at(report, "sample", "quantity") is not None or _at(report, "sample", "n_units") is not None:
        return None
    return Problem(
        pointer="/sample/quantity",
        sentence="sample.quantity and sample.n_units are both missing; a seizure needs one of them.",
    )


def _matrix(report: object) -> Problem | None:
    if _at(report, "report_type") != "biological_sample" or _at(report, "matrix") is not None:
        return None
    return Problem(
        pointer="/matrix",
        sentence="matrix is missing; a biological_sample needs it (blood, urine, vitreous, …).",
    )


def _region(report: object) -> Problem | None:
    region, country = _at(report, "region"), _at(report, "country")
    if not isinstance(region, str) or not isinstance(country, str):
        return None
    if country not in COUNTRIES or not is_region(region) or belongs(region, country):
        return None
    return Problem(
        pointer="/region",
        sentence=f"region {shown(region)} is not in country {shown(country)}, "
        f"whose NUTS codes begin with {shown(nuts_prefix(country)[:2])}.",
    )


def _not_harmed(report: object) -> Problem | None:
    outcome, severity = _at(report, "harm", "outcome"), _at(report, "harm", "severity")
    if outcome != "none_known":
        return None
    signs = [sign for sign in _items(_at(report, "harm", "signs")) if sign == "death"]
    if not signs and severity not in ("hospitalised", "life_threatening"):
        return None
    worst = "a death among the signs" if signs else f"severity {severity}"
    return Problem(
        pointer="/harm/outcome",
        sentence=f"harm.outcome says none_known but the report also says {worst}; correct one.",
    )


def _mild_death(report: object) -> Problem | None:
    severity = _at(report, "harm", "severity")
    if _at(report, "harm", "outcome") != "death" or severity not in ("minor", "moderate"):
        return None
    return Problem(
        pointer="/harm/severity",
        sentence=f"harm.severity says {severity} but harm.outcome says death; correct one.",
    )


def _first_without_structure(report: object) -> Problem | None:
    claim = _at(report, "novelty_claim")
    if claim not in ("national_first", "union_first"):
        return None
    components = _items(_at(report, "components"))
    if any(_at(component, name) is not None for component in components for name in STRUCTURAL):
        return None
    return Problem(
        pointer="/novelty_claim",
        sentence=f"novelty_claim says {claim}, but no component has a structural identifier; "
        "add smiles, inchi, inchikey, cas or iupac.",
    )


def _too_much(report: object) -> Problem | None:
    for index, component in enumerate(_items(_at(report, "components"))):
        value, per = _at(component, "amount", "value"), _at(component, "amount", "per")
        if per == "percent_w_w" and isinstance(value, int | float) and not isinstance(value, bool) and value > 100:
            return Problem(
                pointer=f"/components/{index}/amount/value",
                sentence=f"components[{index}].amount.value is {value:.6g} per cent; a mass fraction is at most 100.",
            )
    return None


def _event_before_report(report: object) -> Problem | None:
    first, reported = _first_day(_at(report, "event_date")), _reported_day(_at(report, "reported_at"))
    if first is None or reported is None or first <= reported + timedelta(days=1):
        return None
    return Problem(
        pointer="/event_date/value",
        sentence=f"event_date {first.isoformat()} lies after reported_at {reported.isoformat()}; "
        "an event cannot be reported before it happens.",
    )


def _first_day(event_date: object) -> date | None:
    """The day of a date as it stands; a month or year counts from its first day."""
    if not isinstance(event_date, Mapping):
        found = getattr(event_date, "first_day", None)
        return found if isinstance(found, date) else None
    value = event_date.get("value")
    return _iso_day(f"{value}-01-01"[:10]) if isinstance(value, str) else None


def _reported_day(reported_at: object) -> date | None:
    if isinstance(reported_at, datetime):
        return reported_at.date()
    return _iso_day(reported_at[:10]) if isinstance(reported_at, str) else None


def _iso_day(value: str) -> date | None:
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return None
    return found if 1900 <= found.year <= 2199 else None


_RULES: Final[tuple[Callable[[object], Problem | None], ...]] = (
    _event_before_report,
    _region,
    _components,
    _too_much,
    _physical_form,
    _how_much,
    _matrix,
    _not_harmed,
    _mild_death,
    _first_without_structure,
)
