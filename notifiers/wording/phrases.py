"""Every English word and sentence that a message can hold, each once: the keys of the catalogues in `notifiers/locale`.

Sentences are `str.format` templates with named places; what is put in is never formatted again.
"""

from dataclasses import dataclass
from typing import Final

from alerts import explanation
from notifiers.wording import classes
from notifiers.wording.tongue import Counted
from schemas.deliveries import Role
from schemas.vocabularies import (
    AlertKind,
    Change,
    Confidence,
    Distribution,
    Exposure,
    Handling,
    Level,
    Novelty,
    PhysicalForm,
    Presentation,
    Scope,
    Statement,
    Tense,
)

MARK: Final = {Tense.EXERCISE: "EXERCISE", Tense.TEST: "TEST"}
MARK_SENTENCE: Final = {
    Tense.EXERCISE: "This is an exercise. Nothing in it is real: do not act on it outside the exercise.",
    Tense.TEST: "This is a technical test. Nothing in it is real: do not act on it.",
}

QUOTED: Final = "“{text}”"

LEVEL: Final = "L{level} {word}"
LEVEL_WORD: Final = {level: level.word for level in Level}
LEVEL_OF: Final = "level {level} of 4"
LEVEL_MEANING: Final = {
    Level.L0: "Record: kept and counted, nothing to do.",
    Level.L1: "Information: for the record, nothing is urgent.",
    Level.L2: "Advisory: judge what it means for your services.",
    Level.L3: "Alert: for authorities, act today.",
    Level.L4: "Urgent alert: act now, day or night.",
}
SUBJECT_LEVEL: Final = ("L0 RECORD", "L1 INFORMATION", "L2 ADVISORY", "L3 ALERT", "L4 URGENT")
SCORES: Final = "Impact {impact} of 4, spread {spread} of 4."
SCOPE: Final = {
    Scope.UNION: "It concerns the Union: more than one country, or it may come to that.",
    Scope.NATIONAL: "As far as is known it concerns one country.",
}
LOWER_NOW: Final = "The present reports alone would give {level}; the level stays until a person lowers it."

KIND: Final = {
    AlertKind.RAISED: "new alert",
    AlertKind.UPDATED: "update",
    AlertKind.ESCALATED: "raised",
    AlertKind.DOWNGRADED: "lowered",
    AlertKind.CANCELLED: "cancelled",
    AlertKind.CLOSED: "closed",
    AlertKind.EXPIRED: "expired",
}
SUBJECT_KIND: Final = {
    AlertKind.RAISED: "{text}",
    AlertKind.UPDATED: "Update: {text}",
    AlertKind.ESCALATED: "Level raised: {text}",
    AlertKind.DOWNGRADED: "Level lowered: {text}",
    AlertKind.CANCELLED: "Withdrawn: {text}",
    AlertKind.CLOSED: "{text}",
    AlertKind.EXPIRED: "{text}",
}
SUBJECT: Final = "{text} ({number})"
UNNAMED: Final = "{category}, name not fit for a subject line"

ENDING_BAND: Final = {
    AlertKind.CANCELLED: "Cancelled",
    AlertKind.CLOSED: "Closed",
    AlertKind.EXPIRED: "Expired",
}
ENDING_NOTE: Final = {
    AlertKind.CANCELLED: "withdrawn, do not act on it any more",
    AlertKind.CLOSED: "ended by a person",
    AlertKind.EXPIRED: "no longer valid",
}
ENDING_TITLE: Final = {
    AlertKind.CANCELLED: "Withdrawn: {title}",
    AlertKind.CLOSED: "Closed: {title}",
    AlertKind.EXPIRED: "Expired: {title}",
}
ENDING_LEAD: Final = {
    AlertKind.CANCELLED: "Alert {number} is cancelled. Everything sent under this number is withdrawn.",
    AlertKind.CLOSED: "Alert {number} is closed. What was sent under this number stays as a record and asks no more.",
    AlertKind.EXPIRED: "Alert {number} has expired: it was neither renewed nor confirmed in time. "
    "What was sent under this number stays as a record.",
}
ENDING_ADVICE: Final = {
    AlertKind.CANCELLED: (
        "Stop what you do because of this alert alone.",
        "If you passed it on, pass this cancellation on to the same people.",
    ),
    AlertKind.CLOSED: ("If you passed the alert on, tell the same people that it is closed.",),
    AlertKind.EXPIRED: (
        "Do not rely on it without new information.",
        "If you passed the alert on, tell the same people that it has expired.",
    ),
}
REASON_GIVEN: Final = "Reason given: {reason}"

