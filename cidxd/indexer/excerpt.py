"""What of a file is shown with a match: the line, where in it, and the lines around.  Pure."""

from __future__ import annotations

import base64
from typing import Any, Final

from cidxd.indexer.pattern import LineHits, Span

TEXT_LIMIT: Final = 2000  # code points of a line that are shown
_LEAD: Final = 200  # code points before the first occurrence, when a line is cut


def named_path(path: bytes) -> dict[str, str]:
    """Return `path` as text, and `path_base64` too when it is not UTF-8."""
    try:
        return {"path": path.decode()}
    except UnicodeDecodeError:
        encoded = base64.b64encode(path).decode("ascii")
        return {"path": path.decode("utf-8", "replace"), "path_base64": encoded}


def quoted(content: bytes, hits: LineHits, context: int) -> dict[str, Any]:
    """
    Return `line`, `column`, `text` and `ranges` of a match, and what is to be said about them.

    Args:
        content: The whole file.
        hits: The line.
        context: How many lines before and after are wanted.
    """
    found: dict[str, Any] = {
        "line": hits.number,
        "column": hits.spans[0][0] - hits.start + 1,
        **_cut(*_decoded(content[hits.start : hits.end], hits)),
    }
    if context:
        found["context_before"] = _before(content, hits.start, context)
        found["context_after"] = _after(content, hits.end, context)
    return found


def _decoded(line: bytes, hits: LineHits) -> tuple[str, list[Span], bool]:
    """Return the line's text, the occurrences as code points, and whether bytes were replaced."""
    spans = [(start - hits.start, end - hits.start) for start, end in hits.spans]
    text = line.decode("utf-8", "replace")
    if line.isascii():
        return text, spans, False
    ranges: list[Span] = []
    seen = points = 0
    for start, end in spans:
        points += len(line[seen:start].decode("utf-8", "replace"))
        first = points
        points += len(line[start:end].decode("utf-8", "replace"))
        seen = end
        ranges.append((first, points))
    return text, ranges, "\ufffd" in text and not _is_utf8(line)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cut(text: str, ranges: list[Span], is_replaced: bool) -> dict[str, Any]:  # noqa: FBT001 - the third part of _decoded
    shown = text.removesuffix("\r")
    first = ranges[0][0]
    start = 0
    if is_cut := len(shown) > TEXT_LIMIT:
        start = max(0, min(first - _LEAD, len(shown) - TEXT_LIMIT))
        shown = shown[start : start + TEXT_LIMIT]
    within = [
        [min(a - start, len(shown)), min(b - start, len(shown))]
        for a, b in ranges
        if a - start < len(shown) or a == first
    ]
    found: dict[str, Any] = {"text": shown, "ranges": within}
    if is_cut:
        found["truncated"] = True
    if is_replaced:
        found["invalid_utf8"] = True
    return found


def _before(content: bytes, start: int, count: int) -> list[str]:
    lines: list[str] = []
    while start > 0 and len(lines) < count:
        end = start - 1
        start = content.rfind(b"\n", 0, end) + 1
        lines.append(_shown(content[start:end]))
    return lines[::-1]


def _after(content: bytes, end: int, count: int) -> list[str]:
    lines: list[str] = []
    while end + 1 < len(content) and len(lines) < count:
        start = end + 1
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        lines.append(_shown(content[start:end]))
    return lines


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "replace").removesuffix("\r")[:TEXT_LIMIT]
