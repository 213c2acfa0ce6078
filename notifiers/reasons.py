"""Every reason as a sentence for people: why a delivery was planned, stopped, tried again or given up."""

from collections.abc import Mapping
from typing import Final

from schemas.deliveries import DeliveryReason, HoldReason, OutcomeReason

PLANNING: Final[Mapping[DeliveryReason, str]] = {
    DeliveryReason.REACHABLE: "The destination is active.",
    DeliveryReason.DESTINATION_INACTIVE: "The destination is switched off.",
    DeliveryReason.ADDRESS_SUPPRESSED: "The address was refused for good before, so nothing more is sent there.",
    DeliveryReason.UNSUBSCRIBED: "No subscription leads to this destination any more.",
    DeliveryReason.REAL_TO_ALL: "The alert is real, and the destination takes real ones.",
    DeliveryReason.RECORDING_ONLY: "The destination records tests and gets nothing else.",
    DeliveryReason.EXERCISE_OPTED_IN: "It is an exercise, and the destination takes part.",
    DeliveryReason.EXERCISE_NOT_OPTED_IN: "It is an exercise, and the destination does not take part.",
    DeliveryReason.TEST_RECORDING: "It is a test, and the destination records tests.",
    DeliveryReason.TEST_NOT_RECORDING: "It is a test, which only recording destinations get.",
    DeliveryReason.ARCHIVAL: "Archival reports never alert.",
    DeliveryReason.TENSE_CROSSED: "The thread and the delivery disagree whether this is real, so it was not sent.",
    DeliveryReason.CLEARED: "The destination is cleared for this handling.",
    DeliveryReason.BARE_FOR_RED: "Handling is RED: the message only says that something waits.",
    DeliveryReason.WITHHELD: "A reviewer decided that it is told no more of what is restricted now.",
    DeliveryReason.MORE_RESTRICTED: "What it was told is more restricted now: a reviewer decides what it may know.",
    DeliveryReason.BARE_FOR_THREAD: "It belongs to the thread, so it hears that something waits, without content.",
    DeliveryReason.HANDLING: "The handling is above the clearance of the destination.",
    DeliveryReason.USE_CONDITIONS: "The provider's conditions of use are not accepted by the destination.",
    DeliveryReason.NOT_PRECURSOR_AUDIENCE: "Precursor alerts go to their own restricted audience only.",
    DeliveryReason.AUDIENCE_BROKEN: "The clearance or subscriptions of the destination cannot be read: nobody is told.",
    DeliveryReason.STATUTORY_LEVEL: "Statutory destinations get every alert of this level.",
    DeliveryReason.STATUTORY_COUNTRY: "A country of this statutory subscription is affected.",
    DeliveryReason.STATUTORY_NOT_CONCERNED: "No country of this statutory subscription is affected.",
    DeliveryReason.NO_OBLIGATION: "Nothing obliges to tell this destination; its filters decide.",
    DeliveryReason.IN_THREAD: "An earlier revision was planned for this destination, so it gets every later one.",
    DeliveryReason.NOT_IN_THREAD: "It never heard of this alert, so it does not hear that it is over.",
    DeliveryReason.FILTER_MATCHES: "The subscription asks for this.",
    DeliveryReason.FILTER_LEVEL: "The subscription asks for higher levels only.",
    DeliveryReason.FILTER_COUNTRY: "The subscription asks for other countries.",
    DeliveryReason.FILTER_CLASS: "The subscription asks for other classes.",
    DeliveryReason.FILTER_SUBSTANCE: "The subscription asks for other substances.",
    DeliveryReason.FILTER_EXPRESSION: "The subscription's own filter does not ask for this.",
    DeliveryReason.FILTER_FAILED: "The subscription's own filter could not be answered: it delivers nothing, mend it.",
    DeliveryReason.NOT_FILTERED: "Filters do not hold back a thread.",
    DeliveryReason.NOT_QUIET: "It is not in the quiet hours of the subscription.",
    DeliveryReason.QUIET_HOURS: "It waits for the end of the quiet hours.",
    DeliveryReason.QUIET_HOURS_PASSED: "Quiet hours do not hold it back.",
    DeliveryReason.AT_ONCE: "It goes out at once.",
    DeliveryReason.DIGEST: "L1 is told in the next digest.",
    DeliveryReason.DIGEST_DUE: "The time of its digest is over, and there is something to tell.",
    DeliveryReason.OWNER: "It belongs to the subscriber whose endpoint was switched off.",
    DeliveryReason.RECORD_ONLY: "L0 is a record: nobody is told.",
    DeliveryReason.MERGED: "Several subscriptions of this destination share one message.",
    DeliveryReason.ALONE: "One subscription asked for it.",
    DeliveryReason.RETRACTION: "The alert was retracted.",
    DeliveryReason.NEVER_SENT: "The alert was retracted before this was tried.",
    DeliveryReason.FOR_ESCALATION: "It is told only when the contacts do not acknowledge.",
    DeliveryReason.ESCALATED: "Nobody of the authority has acknowledged it in time.",
    DeliveryReason.ACKNOWLEDGED: "It was acknowledged before this was sent.",
    DeliveryReason.SECOND_WAY: "The webhook of the authority failed twice, and this is another way to it.",
    DeliveryReason.NOT_CONFIRMED: "The endpoint has not answered its challenge: it gets no alert yet.",
    DeliveryReason.NEWER_REVISION: "A newer revision takes its place.",
}

