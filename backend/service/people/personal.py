"""Which columns hold personal data: what for, how long, and what becomes of them.

`docs/personal-data.md` is generated from this list. A test compares it with the tables: a column
that names or describes people has a row here, or is said to be of something else.
"""

from dataclasses import dataclass
from enum import Enum


class Fate(Enum):
    """What becomes of data when its person is deleted."""

    GOES = "deleted"
    RENAMED = "stays, under the name that replaces the person's"
    RUNS_OUT = "goes by itself at its time"


class Protection(Enum):
    """How a column about people is protected: docs/protection.md has the rules."""

    SECRET = "secret"  # noqa: S105 - the name of a class
    IDENTIFYING = "identifying"
    TRACE = "trace"


@dataclass(frozen=True, slots=True)
class Held:
    """Columns of a table that hold personal data; `kept` says how long."""

    table: str
    columns: tuple[str, ...]
    what: str
    purpose: str
    kept: str
    fate: Fate


_SECRET = frozenset({"password_hash", "pin_hash", "badge_hash", "code_hash", "p256dh", "auth"})
_IDENTIFYING = frozenset({
    "login", "name", "locale", "address", "network", "user_agent", "endpoint", "subject",
    "public_key", "credential_id", "note", "reason",
})  # fmt: skip
_MEMBERSHIP = "while the person belongs to the project"
_RECORD = "as long as the project: records of a plant name who made them"
_ACCOUNT = "as long as the person"

