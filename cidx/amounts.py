"""Numbers as people read them: durations, sizes, counts, instants, ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86400
_SIZE_STEP = 1000
_SHORT_ID = 8
_PLURAL = re.compile(r"[a-z]+s\b")
_SINGULAR = {"branches": "branch", "entries": "entry"}


def duration(seconds: float) -> str:
    """Return `0.42 s`, `12.3 s`, `3 min 20 s` or `2 h 5 min`; never negative."""
    seconds = max(0.0, seconds)
    if seconds < 9.995:  # noqa: PLR2004 - where two decimals would round up to 10.00
        return f"{seconds:.2f} s"
    if seconds < _MINUTE_S - 0.05:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR_S:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // 60} min"


def rough_duration(seconds: float) -> str:
    """Return a duration without false precision: `8 s`, `3 min`, `2 h`, `5 days`."""
    whole = max(0, round(seconds))
    for unit_s, name in ((_DAY_S, "days"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if whole >= 2 * unit_s:
            return f"{round(whole / unit_s)} {name}"
    return f"{whole} s"


def size(size_bytes: float) -> str:
    """Return `512 B`, `5.2 MB`, `1.5 GB`: powers of 1000, as disks and git count."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < _SIZE_STEP:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _SIZE_STEP
    return f"{amount:.1f} TB"


def count(number: int, noun: str) -> str:
    """Return `1 file` or `1,234 files`; *noun* is singular and takes an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counters(values: dict[str, int]) -> str:
    """
    Return counters by name as words, zeros left out: `12 files indexed, 5.2 MB received`.

    A name that starts with `bytes` counts bytes: `bytes_received`.
    """
    return ", ".join(_counter(name, value) for name, value in values.items() if value)


def _counter(name: str, value: int) -> str:
    if name.startswith("bytes"):
        return f"{size(value)}{name.removeprefix('bytes').replace('_', ' ')}"
    words = name.replace("_", " ")
    return f"{value:,} {_one(words) if value == 1 else words}"


def _one(words: str) -> str:
    """Return a counter's name for one: its plural noun is the first or the last word."""
    return _PLURAL.sub(lambda found: _SINGULAR.get(found[0], found[0][:-1]), words, count=1)


def instant_of(text: object) -> float | None:
    """Return an RFC 3339 instant in POSIX seconds, None if it is none."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def age(text: object, now: float) -> str:
    """Return how long ago an RFC 3339 instant was: `5 min ago`; `-` without one."""
    at = instant_of(text)
    return "-" if at is None else f"{rough_duration(now - at)} ago"


def moment(text: object) -> str:
    """Return an RFC 3339 instant as `2026-11-24 03:10:00 UTC`; empty if it is none."""
    at = instant_of(text)
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def short_commit(commit: object) -> str:
    """Return a commit's first ten digits, `none` without one."""
    return str(commit)[:10] if commit else "none"


def short_id(job_id: object) -> str:
    """Return a job id's last eight characters: those of one minute begin alike."""
    return str(job_id)[-_SHORT_ID:]