SENDING: Final[Mapping[OutcomeReason, str]] = {
    OutcomeReason.ACCEPTED: "The other side took it.",
    OutcomeReason.DUPLICATE_ACCEPTED: "The other side had it already.",
    OutcomeReason.UNREACHABLE: "No connection could be made.",
    OutcomeReason.TIMED_OUT: "It took too long.",
    OutcomeReason.CONNECTION_LOST: "The connection was lost on the way.",
    OutcomeReason.REPLY_LOST: "All was handed over and the reply was lost: it may have been taken.",
    OutcomeReason.TLS_FAILED: "The connection could not be protected.",
    OutcomeReason.LOGIN_REFUSED: "The relay refused our login.",
    OutcomeReason.TRY_LATER: "The other side asked to try later.",
    OutcomeReason.ADDRESS_REFUSED: "The address does not exist.",
    OutcomeReason.SENDER_REFUSED: "Our sender address was refused.",
    OutcomeReason.POLICY_REFUSED: "A policy of the other side refused us.",
    OutcomeReason.TOO_LARGE: "The message was too large.",
    OutcomeReason.MESSAGE_REFUSED: "The message was refused for good.",
    OutcomeReason.UNSAFE_TEXT: "Text that must not reach a header was found before anything was sent.",
    OutcomeReason.CANNOT_RENDER: "The message could not be made.",
    OutcomeReason.CLIENT_ERROR: "The endpoint refused the request.",
    OutcomeReason.SERVER_ERROR: "The endpoint failed.",
    OutcomeReason.THROTTLED: "The endpoint asked for patience.",
    OutcomeReason.REDIRECTED: "The endpoint redirected, which is never followed.",
    OutcomeReason.GONE: "The endpoint says that it is gone.",
    OutcomeReason.ADDRESS_FORBIDDEN: "The address is one that must not be reached.",
    OutcomeReason.ANSWER_BROKEN: "The answer could not be read.",
    OutcomeReason.ABOVE_HANDLING: "The finished message said more than its reader may know, and was not sent.",
    OutcomeReason.LEASE_RAN_OUT: "The courier vanished while sending: it may have been taken.",
    OutcomeReason.GAVE_UP: "Every try of the schedule failed.",
    OutcomeReason.INTERNAL_ERROR: "A fault of ours broke the attempt.",
    OutcomeReason.BOUNCED: "The mail came back: somebody behind the relay could not deliver it.",
    OutcomeReason.NOTIFIED: "A delivery notification says that it was delivered.",
    OutcomeReason.CERTIFICATE_MISSING: "A certificate that it asks for is not there, and nothing is sent in clear.",
    OutcomeReason.CERTIFICATE_EXPIRED: "A certificate is not valid now, and nothing is sent in clear.",
    OutcomeReason.RESTORED: "The database was restored and no receipt is left: it may have been taken.",
}

HOLDING: Final[Mapping[HoldReason, str]] = {
    HoldReason.BLAST_LIMIT: "More recipients than one event may reach without a second person's word.",
    HoldReason.UNREADABLE: "The event cannot be read, so its audience is not known.",
    HoldReason.TENSE_CROSSED: "The event is not of the tense of its thread.",
}


def sentence(reason: str) -> str:
    """The sentence of a planning or sending reason; where both have the word, planning's."""
    if reason in set(DeliveryReason):
        return PLANNING[DeliveryReason(reason)]
    return SENDING[OutcomeReason(reason)] if reason in set(OutcomeReason) else reason
