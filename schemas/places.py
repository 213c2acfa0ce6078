"""Which countries and regions a report may name: ISO 3166-1 alpha-2 and NUTS 2 or 3 (Regulation (EC) No 1059/2003)."""

import re
from typing import Final

_CODES: Final = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW
BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI
FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN
IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME
MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF
PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE
YT ZA ZM ZW
"""
COUNTRIES: Final = frozenset(_CODES.split())
"""ISO 3166-1 alpha-2, the 249 officially assigned codes."""

_NUTS_PREFIX: Final = {"GR": "EL", "GB": "UK"}
_REGION: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{2,3}")


def nuts_prefix(country: str) -> str:
    """The letters that the country's NUTS codes begin with: `EL` for Greece, `UK` for the United Kingdom."""
    return _NUTS_PREFIX.get(country, country)


def is_region(code: str) -> bool:
    """Whether it has the shape of a NUTS 2 (4 characters) or NUTS 3 (5 characters) code."""
    return _REGION.fullmatch(code) is not None


def belongs(region: str, country: str) -> bool:
    """Whether the region is one of that country."""
    return region.startswith(nuts_prefix(country))
