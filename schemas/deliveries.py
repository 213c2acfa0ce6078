"""The closed lists that a delivery is described with: where it goes, what state it is in, and why."""

from enum import StrEnum


class Channel(StrEnum):
    EMAIL = "email"
    WEBHOOK = "webhook"


class SubscriberKind(StrEnum):
    """Who is told. Only authorities and focal points may hold statutory subscriptions."""

    AUTHORITY = "authority"
    FOCAL_POINT = "focal_point"
    PUBLIC_HEALTH = "public_health"
    VOLUNTARY = "voluntary"


class Ground(StrEnum):
    """Statutory subscriptions cannot be muted or filtered at L3 and L4; voluntary ones go strictly by their filter."""

    STATUTORY = "statutory"
    VOLUNTARY = "voluntary"


class Role(StrEnum):
    """When a destination of an authority is told: contacts at once, the others when nobody acknowledges. `second` is
    another way to the same people; `desk` is told of all authorities."""

    CONTACT = "contact"
    SECOND = "second"
    DEPUTY = "deputy"
    DUTY = "duty"
    DESK = "desk"


class DeliveryState(StrEnum):
    """Where a delivery stands. `accepted` is the relay's or receiver's word, nothing more."""

    PLANNED = "planned"
    SENDING = "sending"
    DEFERRED = "deferred"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class Gate(StrEnum):
    """The stages of planning, in their order; `claim` repeats the first three before each send."""

    DESTINATION = "destination"
    TENSE = "tense"
    HANDLING = "handling"
    OBLIGATION = "obligation"
    FILTER = "filter"
    QUIET_HOURS = "quiet_hours"
    DIGEST = "digest"
    MERGE = "merge"
    CLAIM = "claim"


class DeliveryReason(StrEnum):
    """Why a gate let a delivery through or stopped it."""

    REACHABLE = "reachable"
    DESTINATION_INACTIVE = "destination_inactive"
    ADDRESS_SUPPRESSED = "address_suppressed"
    UNSUBSCRIBED = "unsubscribed"
    REAL_TO_ALL = "real_to_all"
    RECORDING_ONLY = "recording_only"
    EXERCISE_OPTED_IN = "exercise_opted_in"
    EXERCISE_NOT_OPTED_IN = "exercise_not_opted_in"
    TEST_RECORDING = "test_recording"
    TEST_NOT_RECORDING = "test_not_recording"
    ARCHIVAL = "archival"
    TENSE_CROSSED = "tense_crossed"
    CLEARED = "cleared"
    BARE_FOR_RED = "bare_for_red"
    BARE_FOR_THREAD = "bare_for_thread"
    MORE_RESTRICTED = "more_restricted"
    WITHHELD = "withheld"
    HANDLING = "handling"
    USE_CONDITIONS = "use_conditions"
    NOT_PRECURSOR_AUDIENCE = "not_precursor_audience"
    AUDIENCE_BROKEN = "audience_broken"
    STATUTORY_LEVEL = "statutory_level"
    STATUTORY_COUNTRY = "statutory_country"
    STATUTORY_NOT_CONCERNED = "statutory_not_concerned"
    NO_OBLIGATION = "no_obligation"
    IN_THREAD = "in_thread"
    NOT_IN_THREAD = "not_in_thread"
    FILTER_MATCHES = "filter_matches"
    FILTER_LEVEL = "filter_level"
    FILTER_COUNTRY = "filter_country"
    FILTER_CLASS = "filter_class"
    FILTER_SUBSTANCE = "filter_substance"
    FILTER_EXPRESSION = "filter_expression"
    FILTER_FAILED = "filter_failed"
    NOT_FILTERED = "not_filtered"
    NOT_QUIET = "not_quiet"
    QUIET_HOURS = "quiet_hours"
    QUIET_HOURS_PASSED = "quiet_hours_passed"
    AT_ONCE = "at_once"
    DIGEST = "digest"
    DIGEST_DUE = "digest_due"
    OWNER = "owner"
    RECORD_ONLY = "record_only"
    MERGED = "merged"
    ALONE = "alone"
    RETRACTION = "retraction"
    NEVER_SENT = "never_sent"
    NOT_CONFIRMED = "not_confirmed"
    FOR_ESCALATION = "for_escalation"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    SECOND_WAY = "second_way"
    NEWER_REVISION = "newer_revision"


class HoldReason(StrEnum):
    """Why an alert event told nobody until a person has looked."""

    BLAST_LIMIT = "blast_limit"
    UNREADABLE = "unreadable"
    TENSE_CROSSED = "tense_crossed"


class OutcomeReason(StrEnum):
    """What happened to one attempt, in the words of the channel."""

    ACCEPTED = "accepted"
    DUPLICATE_ACCEPTED = "duplicate_accepted"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    CONNECTION_LOST = "connection_lost"
    REPLY_LOST = "reply_lost"
    TLS_FAILED = "tls_failed"
    LOGIN_REFUSED = "login_refused"
    TRY_LATER = "try_later"
    ADDRESS_REFUSED = "address_refused"
    SENDER_REFUSED = "sender_refused"
    POLICY_REFUSED = "policy_refused"
    TOO_LARGE = "too_large"
    MESSAGE_REFUSED = "message_refused"
    UNSAFE_TEXT = "unsafe_text"
    CANNOT_RENDER = "cannot_render"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    THROTTLED = "throttled"
    REDIRECTED = "redirected"
    GONE = "gone"
    ADDRESS_FORBIDDEN = "address_forbidden"
    ANSWER_BROKEN = "answer_broken"
    ABOVE_HANDLING = "above_handling"
    LEASE_RAN_OUT = "lease_ran_out"
    GAVE_UP = "gave_up"
    INTERNAL_ERROR = "internal_error"
    RESTORED = "restored"
    BOUNCED = "bounced"
    NOTIFIED = "notified"
    CERTIFICATE_MISSING = "certificate_missing"
    CERTIFICATE_EXPIRED = "certificate_expired"


class Purpose(StrEnum):
    """What a delivery is for. Part of the delivery id: one alert revision goes once per purpose and destination. A
    digest and a notice are about no single alert: each is a thread of its own."""

    ALERT = "alert"
    UPDATE = "update"
    ESCALATION = "escalation"
    CANCEL = "cancel"
    EXPIRY = "expiry"
    CLOSURE = "closure"
    TEST = "test"
    DIGEST = "digest"
    NOTICE = "notice"


class Content(StrEnum):
    """Full: everything. Thin: what it is, not what it says. Bare: only that something waits."""

    FULL = "full"
    THIN = "thin"
    BARE = "bare"
