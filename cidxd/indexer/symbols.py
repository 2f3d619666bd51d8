"""
The definitions in a file's content, found by tree-sitter.

Our queries (`queries/*.scm`) capture the name as `@name` and what is defined under its
kind; instead of the name, `@declarator` is what the name is within.  `@scope` encloses without
being a definition, `@within` names a scope that stands elsewhere.  What encloses what follows
from where they start and end.
Nothing here trusts the content: time, count and length are bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from tree_sitter import Node, Parser, Query, QueryCursor, Tree

from cidxd.indexer import grammars
from cidxd.indexer.declarator import declared
from cidxd.indexer.definition import (
    KINDS,
    NAME_CHARACTERS,
    PARSED_BYTES,
    SYMBOLS_PER_BLOB,
    Definition,
    kept_name,
)

PARSE_S: Final = 2.0  # of this thread's processor time, for one blob
_WINDOW_BYTES: Final = 128 << 10  # so that a table of a million names is not held as matches
_CHUNK_BYTES: Final = 1 << 20
_PARTIAL_MATCHES: Final = 4096
_BROKEN_NODES: Final = 20_000
_BROKEN_WORK: Final = 400_000_000  # about half a second
_TYPES: Final = frozenset({"class", "enum", "interface", "scope", "struct"})
_CALLABLE: Final = frozenset({"function", "method"})


class _Found(NamedTuple):
    """A match: where what is defined starts and ends, and which pattern said so."""

    start: int
    end: int
    name_at: int
    pattern: int
    kind: str
    name: str
    qualifier: str
    line: int


class _Frame(NamedTuple):
    """Something open around the current place."""

    start: int
    end: int
    kind: str
    path: str


def definitions(grammar: str, content: bytes, *, limit_s: float = PARSE_S) -> list[Definition]:
    """
    Return the definitions in the order of their lines.

    Broken source gives what can be made out of it; source that takes longer than
    *limit_s* of processor time gives what was found until then.

    Args:
        grammar: One of `languages.GRAMMARS`; KeyError otherwise.
        content: Any bytes.
        limit_s: Seconds.
    """
    if len(content) > PARSED_BYTES:
        return []
    deadline_s = time.thread_time() + limit_s

    def is_late(*_: object) -> bool:
        return time.thread_time() > deadline_s

    parser, query = grammars.loaded(grammars.fitting(grammar, content))
    tree = _parse(parser, content, is_late)
    if tree is None or not _is_tame(tree.root_node):
        return []
    found = _chosen(_matches(query, tree, content, is_late))
    return list(_placed(found))[:SYMBOLS_PER_BLOB]


def _parse(parser: Parser, content: bytes, is_late: Callable[..., bool]) -> Tree | None:
    try:
        return parser.parse(
            lambda offset, _: content[offset : offset + _CHUNK_BYTES], progress_callback=is_late
        )
    except ValueError:  # how the binding says that the callback stopped it
        parser.reset()
        return None


def _is_tame(root: Node) -> bool:
    """
    Whether a query on it ends in good time, which nothing could stop.

    The children of an error are a flat list, and a query on one takes time by their square.
    """
    waiting, visited, work = [root], 0, 0
    while waiting:
        node = waiting.pop()
        visited += 1
        work += node.child_count ** (2 if node.is_error else 1)
        if visited > _BROKEN_NODES or work > _BROKEN_WORK:
            return False
        if node.has_error:
            waiting.extend(child for child in node.children if child.has_error)
    return True


def _matches(
    query: Query, tree: Tree, content: bytes, is_late: Callable[..., bool]
) -> Iterator[_Found]:
    cursor = QueryCursor(query, match_limit=_PARTIAL_MATCHES)
    count = 0
    for start in range(0, len(content), _WINDOW_BYTES):
        cursor.set_byte_range(start, start + _WINDOW_BYTES)
        # Without a callback on progress: the binding (0.26) would crash on a dangling pointer.
        for pattern, captures in cursor.matches(tree.root_node):
            found = _found(pattern, captures, content)
            # What reaches over several windows is found in each.
            if found is not None and start <= found.name_at < start + _WINDOW_BYTES:
                yield found
                count += 1
        if count >= SYMBOLS_PER_BLOB or is_late():
            return


def _found(pattern: int, captures: dict[str, list[Node]], content: bytes) -> _Found | None:
    kind = next((kind for kind in captures if kind in KINDS or kind == "scope"), None)
    if kind is None:
        return None
    whole = captures[kind][0]
    if "name" in captures:
        name: Node | None = captures["name"][-1]
    else:
        start = whole.start_byte
        name = declared(captures["declarator"][0], kind, content[start : start + 10])
    if name is None:
        return None
    start = name.start_byte
    qualifier, text = _split(content[start : name.end_byte])
    if within := captures.get("within"):
        qualifier = _text(within[0], content)
    kept = kept_name(text)
    if kept is None:
        return None
    return _Found(
        whole.start_byte,
        whole.end_byte,
        start,
        pattern,
        kind,
        kept,
        kept_name(qualifier) or "",
        name.start_point.row + 1,
    )


def _text(node: Node, content: bytes) -> bytes:
    return content[node.start_byte : node.end_byte]


def _split(name: bytes) -> tuple[bytes, bytes]:
    r"""Return what stands before the last `::`, `\` or dot of a name, dotted, and the rest."""
    if b"::" in name:
        scope, _, rest = name.rpartition(b"::")
        return _without_arguments(scope).replace(b"::", b"."), rest
    if b"<" in name and not name.startswith(b"operator"):
        name = _without_arguments(name)  # a specialisation is found by the name of its template
    return b"", name.lstrip(b":#").replace(b"\\", b".")


def _without_arguments(scope: bytes) -> bytes:
    kept, depth = bytearray(), 0
    for byte in scope[: 4 * NAME_CHARACTERS]:
        depth += (byte == ord("<")) - (byte == ord(">"))
        if not depth and byte != ord(">"):
            kept.append(byte)
    return bytes(kept)


def _chosen(found: Iterable[_Found]) -> list[_Found]:
    """Return one of the matches on each name, that of the first pattern; outer before inner."""
    best: dict[int, _Found] = {}
    for one in found:
        other = best.setdefault(one.name_at, one)
        if one.pattern < other.pattern:
            best[one.name_at] = one
    return sorted(best.values(), key=lambda one: (one.start, -one.end, one.name_at))


def _placed(found: Iterable[_Found]) -> Iterator[Definition]:
    frames: list[_Frame] = []
    rows: list[Any] = []
    for one in found:
        # Names that one declaration gives stand beside each other.
        while frames and (frames[-1].end <= one.start or frames[-1][:2] == one[:2]):
            frames.pop()
        around = frames[-1] if frames else None
        kind = _kind(one, around.kind if around else "")
        scope = _joined(around.path if around else "", one.qualifier)
        frames.append(_Frame(one.start, one.end, kind or one.kind, _joined(scope, one.name)))
        if kind is not None:
            rows.append(Definition(one.name, kind, one.line, scope or None))
    rows.sort(key=lambda row: row.line)
    return iter(dict.fromkeys(rows))


def _kind(one: _Found, around: str) -> str | None:
    """Return the kind that the place makes of it; None: a local name, or a mere scope."""
    match one.kind:
        case "function" if around in _TYPES or one.qualifier:
            return "method"
        case "scope":
            return None
        case "variable" | "constant" if around in _CALLABLE:
            return None
        case "variable" if one.name.isupper():
            return "constant"
        case "variable" if around in _TYPES:
            return "field"
    return one.kind


def _joined(outer: str, inner: str) -> str:
    whole = f"{outer}.{inner}" if outer and inner else outer or inner
    return whole if len(whole) <= NAME_CHARACTERS else inner[:NAME_CHARACTERS]
