"""Which units an amount or a quantity may have: the UCUM codes laboratories weigh and measure in, case-sensitive."""

from typing import Final

MASS: Final = ("ng", "ug", "mg", "g", "kg", "t")
VOLUME: Final = ("uL", "ul", "mL", "ml", "cL", "cl", "dL", "dl", "L", "l")
AREA: Final = ("cm2", "m2")
_PER: Final = ("g", "kg", "mL", "ml", "dL", "dl", "L", "l")
RATIO: Final = (
    "%",
    "[ppm]",
    "[ppb]",
    *(f"{mass}/{per}" for mass in ("pg", "ng", "ug", "mg", "g") for per in _PER),
    "ng/mg",
    "pg/mg",
    "ug/mg",
    "g/100.g",
    "mg/100.mL",
)
COUNT: Final = ("1", "{tablet}", "{capsule}", "{blotter}", "{unit}")

QUANTITY_UNITS: Final = frozenset((*MASS, *VOLUME, *AREA, *COUNT))
AMOUNT_UNITS: Final = frozenset((*MASS, *VOLUME, *RATIO, *COUNT, "mg/{tablet}", "mg/{unit}", "ug/{blotter}"))

GRAMS: Final = {"ng": 1e-9, "ug": 1e-6, "mg": 1e-3, "g": 1.0, "kg": 1e3, "t": 1e6}
"""What one of each mass unit weighs, in grams."""