PROVISIONAL: Final = "provisional"
SUBJECT_PROVISIONAL: Final = "PROVISIONAL"
PROVISIONAL_NOTE: Final = "Provisional: it rests on screening or unconfirmed reports. To be confirmed or renewed {by}."
PROVISIONAL_BY: Final = "by {at}"
RESTRICTED: Final = "Restricted information exists: the level rests also on reports that may not be shown here."
PROVISIONAL_SOON: Final = "within 72 hours"
CONFIDENCE: Final = {
    Confidence.A: "A: confirmed by at least two independent techniques with a reference standard",
    Confidence.B: "B: identified, not yet confirmed",
    Confidence.C: "C: screening methods only",
    Confidence.D: "D: reported without analysis",
}

CHANGE: Final = {
    Change.FIRST_LEVEL: "It is told for the first time.",
    Change.LEVEL_ROSE: "The level rose to {level}.",
    Change.NEW_COUNTRY: "It was found in another country.",
    Change.HARM_WORSE: "Harm was reported that was not known before, or worse harm.",
    Change.NEW_PRESENTATION: "It is presented in a way not seen before in this case.",
    Change.NEW_ROUTE_OF_SALE: "It is sold by a way not seen before in this case.",
    Change.DOSE_ROSE: "A higher dose was found.",
    Change.CONFIRMED: "It is confirmed and no longer provisional.",
    Change.IDENTITY_SETTLED: "The substance is now identified as {name}.",
    Change.IDENTITY_REOPENED: "What it was identified as no longer holds; it is again known as {name}.",
    Change.PARTLY_WITHDRAWN: "Reports behind it were withdrawn; the others still carry it.",
    Change.WITHDRAWN: "The reports that carried it were withdrawn by their laboratory.",
    Change.CANCELLED_BY_PERSON: "It was cancelled by a person.",
    Change.CORRECTED: "An earlier statement was wrong and is put right here.",
    Change.NOT_CONFIRMED_IN_TIME: "It was provisional, and was neither confirmed nor renewed in time.",
    Change.VALIDITY_OVER: "Nothing new was told of it for as long as it was valid.",
    Change.CLOSED_BY_PERSON: "It was closed by a person.",
    Change.REOPENED: "It had ended and is open again, at {level}.",
    Change.LOWERED_BY_PERSON: "A person lowered the level to {level}.",
    Change.RENEWED: "A person renewed it: it stays valid.",
    Change.OVERRIDDEN: "A person set the level to {level} for a time.",
    Change.OVERRIDE_ENDED: "The level that a person had set for a time is over; it is {level} now.",
    Change.MERGED: "Findings of another case speak of the same threat and are counted here.",
    Change.SPLIT: "Findings that speak of another threat are counted apart from now on.",
    Change.GOES_ON_ELSEWHERE: "It goes on under another number, which is to be read instead.",
    Change.UNDONE: "That cases were joined or parted was taken back.",
}
CORRECTION: Final = {
    Statement.COUNTRY: "That it was found in {was} was wrong.",
    Statement.HARM: "The harm that was told ({was}) was wrong.",
    Statement.PRESENTATION: "That it is presented {was} was wrong.",
    Statement.ROUTE_OF_SALE: "That it is sold through {was} was wrong.",
    Statement.DOSE: "The dose that was told ({was}) was wrong.",
    Statement.FIRST_SIGHTING: "That it was new in the Union ({was}) was wrong.",
    Statement.CONFIRMATION: "That it was {was} is not so any more.",
}
CORRECTION_TO: Final = {
    Statement.COUNTRY: "It was found in {now}; that it was found in {was} was wrong.",
    Statement.HARM: "The worst harm known is: {now}. What was told ({was}) was wrong.",
    Statement.PRESENTATION: "It is presented {now}; that it is presented {was} was wrong.",
    Statement.ROUTE_OF_SALE: "It is sold through {now}; that it is sold through {was} was wrong.",
    Statement.DOSE: "The highest dose known is {now}; what was told ({was}) was wrong.",
    Statement.FIRST_SIGHTING: "It was first found in the Union earlier or elsewhere than was told ({was}): {now}.",
    Statement.CONFIRMATION: "It is {now}; that it was {was} was wrong.",
}
CORRECTED_WORD: Final = {
    "none": "none",
    "minor": "minor harm",
    "moderate": "moderate harm",
    "hospitalised": "people in hospital",
    "life_threatening": "life-threatening harm",
    "death": "death",
    "usual": "usual",
    "high": "high",
    "extreme": "extreme",
    "provisional": "provisional",
    "confirmed": "confirmed",
}
WITHDRAWN_REPORT: Final = "Withdrawn: the report of {date} from {country}."
WITHDRAWN_REPORT_UNDATED: Final = "Withdrawn: a report from {country}."
WITHDRAWN_MORE: Final = Counted("{n} earlier report was withdrawn too.", "{n} earlier reports were withdrawn too.")
REMAINS: Final = "What remains: {events} in {countries}, which alone give {level}."
REMAINS_NOTHING: Final = "What remains: nothing that an alert could rest on."
REASON_GIVEN_BY: Final = "Reason given by {who}: {reason}"
OVERRIDE: Final = "{level} was set by {who} until {until}, whatever the rules give ({computed}). Reason given: {reason}"
HIGHER_NOW: Final = "The present reports alone would give {level}."

