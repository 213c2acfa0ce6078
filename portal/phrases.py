"""What the pages say, in English; each sentence is a key of the catalogues, as in `notifiers.wording.phrases`."""

from typing import Final

from schemas.answers import AnswerKind

ASKED: Final = "Your answer"
ASKED_WHY: Final = "Your authority was told on {at}. Please acknowledge, so that nobody has to call you."
YOUR_NAME: Final = "Your name or your duty role"
BUTTON: Final = "I have read it: acknowledge"
ACKNOWLEDGED: Final = "Acknowledged by {by}, {at}."
NOT_NEEDED: Final = "This alert has ended. Nothing is asked of you any more."
NEWER: Final = "A later revision was sent to you: this page shows revision {revision}, the latest is {current}."
REPORT: Final = "Report what was done, or what else you know"
WHAT_KIND: Final = "What is it?"
WORDS: Final = "In a few sentences, without names or anything that identifies a person"
SEND: Final = "Send"
REPORTED: Final = "Reported by your authority"
NOTHING_YET: Final = "Nothing yet."
KIND: Final = {
    AnswerKind.WARNING_ISSUED: "A warning was issued",
    AnswerKind.SERVICES_INFORMED: "Health and emergency services were informed",
    AnswerKind.PRODUCT_WITHDRAWN: "A product was withdrawn or seized",
    AnswerKind.ENFORCEMENT: "Police or customs act on it",
    AnswerKind.MONITORING: "It is watched for",
    AnswerKind.NO_MEASURE: "No measure is needed here",
    AnswerKind.OTHER_MEASURE: "Another measure was taken",
    AnswerKind.INFORMATION: "Further information",
}
STRIP: Final = "{handling} Shown to the holder of this link."
UTC_NOTE: Final = "All times are UTC."

NEED_NAME: Final = "Please say who you are: a name or a duty role of 2 to 100 characters."
NEED_WORDS: Final = "Please say it in 3 to 2000 characters."
PERSONAL: Final = "Please leave out what identifies a person: {what}."

UNSUBSCRIBE_TITLE: Final = "Unsubscribe"
UNSUBSCRIBE_ASKED: Final = "Stop sending alerts of this subscription to this address?"
UNSUBSCRIBE_BUTTON: Final = "Yes, unsubscribe"
UNSUBSCRIBED: Final = "You are unsubscribed. If an alert that you already have is withdrawn, you will still hear of it."

EXPIRED_TITLE: Final = "This link has expired"
EXPIRED: Final = "Ask your duty desk for the alert, or use the link in the latest message about it."
UNKNOWN_TITLE: Final = "This link leads nowhere"
UNKNOWN: Final = "It may have been cut off in the mail: copy the whole of it, on one line."
CROSS_SITE_TITLE: Final = "Please use the button on the page"
CROSS_SITE: Final = "What was sent did not come from a page of this site. Open the link in the mail again."
BUSY_TITLE: Final = "Not now"
BUSY: Final = "Nothing was changed. Please try again in a minute."
