"""When a repository is looked at without anybody asking: what is sent and answered."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from cidxd.errors import InvalidError
from cidxd.model import schedule
from cidxd.model.repository import Schedule
from cidxd.web.route import Sent

_OF_KIND = {
    "adaptive": {"min_seconds", "max_seconds"},
    "cron": {"expression", "timezone"},
    "off": set[str](),
    "default": set[str](),
}


class ScheduleBody(Sent):
    """
    When to look.

    `off`; `default`, as the server does; `adaptive`, half the age of the last commit between
    two bounds; or `cron`, at the times of an expression in a time zone.
    """

    kind: Literal["adaptive", "cron", "off", "default"]
    min_seconds: Annotated[float, Field(ge=0, le=1e9)] | None = None
    max_seconds: Annotated[float, Field(ge=0, le=1e9)] | None = None
    expression: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    timezone: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None


class ScheduleDocument(TypedDict):
    """The schedule in force; the fields of its kind are there."""

    kind: Literal["adaptive", "cron"]
    min_seconds: NotRequired[float]
    max_seconds: NotRequired[float]
    expression: NotRequired[str]
    timezone: NotRequired[str]


class WebhookFact(TypedDict):
    """That there is a webhook; its secret is never told again."""

    created_by: str
    created_at: str


def schedule_of(sent: ScheduleBody | None, default: Schedule, *, now: float) -> Schedule | None:
    """
    Return the schedule that was sent, None to go by the server's default.

    Args:
        sent: None is off.
        default: Gives an adaptive schedule the bounds that were not sent.
        now: POSIX seconds.

    Raises:
        InvalidError: There is no such schedule; points to the field.
    """
    if sent is None or sent.kind == "off":
        _check_fields(sent)
        return schedule.OFF
    _check_fields(sent)
    if sent.kind == "default":
        return None
    if sent.kind == "cron":
        if sent.expression is None:
            raise _wrong("a cron schedule has an expression", "expression")
        return schedule.cron(sent.expression, sent.timezone or "UTC", now=now)
    least = 300.0 if default.kind == "off" else default.min_s
    most = 21_600.0 if default.kind == "off" else default.max_s
    min_s = least if sent.min_seconds is None else sent.min_seconds
    max_s = max(most, min_s) if sent.max_seconds is None else sent.max_seconds
    return schedule.adaptive(min_s, max_s, now=now)


def schedule_document(made: Schedule) -> ScheduleDocument | None:
    """Return *made* as the wire has it, None if it is off."""
    match made.kind:
        case "off":
            return None
        case "adaptive":
            return {"kind": "adaptive", "min_seconds": made.min_s, "max_seconds": made.max_s}
        case "cron":
            return {"kind": "cron", "expression": made.expression, "timezone": made.timezone}


def _check_fields(sent: ScheduleBody | None) -> None:
    if sent is None:
        return
    for name in sorted(sent.model_fields_set - {"kind"} - _OF_KIND[sent.kind]):
        raise _wrong(f"a schedule of kind {sent.kind} has no {name}", name)


def _wrong(message: str, field: str) -> InvalidError:
    return InvalidError(message, code="schedule-invalid", pointer=f"/schedule/{field}")
