"""
What is kept of who changed what: entries, written with the change that they tell of.

A decision tells of itself by one line, `state.note("queue.paused", detail…)`; who asked and
when, the ledger knows.  A secret has no place in an entry.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from cidxd.model.repository import Schedule

NOBODY: Final = ""  # who has not said who they are


@dataclasses.dataclass(frozen=True, slots=True)
class By:
    """
    Who asks for a change, whence, and when.

    Attributes:
        actor: A user's name, `operator:NAME` for a user of the daemon's machine, or `daemon`.
        address: The client's; empty for the daemon itself.
        request_id: Of the request, as the daemon's log has it; empty without one.
        session_id: The login that the request came with, if it came with one.
        at: POSIX seconds.
    """

    actor: str
    address: str = ""
    request_id: str = ""
    session_id: str | None = None
    at: float = 0.0


DAEMON: Final = By("daemon")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    One line of the audit log.

    Attributes:
        action: What was done, such as `user.changed`.
        target: To what: a name or an id; may be empty.
        detail: What else is worth knowing, without secrets: JSON's types only.
    """

    at: float
    actor: str
    action: str
    target: str
    address: str
    request_id: str
    detail: dict[str, Any]


def entry(
    by: By, action: str, target: str, detail: Mapping[str, Any], *, actor: str | None = None
) -> Entry:
    """Return what *by* did; *actor* is who they turned out to be, at a login."""
    return Entry(
        at=by.at,
        actor=by.actor if actor is None else actor,
        action=action,
        target=target,
        address=by.address,
        request_id=by.request_id,
        detail=dict(detail),
    )


def changes(before: object, after: object, *fields: str) -> dict[str, Any]:
    """Return `{field: {before, after}}` for each of *fields* in which two records differ."""
    pairs = {field: (getattr(before, field), getattr(after, field)) for field in fields}
    return {
        field: {"before": _plain(old), "after": _plain(new)}
        for field, (old, new) in pairs.items()
        if old != new
    }


def _plain(value: object) -> object:
    if isinstance(value, Schedule):
        return value.told()
    return list(value) if isinstance(value, tuple) else value