TITLE_FORMS: Final = "{name} in {forms}"
TITLE_SOLD_AS: Final = "{title} sold as {sold_as}"
TITLE_DOSE: Final = "{title}, {dose}"
LEAD: Final = "{what}, found in {events} in {countries}{period}."
LEAD_NOWHERE: Final = "{what}. No place is reported."
PEOPLE: Final = {
    "deaths": Counted("{n} death", "{n} deaths"),
    "life_threatening": Counted("{n} life-threatening case", "{n} life-threatening cases"),
    "hospitalised": Counted("{n} person in hospital", "{n} people in hospital"),
}
HARM_LEAD: Final = "Linked to it in the last 90 days: {people}."
HARM_FACT: Final = "{people} in the last 90 days{exposure}"
HARM_NONE: Final = "none reported in the last 90 days"
EXPOSURE: Final = {
    Exposure.CONFIRMED: ", exposure confirmed by analysis",
    Exposure.PROBABLE: ", exposure probable",
    Exposure.SUSPECTED: ", exposure suspected",
}
EVENTS: Final = Counted("{n} event", "{n} separate events")
REPORTS: Final = Counted("{n} report", "{n} reports")
LABORATORIES: Final = Counted("{n} laboratory", "{n} laboratories")
SOURCES: Final = "{reports} from {laboratories}"
EVENT_COUNTS: Final = "{total} in all, {recent} in the last 28 days"
DOSE: Final = "up to {dose} mg per unit"
COUNTS_SENTENCE: Final = "Events by country: {counts}."
COUNT: Final = "{country} {n}"
COUNT_NEW: Final = "{country} {n} (newly affected)"
NOWHERE: Final = "No country is reported."
UNSUPPORTED_ADVICE: Final = (
    "No response option is on file for this substance. Read the facts below and follow your national procedure."
)

