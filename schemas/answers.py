"""The closed lists of what comes back about an alert."""

from enum import StrEnum


class Way(StrEnum):
    """How a person acknowledged: by the link in a mail, by their system, or through an operator's command."""

    LINK = "link"
    WEBHOOK = "webhook"
    COMMAND = "command"


class AnswerKind(StrEnum):
    """What an authority reports: what it did, or what else it knows."""

    WARNING_ISSUED = "warning_issued"
    SERVICES_INFORMED = "services_informed"
    PRODUCT_WITHDRAWN = "product_withdrawn"
    ENFORCEMENT = "enforcement"
    MONITORING = "monitoring"
    NO_MEASURE = "no_measure"
    OTHER_MEASURE = "other_measure"
    INFORMATION = "information"
