"""What happened to people, on one scale, so that "first or worse harm" can be asked."""

from schemas.detections import Harm
from schemas.vocabularies import Causality, Exposure, Outcome, Severity
from schemas.words import Rank


class HarmRank(Rank):
    """Worse is larger. NONE also stands for harm to which the substance did not contribute."""

    NONE = 0
    MINOR = 1
    MODERATE = 2
    HOSPITALISED = 3
    LIFE_THREATENING = 4
    DEATH = 5


_SEVERITY = {
    Severity.MINOR: HarmRank.MINOR,
    Severity.MODERATE: HarmRank.MODERATE,
    Severity.HOSPITALISED: HarmRank.HOSPITALISED,
    Severity.LIFE_THREATENING: HarmRank.LIFE_THREATENING,
    Severity.UNKNOWN: HarmRank.NONE,
}


def rank(harm: Harm | None) -> HarmRank:
    """How bad it was. Harm judged `not_contributory` is not harm of this substance."""
    if harm is None or harm.causality is Causality.NOT_CONTRIBUTORY:
        return HarmRank.NONE
    return HarmRank.DEATH if harm.outcome is Outcome.DEATH else _SEVERITY[harm.severity]


def people(harm: Harm | None) -> int:
    """Patients or deaths a report speaks of: 1 unless it gives a count."""
    return 0 if harm is None else (harm.case_count or 1)


def likely(harm: Harm | None) -> bool:
    """Exposure confirmed or probable."""
    return harm is not None and harm.exposure in (Exposure.CONFIRMED, Exposure.PROBABLE)