CATEGORY: Final = classes.CATEGORY
SUBGROUP_WORD: Final = classes.SUBGROUP_WORD
NAMELESS: Final = (classes.UNIDENTIFIED, classes.NOT_ANALYSED, classes.NOT_ANALYSED_SOLD_AS)
SUBGROUP: Final = {
    "nitazene": "A nitazene opioid",
    "fentanyl": "A fentanyl opioid",
    "orphine": "An orphine opioid",
    "other_potent_opioid": "A potent opioid",
    "lysergamide": "A lysergamide",
    "nbome": "An NBOMe phenethylamine",
}
FORM: Final = {
    PhysicalForm.POWDER: "powder",
    PhysicalForm.CRYSTAL: "crystals",
    PhysicalForm.TABLET: "tablets",
    PhysicalForm.CAPSULE: "capsules",
    PhysicalForm.BLOTTER: "blotters",
    PhysicalForm.LIQUID: "liquid",
    PhysicalForm.E_LIQUID: "e-liquid",
    PhysicalForm.EDIBLE: "edibles",
    PhysicalForm.PLANT_MATERIAL: "plant material",
    PhysicalForm.RESIN: "resin",
    PhysicalForm.NASAL_SPRAY: "nasal spray",
    PhysicalForm.PATCH: "patches",
    PhysicalForm.OTHER: "another form",
}
PRESENTATION: Final = {
    Presentation.AS_DRUG: "as a drug",
    Presentation.FAKE_MEDICINE: "as a fake medicine",
    Presentation.CONSUMER_PRODUCT: "as a consumer product",
    Presentation.LEGAL_HIGH_BRAND: "under a “legal high” brand",
    Presentation.PRECURSOR_MISLABEL: "as a mislabelled precursor",
    Presentation.UNKNOWN: "not known",
}
DISTRIBUTION: Final = {
    Distribution.STREET: "street",
    Distribution.ONLINE: "online",
    Distribution.DARKNET: "darknet",
    Distribution.SOCIAL_MEDIA: "social media",
    Distribution.POSTAL: "post",
    Distribution.BORDER: "border",
    Distribution.RETAIL: "shops",
    Distribution.PRISON: "prison",
    Distribution.EVENT: "festivals and events",
    Distribution.PRODUCTION_SITE: "production site",
    Distribution.UNKNOWN: "not known",
}

TLP: Final = "TLP:{handling}"
HANDLING: Final = {
    Handling.CLEAR: "may be shared without limit",
    Handling.GREEN: "may be shared within your community, not publicly",
    Handling.AMBER: "only for those in your organisation and its clients who need to know",
    Handling.AMBER_STRICT: "only for those in your organisation who need to know",
    Handling.RED: "only for the person it is addressed to",
}
HANDLING_SENTENCE: Final = "{tlp}, {means}."
PRECURSOR_AUDIENCE: Final = "For the restricted precursor audience."
USE_CONDITION: Final = "Condition of use: {condition}"


@dataclass(frozen=True)
class Headings:
    """What stands above the parts of a message; templates hold no words of their own."""

    changed: str = "What changed"
    serious: str = "How serious"
    advice: str = "What to do now"
    where: str = "Where"
    facts: str = "What is known"
    questions: str = "What we ask you"
    ended: str = "Why it ended"
    was: str = "What it was about"