PERSONAL: tuple[Held, ...] = (
    Held("person", ("login", "name", "password_hash", "locale"), "login (employee or mobile number,"
         " e-mail), name, hash of the password, language", "signing in, saying who did what",
         _ACCOUNT, Fate.RENAMED),
    Held("membership", ("person_id",), "who belongs to a project", "what they may do", _MEMBERSHIP,
         Fate.GOES),
    Held("platform_operator", ("person_id",), "who looks after the platform", "what they may do",
         "until they are dismissed", Fate.GOES),
    Held("delegation", ("person_id", "given_by", "note"), "who hands what to whom", "standing in",
         _RECORD, Fate.RENAMED),
    Held("invitation", ("invited_by", "accepted_by", "note"), "who invited whom", "joining",
         _RECORD, Fate.RENAMED),
    Held("project_group", ("made_by",), "who made a group of projects", "saying who did what",
         "as long as the group", Fate.RENAMED),
    Held("group_person", ("person_id",), "who is in a group of projects", "what they are told",
         "while the person is in the group", Fate.GOES),
    Held("group_invitation", ("invited_by", "used_by", "note"), "who invited whom into a group",
         "joining", "as long as the group", Fate.RENAMED),
    Held("group_consent", ("given_by", "ended_by"), "who let a group see roll-ups",
         "accountability", _RECORD, Fate.RENAMED),
    Held("group_look", ("person_id",), "who of a group was told figures, and on which days",
         "accountability to the project", _RECORD, Fate.RENAMED),
    Held("sign_up", ("login", "name", "note", "network", "locale", "password_hash", "decided_by"),
         "who asks for an account, and from where; the hash until the decision",
         "letting people in", "14 days, a decision 30 days", Fate.RUNS_OUT),
    Held("sign_in_session", ("person_id", "user_agent", "address"), "where and with what somebody"
         " is signed in", "showing and ending sessions", "30 days after the last sign-in",
         Fate.GOES),
    Held("sign_in_step", ("person_id",), "a sign-in under way", "the second factor",
         "some minutes", Fate.RUNS_OUT),
    Held("sign_in_failure", ("login", "address"), "failures in a row by login and address",
         "braking guesses", "a day", Fate.RUNS_OUT),
    Held("passkey", ("person_id", "name", "public_key", "credential_id"), "passkeys", "signing in",
         _ACCOUNT, Fate.GOES),
    Held("second_factor", ("person_id",), "one-time passwords", "signing in", _ACCOUNT, Fate.GOES),
    Held("recovery_code", ("person_id", "code_hash"), "hashes of recovery codes", "signing in",
         _ACCOUNT, Fate.GOES),
    Held("linked_identity", ("person_id", "subject"), "who somebody is at another provider",
         "signing in", _ACCOUNT, Fate.GOES),
    Held("person_pin", ("person_id", "pin_hash"), "hash of the PIN", "taking shared devices",
         _ACCOUNT, Fate.GOES),
    Held("person_badge", ("person_id", "badge_hash", "made_by"), "hash of the badge",
         "taking shared devices", _MEMBERSHIP, Fate.GOES),
    Held("shared_device", ("made_by",), "who made a post", "saying who did what", _RECORD,
         Fate.RENAMED),
    Held("project_export", ("person_id",), "who took a project's archive", "saying who did what",
         "as long as the archive", Fate.RENAMED),
    Held("answered_request", ("person_id",), "whose request was answered",
         "answering a repeat alike", "a day", Fate.RUNS_OUT),
    Held("webhook", ("created_by",), "who made a webhook", "saying who did what", _RECORD,
         Fate.RENAMED),
    Held("api_key", ("person_id",), "for whom a program acts", "what it may do", _RECORD,
         Fate.RENAMED),
    Held("mqtt_credential", ("person_id",), "for whom a program acts", "what it may do", _RECORD,
         Fate.RENAMED),
    Held("push_subscription", ("person_id", "endpoint", "p256dh", "auth", "locale", "user_agent"),
         "browsers that are told of alarms", "telling of alarms", "until it is turned off",
         Fate.GOES),
    Held("audit", ("person_id", "actor"), "who did what; identities, no names",
         "accountability; chained, so no entry is changed", "as long as the project, in files after"
         " KILOWISE_AUDIT_MONTHS; the last six months of an ended project until they are over",
         Fate.RENAMED),
    Held("alarm_ack", ("person_id",), "who took an alarm", "handing over", _RECORD, Fate.RENAMED),
    Held("alarm_transition", ("person_id",), "who took an alarm", "handing over", _RECORD,
         Fate.RENAMED),
    Held("command", ("person_id", "actor"), "who set a value", "accountability", _RECORD,
         Fate.RENAMED),
    Held("device_profile", ("person_id",), "who brought a profile", "accountability", _RECORD,
         Fate.RENAMED),
    Held("enrolment_event", ("person_id", "address"), "who let a gateway in, and from where",
         "accountability", _RECORD, Fate.RENAMED),
    Held("gateway_config", ("person_id", "note"), "who changed a configuration", "accountability",
         _RECORD, Fate.RENAMED),
    Held("gateway_release", ("person_id",), "who brought a release", "accountability", _RECORD,
         Fate.RENAMED),
    Held("factor", ("confirmed_by",), "who confirmed a factor", "accountability", _RECORD,
         Fate.RENAMED),
    Held("tariff", ("confirmed_by",), "who confirmed a tariff", "accountability", _RECORD,
         Fate.RENAMED),
    Held("supply_contract", ("confirmed_by",), "who confirmed a contract", "accountability",
         _RECORD, Fate.RENAMED),
    Held("hand_reading", ("entered_by", "withdrawn_by", "note"), "who read a register",
         "accountability", _RECORD, Fate.RENAMED),
    Held("register_event", ("recorded_by", "note"), "who recorded an exchange", "accountability",
         _RECORD, Fate.RENAMED),
    Held("stock_document", ("recorded_by", "note"), "who recorded a document", "accountability",
         _RECORD, Fate.RENAMED),
    Held("restatement", ("proposed_by", "decided_by", "reason"), "who proposed and decided",
         "accountability", _RECORD, Fate.RENAMED),
    Held("sheet_import", ("created_by", "applied_by"), "who brought a file", "accountability",
         "7 days where it was not applied", Fate.RENAMED),
    Held("meter_list", ("created_by", "applied_by", "rolled_back_by"), "who brought a meter list",
         "accountability", _RECORD, Fate.RENAMED),
    Held("project", ("created_by",), "who made a project", "accountability", _RECORD,
         Fate.RENAMED),
)  # fmt: skip


def protection(column: str) -> Protection | None:
    """Answer the class of a column about people, by its name; None for a name that has none."""
    if column in _SECRET:
        return Protection.SECRET
    if column in _IDENTIFYING:
        return Protection.IDENTIFYING
    if column in {"person_id", "actor"} or column.endswith("_by"):
        return Protection.TRACE
    return None
