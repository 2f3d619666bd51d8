"""The audit log and one's logins as aligned columns; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cidx import amounts, layout, matches
from cidx.layout import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 8  # letters of a session's id

_ENTRIES = (
    Column("AT"),
    Column("ACTOR", least=8),
    Column("ACTION"),
    Column("TARGET", least=8),
    Column("FROM", least=9),
    Column("DETAIL", least=10),
)
_SESSIONS = (
    Column("ID"),
    Column("LAST USED"),
    Column("SINCE"),
    Column("FROM", least=9),
    Column("PROGRAM", least=10),
)


def entries(rows: Sequence[dict[str, Any]], width: int | None = None) -> list[str]:
    """Return the audit log as a table within *width* cells."""
    return layout.table(_ENTRIES, [_entry(row) for row in rows], width)


def _entry(row: dict[str, Any]) -> list[str]:
    told = {name: _shown(value) for name, value in (row.get("detail") or {}).items()}
    details = [f"{name}={words}" for name, words in told.items() if words]
    cells = [row.get("actor"), row.get("action"), row.get("target"), row.get("address")]
    plain = [matches.printable(str(cell or "-")) for cell in cells]
    at = str(row.get("at"))[:19].replace("T", " ")
    return [at, *plain, matches.printable(" ".join(details)) or "-"]


def _shown(value: object) -> str:
    if isinstance(value, dict) and set(value) == {"before", "after"}:
        return f"{_shown(value['before']) or 'none'}→{_shown(value['after']) or 'none'}"
    if isinstance(value, dict):
        told = {name: _shown(item) for name, item in value.items() if item is not None}
        return ",".join(item if name == "kind" else f"{name} {item}" for name, item in told.items())
    if isinstance(value, list):
        return ",".join(_shown(item) for item in value)
    return "none" if value is None else str(value)


def sessions(rows: Sequence[dict[str, Any]], now: float, width: int | None = None) -> list[str]:
    """Return one's logins as a table within *width* cells."""
    return layout.table(_SESSIONS, [_session(row, now) for row in rows], width)


def _session(row: dict[str, Any], now: float) -> list[str]:
    this = " (this)" if row.get("current") else ""
    return [
        f"{str(row.get('id'))[:_SHOWN]}{this}",
        amounts.age(row.get("used_at"), now),
        amounts.age(row.get("created_at"), now),
        matches.printable(str(row.get("address") or "-")),
        matches.printable(str(row.get("agent") or "-")),
    ]