WHY: Final = "Why it is {level}"
NEAR: Final = dict(explanation.WORDS)
NEAR_OR: Final = explanation.OR
NEAR_MAKES: Final = (explanation.MAKES, explanation.ONE_OF_THEM_MAKES)
SUBSTANCE: Final = "Substance"
SOLD_AS: Final = "Sold as"
FORMS: Final = "Form"
LOOKS: Final = "Looks like"
DOSE_LABEL: Final = "Dose"
PRESENTED: Final = "Presented"
SOLD: Final = "Sold through"
ALSO_FOUND: Final = "Also found"
HARM: Final = "Harm"
EVENTS_LABEL: Final = "Events"
NOVELTY_LABEL: Final = "New"
NOVELTY: Final = {
    Novelty.NEW_TO_UNION: "first finding in the Union",
    Novelty.NEW_TO_COUNTRY: "first finding in a country",
    Novelty.POSSIBLY_NEW_TO_UNION: "possibly new in the Union: what it is, is not settled",
    Novelty.POSSIBLY_NEW_TO_COUNTRY: "possibly new in a country: what it is, is not settled",
}
CONFIDENCE_LABEL: Final = "Confidence"
SOURCES_LABEL: Final = "Sources"
ALERT: Final = "Alert"
READ_WITH: Final = "Read with"
VALID_UNTIL: Final = "Valid until"
REVIEW_AT: Final = "Next review"
CAS: Final = "CAS {cas}"
INCHIKEY: Final = "InChIKey {inchikey}"
NAME_WITH_IDS: Final = "{name} ({ids})"
REVISION: Final = "{number}, revision {revision}"
REPLACES: Final = "This is revision {revision} of {number}; it replaces all before it."
FIRST_REVISION: Final = "This is the first message about {number}."
DECIDED: Final = "Decided {at} by rules {rules} {version} and catalogue {catalogue}."
ACKNOWLEDGE: Final = "Open and acknowledge"
ACKNOWLEDGE_NOTE: Final = (
    "Opening the page does not acknowledge: a button on it does. The link is yours, do not pass it on."
)
ANSWER_BY: Final = "To be acknowledged by {at}."
AT_HOME: Final = "{at} ({city}: {local})"
UNSUBSCRIBE: Final = "You get this because you subscribed to it. Unsubscribe"
STATUTORY: Final = "You get this because your authority must be told of such alerts."
DIGEST_SUBJECT: Final = "Drug alerts from {start} to {end}: {alerts}"
DIGEST_TITLE: Final = "What was new from {start} to {end}"
DIGEST_ALERTS: Final = Counted("{n} alert", "{n} alerts")
DIGEST_LEAD: Final = "What is urgent was told at once. This is the rest, and how much there was of everything."
DIGEST_NEW: Final = "For information, nothing is urgent"
DIGEST_LINE: Final = "{title} ({number}); {countries}"
DIGEST_MORE: Final = "More alerts that are not listed here: {n}"
DIGEST_CLASSES: Final = "Alerts by class"
DIGEST_COUNTRIES: Final = "Alerts by country"
DIGEST_COUNT: Final = "{what}: {now} (before: {before})"
DIGEST_FOOTER: Final = "Counted is each alert that you were told of or that stands above, once. All dates are UTC."
UNREVIEWED: Final = "This translation awaits a native reviewer: where it is unclear, the English text counts."
REPLY: Final = "Questions: reply to this mail, the duty desk reads it."

WAITING: Final = {
    AlertKind.RAISED: "An alert is waiting for you",
    AlertKind.UPDATED: "An update of an alert is waiting for you",
    AlertKind.ESCALATED: "An alert that rose in level is waiting for you",
    AlertKind.DOWNGRADED: "An alert that fell in level is waiting for you",
    AlertKind.CANCELLED: "An alert is withdrawn: do not act on it any more",
    AlertKind.CLOSED: "An alert is closed",
    AlertKind.EXPIRED: "An alert has expired",
}
WAITING_LEAD: Final = "What it says may not be sent on this channel ({tlp})."
WAITING_ADVICE: Final = (
    "Contact your duty desk for the content.",
    "Quote reference {reference}.",
    "Do not ask for the content by mail, and do not reply with it.",
)
SUBJECT_REMINDER: Final = "Not acknowledged: {text}"
REMINDER: Final = {
    Role.CONTACT: "Reminder: nobody at your authority has acknowledged this yet. Please acknowledge it, so that nobody "
    "else has to be called.",
    Role.SECOND: "You get this on a second channel, because it was not acknowledged on the first.",
    Role.DEPUTY: "You get this as a deputy, because the contacts of your authority have not acknowledged it.",
    Role.DUTY: "You get this as the duty officer, because nobody at your authority has acknowledged it.",
    Role.DESK: "For the central desk: nobody at {who} has acknowledged this. Please reach them in another way.",
}
REMINDER_NOBODY: Final = "an authority that must be told"
WAITING_FOOTER: Final = "This message holds nothing of the alert's content."

TRIAL_SUBJECT: Final = "Test of this address"
TRIAL: Final = (
    "This message tests whether alerts reach this address.",
    "No alert was raised, and there is nothing to do.",
)
ENDPOINT_SUBJECT: Final = "Your webhook endpoint was switched off"
ENDPOINT_FAILING: Final = "Everything sent to the endpoint at {host} failed for {days} days."
ENDPOINT_GONE: Final = "The endpoint at {host} answered that it is gone for good (410)."
ENDPOINT_OFF: Final = (
    "Nothing more is sent there.",
    "When it works again, reply to this mail, and it is switched on after a test.",
)
