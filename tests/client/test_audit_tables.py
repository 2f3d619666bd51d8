from __future__ import annotations

from cidx import audit_tables


def row(**detail: object) -> dict[str, object]:
    names = {"actor": "ada", "action": "repository.changed", "target": "app", "address": ""}
    return {"at": "2026-11-25T12:00:00.000Z", **names, "detail": detail}


def last_cell(**detail: object) -> str:
    (_, line) = audit_tables.entries([row(**detail)])
    return line.partition("app     -     ")[2].strip()


def test_a_change_is_told_as_what_it_was_and_what_it_is() -> None:
    cron = {"kind": "cron", "expression": "*/5 * * * *", "timezone": "UTC", "max_seconds": None}
    told = last_cell(schedule={"before": None, "after": cron})
    assert told == "schedule=none→cron,expression */5 * * * *,timezone UTC"
    assert last_cell(branches={"before": [], "after": ["a", "b"]}) == "branches=none→a,b"


def test_users_are_told_with_their_levels() -> None:
    told = last_cell(visibility="restricted", users={"bob": "read", "eve": "write"})
    assert told == "visibility=restricted users=bob read,eve write"


def test_what_is_empty_takes_no_room() -> None:
    assert last_cell(branches=[], remote="https://example.org/a") == "remote=https://example.org/a"
    assert last_cell(branches=[]) == "-"
