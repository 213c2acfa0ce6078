"""Why a message goes out, and how much of the alert it may carry on each channel."""

from schemas.deliveries import Content, Purpose
from schemas.vocabularies import AlertKind, Handling

__all__ = ["Content", "Purpose", "mail_content", "purpose_of", "webhook_content"]

_PURPOSE_OF_KIND = {
    AlertKind.RAISED: Purpose.ALERT,
    AlertKind.UPDATED: Purpose.UPDATE,
    AlertKind.ESCALATED: Purpose.UPDATE,
    AlertKind.DOWNGRADED: Purpose.UPDATE,
    AlertKind.CANCELLED: Purpose.CANCEL,
    AlertKind.CLOSED: Purpose.UPDATE,
    AlertKind.EXPIRED: Purpose.UPDATE,
}


def purpose_of(kind: AlertKind) -> Purpose:
    """The purpose of telling an alert event of this kind. What exactly happened is said from the kind itself."""
    return _PURPOSE_OF_KIND[kind]


def mail_content(handling: Handling, *, clearance: Handling) -> Content:
    """What a mail may say: RED, and anything above the destination's clearance, only that something waits."""
    if handling is Handling.RED or not handling.within(clearance):
        return Content.BARE
    return Content.FULL


def webhook_content(handling: Handling, *, clearance: Handling) -> Content:
    """What a webhook may say: everything up to GREEN, above that thin, above the clearance bare."""
    if not handling.within(clearance):
        return Content.BARE
    return Content.FULL if handling.within(Handling.GREEN) else Content.THIN
