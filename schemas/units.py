"""Which units an amount or a quantity may have: the UCUM codes laboratories weigh and measure in, case-sensitive.

A quantity is a mass, volume, area or count; an amount may also be one per another. A UCUM annotation in braces counts
things (`{tablet}`, `mg/{blotter}`) or comments a unit (`%{w/w}`).
"""

import re
from typing import Final

MASS: Final = ("pg", "ng", "ug", "mg", "g", "kg", "t", "[oz_av]", "[lb_av]")
VOLUME: Final = ("uL", "ul", "mL", "ml", "cL", "cl", "dL", "dl", "L", "l")
AREA: Final = ("cm2", "m2")
SUBSTANCE: Final = ("nmol", "umol", "mmol", "mol")
FRACTION: Final = ("%", "[ppm]", "[ppb]", "1")
_PER: Final = (*MASS, *VOLUME, "100.g", "100.mL", "100.ml", "1")


def _any(codes: tuple[str, ...]) -> str:
    return "(" + "|".join(re.escape(code) for code in codes) + ")"


_NOTE: Final = r"\{[!-z|~]+\}"
_COUNT: Final = f"(1({_NOTE})?|{_NOTE})"
QUANTITY_PATTERN: Final = f"^({_any((*MASS, *VOLUME, *AREA))}({_NOTE})?|{_COUNT})$"
AMOUNT_PATTERN: Final = (
    f"^({_any((*MASS, *VOLUME, *SUBSTANCE, *FRACTION))}({_NOTE})?(/({_any(_PER)}({_NOTE})?|{_NOTE}))?|{_COUNT})$"
)

GRAMS: Final = {
    "pg": 1e-12,
    "ng": 1e-9,
    "ug": 1e-6,
    "mg": 1e-3,
    "g": 1.0,
    "kg": 1e3,
    "t": 1e6,
    "[oz_av]": 28.349523125,
    "[lb_av]": 453.59237,
}
"""What one of each mass unit weighs, in grams."""
