"""How much: the mass of a whole sample and the dose in one unit, from what the laboratory weighed."""

from schemas.detections import Component, Detection
from schemas.units import GRAMS


def grams(detection: Detection) -> float | None:
    """The quantity of the whole sample in grams, where it is a mass."""
    quantity = detection.sample.quantity if detection.sample else None
    if quantity is None or quantity.unit not in GRAMS:
        return None
    return float(quantity.value) * GRAMS[quantity.unit]


def dose_mg(component: Component, detection: Detection) -> float | None:
    """Milligrams of the substance in one unit of the product; None where it cannot be told."""
    amount = component.amount
    if amount is None:
        return None
    per = amount.per.value if amount.per else None
    unit, _, denominator = amount.unit.partition("/")
    if unit in GRAMS and (per == "unit" or denominator.startswith("{")):
        return round(float(amount.value) * GRAMS[unit] * 1000, 6)
    seen = detection.sample.appearance if detection.sample else None
    if amount.unit == "%" and per == "percent_w_w" and seen is not None and seen.mass_mg is not None:
        return round(float(amount.value) / 100 * float(seen.mass_mg), 6)
    return None
