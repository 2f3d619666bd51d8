"""Rows of searches: the first 50 matches, the list of all files, and memory while serving."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import peers
from building import LARGE, Outcome
from daemon import Daemon
from stopwatch import Work, alternating
from subject import Pattern, Subject
from tables import Row, amount, table

LIMIT: Final = 50
_PAGE: Final = 10_000
_HTTP, _QUERY, _GIT, _RG = "cidx, HTTP", "`cidx query`", "git grep", "rg"
_ZOEKT, _EARLY = "zoekt", "zoekt, told to stop early"
_COLUMNS: Final = (_HTTP, _QUERY, _GIT, _RG, _ZOEKT, _EARLY)


class Searched(NamedTuple):
    """Rows of the target table, and what each pattern took everywhere."""

    rows: list[Row]
    text: str


def measure(subject: Subject, daemon: Daemon, built: Outcome, rounds: int) -> Searched:
    """Search *subject*, which is synced under its name and stands at its first commit."""
    patterns = [one for one in subject.patterns() if _is_understood(daemon, subject, one)]
    is_large = subject.text_bytes > LARGE
    with contextlib.ExitStack() as stack:
        server = None
        if built.zoekt and peers.found("zoekt-webserver"):
            server = stack.enter_context(peers.ZoektServer(built.zoekt))
        took = [_first(subject, daemon, server, one, rounds) for one in patterns]
        rows = [
            row for one, t in zip(patterns, took, strict=True) for row in _rows(one, t, is_large)
        ]
        rows += _memory(daemon, server, is_large=is_large)
    listed = [_files(subject, daemon, built, one, rounds) for one in patterns if not one.is_regex]
    return Searched(rows + listed, _table(patterns, took))


def _is_understood(daemon: Daemon, subject: Subject, pattern: Pattern) -> bool:
    try:
        daemon.search(subject.name, pattern.text, limit=1, mode=_mode(pattern))
    except LookupError as err:
        print(f"left out: {err}\n")
        return False
    return True


def _first(
    subject: Subject,
    daemon: Daemon,
    server: peers.ZoektServer | None,
    pattern: Pattern,
    rounds: int,
) -> dict[str, float]:
    """Return the median seconds of everybody's first 50 matches of one pattern."""
    regex = ["--regex"] if pattern.is_regex else []
    query = ("query", "--repo", subject.name, "--limit", str(LIMIT), *regex, "--", pattern.text)
    works: dict[str, Work] = {
        _HTTP: lambda: daemon.search(subject.name, pattern.text, limit=LIMIT, mode=_mode(pattern)),
        _QUERY: lambda: daemon.cidx(*query),
    }
    for name, argv in (("git", peers.git_grep), ("rg", peers.ripgrep)):
        if peers.found(name):
            command = argv(pattern.text, is_regex=pattern.is_regex)
            label = _GIT if name == "git" else _RG
            works[label] = _head(command, subject)
    if server:
        for label, stops_early in ((_ZOEKT, False), (_EARLY, True)):
            works[label] = _asking(server, pattern, stops_early=stops_early)
    return alternating(works, rounds)


def _head(command: list[str], subject: Subject) -> Work:
    return lambda: peers.first_lines(command, subject.tree, LIMIT)


def _asking(server: peers.ZoektServer, pattern: Pattern, *, stops_early: bool) -> Work:
    question = server.question(
        pattern.text, LIMIT, is_regex=pattern.is_regex, stops_early=stops_early
    )
    return lambda: server.ask(question)


def _rows(pattern: Pattern, took: dict[str, float], is_large: bool) -> list[Row]:  # noqa: FBT001 - one caller
    what = f"first {LIMIT}, {pattern.kind}, over HTTP"
    greps = [took[name] for name in (_GIT, _RG) if name in took]
    zoekts = [took[name] for name in (_ZOEKT, _EARLY) if name in took]
    target = 0.1 if is_large else 0.6
    return [
        Row(what, took[_HTTP], "the faster of git grep and rg", min(greps, default=None), target),
        Row(what, took[_HTTP], "zoekt-webserver", min(zoekts, default=None), 1.0),
    ]


def _memory(daemon: Daemon, server: peers.ZoektServer | None, *, is_large: bool) -> list[Row]:
    target = 1.0 if is_large else None
    rows = []
    for field, words in (("Pss", "memory while serving (Pss)"), ("RssAnon", "of it anonymous")):
        theirs = float(server.memory(field)) if server else None
        rows.append(
            Row(words, float(daemon.memory(field)), "zoekt-webserver", theirs, target, "MB")
        )
        target = None
    return rows


def _files(subject: Subject, daemon: Daemon, built: Outcome, pattern: Pattern, rounds: int) -> Row:
    """Return the row of the list of all files with a match."""
    lister = _lister(subject, daemon, pattern.text)
    works: dict[str, Work] = {"cidx": lister}
    for one in built.codesearches:
        works[one.csearch] = lambda one=one: one.files(re.escape(pattern.text))  # type: ignore[misc]
    took = alternating(works, rounds)
    ours = took.pop("cidx")
    theirs = {len(one.files(re.escape(pattern.text))) for one in built.codesearches}
    note = f"{len(lister())} files, csearch {' or '.join(map(str, sorted(theirs)))}"
    what = f"all files, {pattern.kind}, over HTTP"
    return Row(what, ours, "csearch -l", min(took.values(), default=None), 1.0, note=note)


def _lister(subject: Subject, daemon: Daemon, text: str) -> Callable[[], set[str]]:
    """Return what lists the files: the server's own way if it has one, else every match."""
    options: dict[str, Any] = {"show": "files"}
    try:
        daemon.search(subject.name, text, limit=1, **options)
    except LookupError:
        options = {}

    def listed() -> set[str]:
        found: set[str] = set()
        more: dict[str, Any] = {}
        while True:
            answer = daemon.search(subject.name, text, limit=0, **options, **more)
            found |= {one["path"] for one in answer.get("files") or answer["matches"]}
            if answer["next_cursor"] is None:
                return found
            more = {"cursor": answer["next_cursor"]}

    return listed


def _mode(pattern: Pattern) -> str:
    return "regex" if pattern.is_regex else "literal"


def _table(patterns: list[Pattern], took: list[dict[str, float]]) -> str:
    rows = [
        (one.kind, f"`{one.text}`", *(amount(times.get(name), "ms") for name in _COLUMNS))
        for one, times in zip(patterns, took, strict=True)
    ]
    return table((f"first {LIMIT}", "pattern", *_COLUMNS), rows)
